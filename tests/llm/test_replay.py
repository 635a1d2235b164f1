from __future__ import annotations

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from opto.errors import ModelMissing, ModelUnavailable, StoreError
from opto.llm import DummyLLM, ReplayLLM, Reply, ScriptedLLM, Usage


@pytest.fixture
def path(tmp_path):
    return tmp_path / "answers.jsonl"


def test_what_was_recorded_is_replayed(path):
    given = Reply("é\n\ud800", "m", "length", Usage(1, 2, 0.5), others=("more",), raw=object())
    recorded = ReplayLLM(path, source=ScriptedLLM([given]))("Greet me.")
    again = ReplayLLM(path)("Greet me.")
    assert again == recorded
    assert (again.text, again.others, again.usage) == (given.text, ("more",), given.usage)
    assert (recorded.raw, again.raw) == (given.raw, None)


def test_replies_to_one_request_keep_their_order(path):
    model = ReplayLLM(path, source=ScriptedLLM(["a", "x", "b"]))
    assert [model(ask).text for ask in ("one", "two", "one")] == ["a", "x", "b"]
    again = ReplayLLM(path)
    assert [again(ask).text for ask in ("two", "one", "one")] == ["x", "a", "b"]


def test_what_is_not_recorded_is_refused_without_a_source(path):
    ReplayLLM(path, source=ScriptedLLM(["a"]))("one")
    model = ReplayLLM(path)
    with pytest.raises(ModelMissing, match=r"holds no further answer to the request .*'two'"):
        model("two")
    model("one")
    with pytest.raises(ModelMissing):
        model("one")


def test_only_what_is_missing_is_asked(path):
    ReplayLLM(path, source=ScriptedLLM(["a"]))("one")
    source = ScriptedLLM(["b"])
    model = ReplayLLM(path, source=source)
    assert (model("one").text, model("two").text) == ("a", "b")
    assert len(source.requests) == 1
    assert ReplayLLM(path)("two").text == "b"


def test_a_failure_is_not_recorded(path):
    model = ReplayLLM(path, source=ScriptedLLM([ModelUnavailable("busy"), "a"]))
    with pytest.raises(ModelUnavailable):
        model("one")
    assert model("one").text == "a"
    assert ReplayLLM(path)("one").text == "a"


def test_keys_are_not_recorded(path):
    ReplayLLM(path, source=ScriptedLLM(["a"]))("one", api_key="hunter2")
    assert "hunter2" not in path.read_text()
    assert ReplayLLM(path)("one", api_key="another").text == "a"


def test_a_line_that_was_cut_by_a_crash_is_dropped(path):
    ReplayLLM(path, source=ScriptedLLM(["a"]))("one")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    assert ReplayLLM(path)("one").text == "a"
    assert path.read_bytes() == whole + whole[:20]  # who only reads changes nothing
    ReplayLLM(path, source=ScriptedLLM(["b"]))("two")
    assert [ReplayLLM(path)(ask).text for ask in ("one", "two")] == ["a", "b"]


@pytest.mark.parametrize(
    "line",
    ["no json", "[]", "{}", '{"text": 1, "usage": {}, "others": [], "request": "x"}', "\xff"],
)
def test_a_file_that_is_no_recording_is_refused(path, line):
    ReplayLLM(path, source=ScriptedLLM(["a"]))("one")
    with path.open("ab") as file:
        file.write(line.encode("latin-1") + b"\n")
    with pytest.raises(StoreError, match=r"answers.jsonl:2 is no recorded reply"):
        ReplayLLM(path)


def test_the_recording_is_json_with_one_reply_a_line(path):
    ReplayLLM(path, source=ScriptedLLM(["a", "b"]))("one")
    [line] = path.read_text().splitlines()
    assert json.loads(line)["text"] == "a"


def test_threads_record_whole_lines(path):
    model = ReplayLLM(path, source=DummyLLM(lambda messages, **_: messages[0]["content"]))
    asked = [f"number {n} " + "x" * 5000 for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(model, asked))
    again = ReplayLLM(path)
    assert [again(ask).text for ask in asked] == asked


def test_it_can_be_copied_and_pickled(path):
    model = ReplayLLM(path, source=ScriptedLLM(["a", "b"]))
    model("one")
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301
        assert again("two").text == "b"


def test_schemas_are_enforced_if_the_source_does(path):
    assert ReplayLLM(path, source=ScriptedLLM([], enforces_schema=True)).enforces_schema
    assert not ReplayLLM(path, source=ScriptedLLM([])).enforces_schema
    assert not ReplayLLM(path).enforces_schema
