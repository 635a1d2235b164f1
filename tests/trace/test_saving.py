"""Parameters in a JSON file: closed, whole or not at all."""

from __future__ import annotations

import json
import os
import stat
from hashlib import sha256

import pytest

from opto.errors import StoreError
from opto.trace import Module, bundle
from opto.trace.containers import Map, Seq
from opto.trace.saving import load, save
from tests.support.saved import Agent, changed, par, untouched


def test_a_trained_object_comes_back(tmp_path):
    file = tmp_path / "new" / "room" / "agent.json"
    trained = changed()
    trained.save(file)
    fresh = Agent("another")
    names = [p.name for p in fresh.parameters()]
    fresh.load(str(file))
    assert [p.data for p in fresh.parameters()] == [p.data for p in trained.parameters()]
    assert fresh.act(1).data == 101
    assert fresh.inner.q.data == {"k": (1, 2)}
    assert [p.name for p in fresh.parameters()] == names
    assert fresh.prompt.description == "how to greet"


def test_code_from_a_file_is_held_by_the_sandbox_and_told_of(tmp_path, caplog):
    file = tmp_path / "agent.json"
    trained = changed()
    trained.save(file)
    agent = Agent("another")
    own = agent.act.parameter.data
    agent.load(file)
    assert agent.act.parameter.foreign is True
    assert agent.act(1).info["sandbox"] in {"process", "isolated"}
    digest = sha256(trained.act.parameter.data.encode()).hexdigest()
    (record,) = caplog.records
    assert f"{file} holds code that was not here before: act (sha256 {digest})" in record.message
    caplog.clear()
    agent.load(file)
    assert caplog.records == []
    agent.act.parameter._set(own)
    assert "sandbox" not in agent.act(1).info


def test_the_programs_own_code_stays_its_own_when_it_is_loaded(tmp_path, caplog):
    file = tmp_path / "agent.json"
    Agent().save(file)
    agent = Agent("another")
    agent.load(file)
    assert "sandbox" not in agent.act(1).info
    assert caplog.records == []


def test_the_file_is_text_that_people_can_read(tmp_path):
    file = tmp_path / "a.json"
    changed().save(file)
    text = file.read_text(encoding="utf-8")
    assert '"path": ["inner", "q"],' in text
    assert '"value": "Salut à tous",' in text
    content = json.loads(text)
    assert (content["format"], content["version"]) == ("opto.parameters", 1)
    assert {entry["kind"] for entry in content["parameters"]} == {"value", "code"}


def test_a_module_without_parameters_is_saved_and_loaded(tmp_path):
    Module().save(tmp_path / "a.json")
    Module().load(tmp_path / "a.json")


def test_a_bundled_function_is_saved_and_loaded(tmp_path):
    def make():
        @bundle(trainable=True)
        def f(x):
            return x

        return f

    one, two = make(), make()
    one.parameter._set("def f(x):\n    return x + 100")
    one.save(tmp_path / "f.json")
    two.load(tmp_path / "f.json")
    assert two(1).data == 101


def test_containers_save_and_load_too(tmp_path):
    save(Seq(par(1), par(2)), tmp_path / "a.json")
    seq = Seq(par(0), par(0))
    load(seq, tmp_path / "a.json")
    assert [p.data for p in seq] == [1, 2]


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "a.json"
    Agent("old").save(file)
    before = file.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Agent("new").save(file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_file_is_as_readable_as_any_and_links_stay(tmp_path):
    (tmp_path / "plain").touch()
    Agent().save(tmp_path / "a.json")
    mode = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == mode
    (tmp_path / "link").symlink_to(tmp_path / "a.json")
    Agent("through").save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert "through" in (tmp_path / "a.json").read_text()


def test_two_keys_that_read_alike_are_refused(tmp_path):
    mapped = Map({7: par(1), "[7]": par(2)})
    with pytest.raises(StoreError, match=r"two parameters are called \[7\]"):
        save(mapped, tmp_path / "a.json")


def test_code_that_is_no_text_is_refused(tmp_path):
    agent = Agent()
    agent.act.parameter._set(None)
    with pytest.raises(StoreError, match=r"act \(__code:\d+\) is the code of a method"):
        agent.save(tmp_path / "a.json")


def edited(tmp_path, change):
    """A file of an `Agent`, with its content changed by a function."""
    file = tmp_path / "a.json"
    changed().save(file)
    content = json.loads(file.read_text())
    text = change(content)
    file.write_text(text if isinstance(text, str) else json.dumps(content))
    return file


def entry(content, *path):
    return next(e for e in content["parameters"] if e["path"] == [*path])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["parameters"].remove(entry(c, "prompt")), "has no value for 'prompt'"),
        (lambda c: c["parameters"].clear(), "'act'; .*'inner.q'|'act', 'inner.q', 'prompt'"),
        (lambda c: entry(c, "prompt").update(path=["promt"]), "'prompt'; did you mean 'promt'"),
        (lambda c: entry(c, "act").update(kind="value"), "act is the code of a method here and a"),
        (lambda c: entry(c, "prompt").update(kind="code"), "prompt is a plain parameter here and"),
        (lambda c: entry(c, "act").update(value=5), "'act'.* is malformed"),
        (lambda c: entry(c, "act").update(extra=5), "has not the keys"),
        (lambda c: [entry(c, "act").pop("trainable")], "has not the keys"),
        (lambda c: entry(c, "prompt").update(path="prompt"), "malformed"),
        (lambda c: entry(c, "prompt").update(value={"$": "os.system", "of": "x"}), "os.system"),
        (lambda c: entry(c, "prompt").update(value={"$": "set", "of": 5}), "prompt is damaged"),
        (lambda c: c.update(version=2), "version 2 .* reads version 1"),
        (lambda c: c.update(format="other"), "its format is not 'opto.parameters'"),
        (lambda c: c.update(more=1), "is damaged"),
        (lambda c: c["parameters"].append(entry(c, "prompt")), "'prompt' is in it twice"),
        (lambda c: c.update(parameters={}), "is damaged"),
        (lambda c: json.dumps(c)[:-20], "is not a JSON file"),
        (lambda c: "[" * 100_000, "is not a JSON file"),
        (lambda c: "", "is not a JSON file"),
        (lambda c: "[]", "holds no saved parameters"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(tmp_path, change, words):
    agent = Agent()
    with pytest.raises(StoreError, match=words):
        agent.load(edited(tmp_path, change))
    assert untouched(agent)


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        Agent().load(tmp_path / "nowhere.json")


def extra(*path, **more):
    new = {"kind": "value", "value": 5, "trainable": False, "description": "said", **more}
    return lambda content: content["parameters"].append({"path": [*path], **new})


def test_a_parameter_that_is_new_becomes_an_attribute(tmp_path):
    """As in the original: an object may make parameters after its __init__."""
    agent = Agent()
    agent.load(edited(tmp_path, extra("inner", "late")))
    late = agent.inner.late
    assert (late.data, late.trainable, late.description) == (5, False, "said")
    assert late.name.startswith("late:")
    assert agent.act(1).data == 101


@pytest.mark.parametrize(
    "change",
    [
        extra("forward"),
        extra("more"),
        extra("save"),
        extra("inner"),
        extra("__dunder__"),
        extra("not a name"),
        extra(),
        extra("nowhere", "late"),
        extra("prompt", "late"),
        extra("seq", "5"),
        extra("late", kind="code", value="def late(): pass"),
    ],
)
def test_a_parameter_that_has_no_place_is_refused(tmp_path, change):
    agent = Agent()
    with pytest.raises(StoreError, match="for which there is no place in Agent"):
        agent.load(edited(tmp_path, change))
    assert untouched(agent)
    assert {n for n in vars(agent) if not n.startswith("__TRACE_RESERVED_")} == {*vars(Agent())}


def test_nothing_of_the_file_is_run_by_loading_it(tmp_path):
    code = "def act(self, x):\n    raise SystemExit('ran')\n\nraise SystemExit('ran')"
    agent = Agent()
    agent.load(edited(tmp_path, lambda c: entry(c, "act").update(value=code)))
    assert agent.act.parameter.data == code
