"""Workers: killed ones are replaced, forks and threads do not mind, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from opto.errors import SandboxUnavailable
from opto.sandbox.channel import Lost
from opto.sandbox.engine import CPython, engine_for
from opto.sandbox.policy import Policy
from opto.sandbox.pool import Pool, Zygote
from opto.sandbox.starting import Kind, environment
from opto.sandbox.task import Task

POLICY = Policy(level="process", time=20)
ADD = "def f(x): return x + 1"


@pytest.fixture(autouse=True)
def no_others():
    """The workers of other tests are not counted here."""
    engine_for(POLICY).stop()


@pytest.fixture
def engine():
    engine = CPython()
    yield engine
    engine.stop()


def called(engine, x=1, text=ADD, policy=POLICY):
    return engine.call(Task(text, "f", (x,)), policy)


def outermost():
    """The workers that this process has started, and none of its other children."""
    mine = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if any(part.endswith("start.py") for part in child.cmdline()):
                mine.append(child)
    return mine


def workers():
    """These, and what they have started."""
    return [one for outer in outermost() for one in (outer, *outer.children(recursive=True))]


def soon(condition, seconds=10.0):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def test_a_worker_has_nothing_of_this_process(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "sk-secret")
    assert "sk-secret" not in environment().values()
    assert environment()["OMP_NUM_THREADS"] == "1"


def test_a_worker_sees_neither_our_folder_nor_our_modules(engine, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("x = 1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert called(engine, text="def f(x): import mine").error == "ModuleNotFoundError"
    text = "import sys\ndef f(x): return [m for m in sys.modules if 'opto' in m and m[0] != '_']"
    assert called(engine, text=text).value == []


def test_calls_of_one_kind_share_a_worker(engine):
    for policy in (POLICY, Policy(level="process", time=3), Policy(level="process", memory="1GB")):
        assert called(engine, policy=policy).value == 2
    assert len(engine._pool._places) == 1
    called(engine, policy=Policy(level="process", memory="2GB"))
    assert len(engine._pool._places) == 2


@pytest.mark.parametrize("which", ["outer", "inner"])
def test_a_killed_worker_is_replaced_without_the_user_noticing(engine, which):
    for x in range(3):
        # More than one: the child that was ahead answers for a worker that is gone, too.
        assert soon(lambda: called(engine).value == 2 and outermost())
        [outer] = outermost()
        victim = outer if which == "outer" else (outer.children() or [outer])[0]
        victim.kill()
        assert called(engine, x).value == x + 1
    engine.stop()
    assert workers() == []


def test_a_worker_killed_in_the_middle_of_a_call_runs_it_again(engine):
    called(engine)
    [outer] = outermost()
    killing = threading.Timer(0.3, outer.kill)
    killing.start()
    began = time.monotonic()
    assert called(engine, text="import time\ndef f(x):\n time.sleep(0.8)\n return x").value == 1
    assert time.monotonic() - began > 1.0
    killing.join()


def test_a_call_that_used_the_host_is_not_made_twice(engine):
    asked = []

    def ask(x):
        asked.append(x)
        held = workers()
        for process in held:
            process.kill()
        assert soon(lambda: not [p for p in held[1:] if p.is_running()])
        return x

    policy = Policy(level="process", host={"ask": ask})
    outcome = called(engine, text="def f(x): return ask(x)", policy=policy)
    assert (outcome.status, asked, outcome.host_calls) == ("died", [1], 1)
    assert called(engine).value == 2


def test_a_stopped_worker_that_answers_nothing_is_replaced(engine, monkeypatch):
    called(engine)
    [outer] = outermost()
    inner = (outer.children() or [outer])[0]
    # One child was forked ahead; the next call would have to wait for ever.
    inner.send_signal(signal.SIGSTOP)
    zygote = next(iter(engine._pool._places.values())).zygote
    zygote._control.settimeout(0.3)
    assert [called(engine, x).value for x in (1, 2, 3)] == [2, 3, 4]


def test_a_worker_that_cannot_start_says_why():
    with pytest.raises(SandboxUnavailable, match="No module named 'nothing_there'"):
        Zygote(Kind("process", 1 << 30, preload=("nothing_there",)))
    assert workers() == []


def test_a_worker_that_is_gone_is_lost():
    zygote = Zygote(Kind("process", 1 << 30))
    zygote.stop()
    with pytest.raises(Lost):
        zygote.fork()
    assert not zygote.alive


def test_workers_not_used_for_longest_end(engine):
    for megabytes in range(12):
        called(engine, policy=Policy(level="process", memory=f"{500 + megabytes}MB"))
    assert len(engine._pool._places) <= 9
    assert len(outermost()) <= 9


def test_many_threads_call_at_once(engine):
    text = "import time\ndef f(x):\n time.sleep(0.2)\n return x"
    with ThreadPoolExecutor(16) as pool:
        began = time.monotonic()
        found = list(pool.map(lambda x: called(engine, x, text).value, range(32)))
        took = time.monotonic() - began
    assert found == list(range(32))
    assert took < 32 * 0.2
    assert len(outermost()) == 1


def test_the_first_calls_may_come_at_once(engine):
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda x: called(engine, x).value, range(8))) == list(range(1, 9))
    assert len(outermost()) == 1


def test_a_fork_of_this_process_has_workers_of_its_own(engine):
    assert called(engine).value == 2
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            found = [called(engine, x).value for x in range(3)]
            engine.stop()
            os.write(writing, repr(found).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reading) as said:
        assert (said.read(), status) == ("[1, 2, 3]", 0)
    assert called(engine, 5).value == 6


def test_a_fork_does_not_keep_alive_what_we_let_go_of(engine):
    called(engine)
    text = "def f(x):\n while True: pass"
    late = threading.Thread(target=called, args=(engine, 1, text, Policy(level="process", time=1)))
    late.start()
    time.sleep(0.4)
    [outer] = outermost()
    zygote = (outer.children() or [outer])[0]
    assert soon(lambda: len(zygote.children()) == 2), "the endless one, and one ahead"
    pid = os.fork()
    if pid == 0:
        time.sleep(20)
        os._exit(0)
    try:
        late.join()
        assert soon(lambda: len(zygote.children()) <= 1, 3)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


SCRIPT = """
from opto.sandbox.engine import engine_for
from opto.sandbox.policy import Policy
from opto.sandbox.task import Task
policy = Policy(level="process")
print(engine_for(policy).call(Task("def f(x): return x + 1", "f", (1,)), policy).value)
{more}
"""


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("", 0),
        ("import os; os._exit(3)", 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("raise SystemExit(4)", 4),
    ],
)
def test_a_plain_script_leaves_nothing_however_it_ends(tmp_path, more, code):
    script = tmp_path / "plain.py"
    script.write_text(SCRIPT.format(more=more))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-u", script], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("2\n", "", code)
    start = str(Path("worker") / "start.py")

    def left():
        lines = [
            p.info["cmdline"] or []
            for p in psutil.process_iter(["cmdline", "ppid"])
            if p.info["ppid"] == 1
        ]
        return [line for line in lines if any(start in word for word in line)]

    assert soon(lambda: not left())


def test_an_endless_call_ends_with_the_host(tmp_path):
    script = tmp_path / "plain.py"
    endless = 'engine_for(policy).call(Task("def f():\\n while True: pass", "f"), policy)'
    script.write_text(SCRIPT.format(more=endless))
    host = subprocess.Popen([sys.executable, "-u", script], stdout=subprocess.PIPE, text=True)
    with host:
        assert host.stdout.readline() == "2\n"
        time.sleep(0.3)
        held = psutil.Process(host.pid).children(recursive=True)
        assert len(held) >= 2
        host.kill()
    assert soon(lambda: not [p for p in held if p.is_running()])


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (ADD, "ok"),
        ("def f(x): 1 / 0", "error"),
        ("import os\ndef f(x): os._exit(1)", "died"),
        ("def f(x): return f", "refused"),
        ("def f(x):\n while True: pass", "timeout"),
        (
            "import threading as t, time\ndef f(x): t.Thread(target=time.sleep, args=(9,)).start()",
            "ok",
        ),
    ],
)
def test_calls_leave_neither_processes_nor_descriptors(engine, text, status):
    policy = Policy(level="process", time=0.05) if status == "timeout" else POLICY
    called(engine)
    me = psutil.Process()
    before = me.num_fds()
    [outer] = outermost()
    zygote = (outer.children() or [outer])[0]
    held = zygote.num_fds()
    for _ in range(20):
        assert called(engine, text=text, policy=policy).status == status
    assert me.num_fds() == before
    # The one that is forked ahead is still there.
    assert soon(lambda: len(zygote.children()) <= 1)
    assert soon(lambda: zygote.num_fds() <= held)


def test_stopping_ends_the_workers_and_the_next_call_starts_one(engine):
    called(engine)
    held = workers()
    engine.stop()
    assert soon(lambda: not [p for p in held if p.is_running()])
    assert called(engine).value == 2


def test_a_pool_can_be_stopped_twice():
    pool = Pool()
    pool.stop()
    pool.stop()
    assert workers() == []


@pytest.mark.slow
def test_a_hundred_thousand_calls_leave_no_memory():
    engine = CPython()
    me, calls = psutil.Process(), int(os.environ.get("OPTO_SANDBOX_CALLS", "100000"))
    try:
        for x in range(1000):
            called(engine, x)
        [outer] = outermost()
        zygote = (outer.children() or [outer])[0]
        mine, its = me.memory_info().rss, zygote.memory_info().rss
        fds = me.num_fds(), zygote.num_fds()
        with ThreadPoolExecutor(4) as pool:
            for first in range(0, calls, 1000):
                values = pool.map(lambda x: called(engine, x).value, range(first, first + 1000))
                assert list(values) == list(range(first + 1, first + 1001))
        assert me.memory_info().rss - mine < 8 << 20
        assert zygote.memory_info().rss - its < 2 << 20
        assert soon(lambda: (me.num_fds(), zygote.num_fds()) <= fds)
        assert soon(lambda: len(zygote.children()) <= 1)
    finally:
        engine.stop()
