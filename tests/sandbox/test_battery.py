"""The battery holds here; and it sees what gets out, or it would prove nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest

import opto
from opto.sandbox.__main__ import main
from opto.sandbox.battery.check import Verdict, as_table, check, kept_promises
from opto.sandbox.battery.snippets import Benign, Hostile, benign, hostile
from opto.sandbox.battery.watched import strangers
from opto.sandbox.battery.yard import Yard, family

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's walls are Linux's")

LEVELS = ["process", "isolated"]
_SMOKE = """
c_loop_sum recursion_segv fork_bomb stdout_flood return_deep hash_flood os_exit kill_group
protocol_garbage read_environ read_secret_file proc_root_read gc_walk http_ssrf unix_abstract
write_canary subprocess_run patch_builtins exc_pickle_reduce ret_int_subclass ret_eq_liar
rpc_flood rpc_evil_args src_deep_parens thread_bomb_small disarm_hook allowlist_re pdeathsig_off
arith generator async numpy helper_call print regex json match_stmt
"""
SMOKE = tuple(_SMOKE.split())
# An interpreter that everybody may read, for a user who may not read ours.
PUBLIC = Path(f"/usr/bin/python3.{sys.version_info.minor}")
NOBODY = 65534


@pytest.mark.parametrize("level", LEVELS)
def test_some_of_each_kind_hold(level):
    verdicts = check(level, only=SMOKE, jobs=2, late=0)
    assert len(verdicts) > 30
    assert kept_promises(verdicts), as_table(verdicts)


def test_some_of_each_kind_hold_in_monty():
    pytest.importorskip("pydantic_monty")
    verdicts = check("isolated", engine="monty", only=SMOKE, jobs=2, late=0)
    assert sum(verdict.promised for verdict in verdicts) > 20
    assert kept_promises(verdicts), as_table(verdicts)


@pytest.mark.slow
def test_every_promise_is_kept_in_monty():
    pytest.importorskip("pydantic_monty")
    verdicts = check("isolated", engine="monty", jobs=2)
    assert sum(verdict.promised for verdict in verdicts) > 110
    assert kept_promises(verdicts), as_table(verdicts)


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["", "namespaces", "landlock", "landlock=1,namespaces", "hook"])
@pytest.mark.parametrize("level", LEVELS)
def test_every_promise_is_kept(level, missing, monkeypatch):
    monkeypatch.setenv("OPTO_SANDBOX_WITHOUT", missing)
    verdicts = check(level, jobs=2)
    assert sum(verdict.promised for verdict in verdicts) > 110
    assert kept_promises(verdicts), as_table(verdicts)


@pytest.fixture(scope="module")
def public_python():
    """A Python that an ordinary user can run, with this library and its packages."""
    if os.getuid() != 0:
        return Path(sys.executable)
    if not PUBLIC.exists():
        pytest.skip(f"there is no {PUBLIC} that an ordinary user could run")
    folder = Path(mkdtemp(prefix="opto-battery-"))
    folder.chmod(0o755)
    subprocess.run([PUBLIC, "-m", "venv", "--without-pip", folder], check=True)
    [packages] = folder.glob("lib/*/site-packages")
    places = [Path(opto.__file__).parents[1], *(p for p in sys.path if "site-packages" in p)]
    packages.joinpath("ours.pth").write_text("\n".join(map(str, places)))
    yield folder / "bin" / "python"
    shutil.rmtree(folder)


@pytest.fixture
def own():
    """A folder outside of those of pytest, which are closed to others."""
    with TemporaryDirectory() as folder:
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["", "namespaces", "landlock,namespaces"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("user", [NOBODY, 0])
def test_every_promise_is_kept_for_any_user(user, level, missing, public_python, own):
    """Also for root where the interpreter lies open, so that root is given up altogether."""
    if os.getuid() != 0 and user == 0:
        pytest.skip("this is an ordinary user")
    changed = {"user": user, "group": user, "extra_groups": []} if os.getuid() == 0 else {}
    if changed:
        os.chown(own, user, user)
    done = subprocess.run(
        [public_python, "-m", "opto.sandbox", "check", "--level", level, "-j", "2"],
        env={"OPTO_SANDBOX_WITHOUT": missing, "HOME": own, "TMPDIR": own},
        cwd=own,
        capture_output=True,
        text=True,
        check=False,
        **changed,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "BROKEN" not in done.stdout
    assert "all attacks" in done.stdout


def attack(id_, body):
    text = "import os, socket, time\ndef f(x):\n" + "".join(f"    {line}\n" for line in body)
    return Hostile(id_, "own", "", "process", text)


LEAK = attack("leak", ["return open(x['secret_path']).read()"])
# What an attack would achieve if nothing stood in its way, and what is then seen.
ACHIEVED = [
    (LEAK, "secret leaked"),
    (attack("cuts", ["os.truncate(x['canary'], 0)"]), "files: canary.txt"),
    (attack("marks", ["open(x['marker'], 'w')"]), "marker"),
    (
        attack("connects", ["socket.create_connection(('127.0.0.1', x['tcp'])).recv(9)"]),
        "network: tcp",
    ),
    (
        # It waits until there is one that left its group, which is killed with it.
        attack("stays", ["child = os.fork()", "if child == 0:", " os.setsid()",
                         " if os.fork() == 0:", "  time.sleep(12)", " os._exit(0)",
                         "os.waitpid(child, 0)"]),
        "processes: 1 left",
    ),
    (attack("reaches", ["return 'REACHED'"]), "reached: REACHED"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "flag"), ACHIEVED, ids=[text.id for text, _ in ACHIEVED])
def test_what_an_attack_achieves_is_seen(text, flag, monkeypatch):
    """Without the walls it gets through: the judge must notice."""
    monkeypatch.setenv("OPTO_SANDBOX_WITHOUT", "hook,namespaces,seccomp")
    [verdict] = check("process", attacks=[text], functions=[], jobs=1, late=0)
    assert flag in verdict.flags
    assert not kept_promises([verdict])
    assert f"BROKEN  {text.id}: " in as_table([verdict])


def test_a_wrong_answer_is_seen():
    wrong = Benign("wrong", "def f(x):\n    return x", 1, 2)
    [verdict] = check("process", attacks=[], functions=[wrong], jobs=1)
    assert verdict.flags == ("wrong: returned a value 1",)
    assert not kept_promises([verdict])


def test_nothing_is_promised_beyond_a_level():
    beyond = replace(LEAK, contained_from="isolated")
    assert beyond.must_be_contained("isolated")
    assert not beyond.must_be_contained("process")
    assert not replace(LEAK, contained_from="never").must_be_contained("isolated")
    verdicts = [Verdict("leak", "secret", False, ("secret leaked",))]
    assert kept_promises(verdicts)
    assert "beyond  leak: secret leaked" in as_table(verdicts)


def test_the_texts_are_all_there():
    attacks, functions = hostile(), benign()
    assert len(attacks) >= 104
    assert len(functions) >= 53
    assert len({text.id for text in attacks}) == len(attacks)
    assert {attack.contained_from for attack in attacks} <= {"limits", *LEVELS, "never"}
    assert all("def f(" in text.text for text in (*attacks, *functions))


def test_a_yard_sees_what_is_done_in_it(tmp_path):
    with Yard(tmp_path) as yard:
        x = yard.x(tmp_path / "marker", 1)
        before = yard.files()
        assert yard.files() == before
        Path(x["canary"]).chmod(0o600)
        Path(x["dir"], "new").touch()
        changed = {path for path, was in yard.files().items() if before.get(path) != was}
        assert changed == {x["canary"], str(Path(x["dir"], "new"))}


def test_a_family_is_counted():
    before = family(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        now = family(os.getpid())
        assert now.keys() - before.keys() == {child.pid}
        assert now[child.pid] == os.getpid()
        child.communicate(b"\n")


@pytest.mark.parametrize(
    ("family", "left"),
    [
        ({10: 1, 20: 1}, 0),
        ({10: 1, 20: 1, 11: 10, 21: 20, 22: 21}, 0),
        ({10: 1, 20: 1, 11: 10, 12: 10, 21: 20}, 1),
        ({10: 1, 20: 1, 11: 10, 12: 11, 13: 12}, 2),
        ({10: 1, 20: 1, 21: 20, 22: 21, 23: 21}, 1),
        ({10: 1, 20: 1, 30: 1}, 1),
        ({10: 1, 30: 1, 31: 30, 32: 31}, 3),
    ],
)
def test_strangers_are_told_from_the_sandboxs_own(family, left):
    """Also where a worker has not yet made the child for the next call."""
    assert strangers(1, family, {10: 1, 20: 2}) == left


def test_the_command_says_what_is_enforced(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "isolated on Linux" in said
    assert "refused: write a file" in said


def test_the_command_checks(capsys):
    assert main(["check", "--level", "isolated", "--only", "os_exit", "arith", "-j", "1"]) == 0
    said = capsys.readouterr().out
    assert "all attacks          1        1" in said
    assert "benign               1        1" in said


@pytest.mark.parametrize(
    ("name", "said"), [("arit", "did you mean 'arith'"), ("zzzzzz", "-v names all that are run")]
)
def test_a_text_that_the_battery_has_not_is_an_error(name, said, capsys):
    assert main(["check", "--only", name]) == 2
    assert said in capsys.readouterr().err
