"""Files of the original load without being run: in the sandbox, or here on request."""

from __future__ import annotations

import collections
import copy
import io
import os
import pickle
import subprocess
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import StoreError
from opto.trace.saving.pickles import old_parameters
from tests.support.saved import Agent, Inner, changed, untouched


class ParameterNode:
    """Stands for the class of that name in the original."""


class OldMap:
    pass


class OldSeq:
    pass


OLD_NAMES = {
    ParameterNode: b"opto.trace.nodes\nParameterNode",
    OldMap: b"opto.trace.containers\nMap",
    OldSeq: b"opto.trace.containers\nSeq",
}


class OldPickler(pickle._Pickler):
    """Writes the classes above under the names that they have in the original."""

    def save_global(self, obj, name=None):
        if obj in OLD_NAMES:
            self.write(pickle.GLOBAL + OLD_NAMES[obj] + b"\n")
            self.memoize(obj)
        else:
            super().save_global(obj, name)

    dispatch = {**pickle._Pickler.dispatch, type: save_global}  # noqa: RUF012 - pickle's own


def old(value, name="p:0", **more):
    """A parameter with the attributes that the original gives it."""
    import collections

    parameter = ParameterNode()
    parameter.__dict__.update(
        {
            "_parents": [],
            "_children": [],
            "_level": 0,
            "_data": value,
            "_name": name,
            "trainable": True,
            "_feedback": collections.defaultdict(list),
            "_description": "[ParameterNode] words",
            "_constraint": None,
            "_backwarded": False,
            "_info": None,
            "_dependencies": {"parameter": {parameter}, "expandable": set()},
            **more,
        }
    )
    return parameter


def old_file(tmp_path, content, protocol=4):
    stream = io.BytesIO()
    OldPickler(stream, protocol).dump(content)
    file = tmp_path / "old.pkl"
    file.write_bytes(stream.getvalue())
    return file


def old_agent():
    mapped, seq, inner = OldMap(), OldSeq(), Inner.__new__(Inner)
    mapped.data = {"a": old(20), 7: old(30)}
    seq.data = [old(10), mapped]
    inner.q = old({"k": [(1, 2), {3}, frozenset({4}), b"5", 1.5, None]})
    code = old("def act(self, x):\n        return x + 100", "__code:0")
    return {"act": code, "inner": inner, "prompt": old("trained"), "seq": seq}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_an_old_file_loads_on_request(tmp_path, protocol):
    file = old_file(tmp_path, old_agent(), protocol)
    agent = Agent()
    agent.load(file, allow_pickle=True)
    assert agent.prompt.data == "trained"
    assert agent.inner.q.data == {"k": [(1, 2), {3}, frozenset({4}), b"5", 1.5, None]}
    assert [agent.seq[0].data, agent.seq[1]["a"].data, agent.seq[1][7].data] == [10, 20, 30]
    assert agent.act(1).data == 101
    assert agent.prompt.description == "how to greet"
    agent.save(tmp_path / "new.json")
    Agent().load(tmp_path / "new.json")


def test_an_old_file_of_the_second_version_loads_too(tmp_path):
    content = {"parameters_dict": old_agent(), "non_parameters_dict": {"more": 5}}
    agent = Agent()
    agent.load(old_file(tmp_path, content), allow_pickle=True)
    assert agent.prompt.data == "trained"
    assert agent.more == 0


@pytest.mark.parametrize("protocol", [0, 1])
def test_a_file_of_a_form_that_the_original_never_wrote_is_refused(tmp_path, protocol):
    file = old_file(tmp_path, old_agent(), protocol)
    agent = Agent()
    with pytest.raises(StoreError, match=r"is a pickle file, .* allow_pickle=True\)"):
        agent.load(file)
    assert untouched(agent)


@pytest.mark.parametrize("protocol", [2, 4])
def test_an_old_file_is_read_in_the_sandbox_unless_told_otherwise(tmp_path, protocol, monkeypatch):
    monkeypatch.setattr("opto.trace.saving.old_parameters", None)  # it is not read here
    agent = Agent()
    agent.load(old_file(tmp_path, old_agent(), protocol))
    assert agent.prompt.data == "trained"
    assert agent.inner.q.data == {"k": [(1, 2), {3}, frozenset({4}), b"5", 1.5, None]}
    assert [agent.seq[0].data, agent.seq[1]["a"].data, agent.seq[1][7].data] == [10, 20, 30]
    assert agent.act(1).data == 101
    assert "sandbox" in agent.act(1).info


def test_what_the_sandbox_cannot_give_back_is_refused_with_the_way_out(tmp_path):
    content = {**old_agent(), "prompt": old(bytearray(b"a"))}
    file, agent = old_file(tmp_path, content), Agent()
    with pytest.raises(StoreError, match=r"read in the sandbox.*bytearray.*allow_pickle=True\)"):
        agent.load(file)
    assert untouched(agent)
    agent.load(file, allow_pickle=True)
    assert agent.prompt.data == bytearray(b"a")


def test_what_is_derived_from_plain_data_becomes_that_in_the_sandbox(tmp_path):
    agent = Agent()
    agent.load(old_file(tmp_path, {**old_agent(), "prompt": old(collections.OrderedDict(a=1))}))
    assert (agent.prompt.data, type(agent.prompt.data)) == ({"a": 1}, dict)


def test_allowing_pickles_does_not_forbid_json(tmp_path):
    changed().save(tmp_path / "a.json")
    agent = Agent()
    agent.load(tmp_path / "a.json", allow_pickle=True)
    assert agent.prompt.data == "Salut à tous"


def test_an_old_file_that_lacks_something_changes_nothing(tmp_path):
    content = old_agent()
    del content["prompt"]
    agent = Agent()
    with pytest.raises(StoreError, match="has no value for 'prompt'"):
        agent.load(old_file(tmp_path, content), allow_pickle=True)
    assert untouched(agent)


class Hostile:
    """Runs a command when it is unpickled the usual way."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def hostile(tmp_path, function, *args):
    return {**old_agent(), "prompt": old(Hostile(function, *args))}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, r"(posix|nt)\.system"),
        (eval, "eval"),
        (exec, "exec"),
        (getattr, "getattr"),
        (subprocess.Popen, "Popen"),
        (__import__, "__import__"),
        (bytes, "bytes"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_hostile_file_is_refused_and_nothing_of_it_runs(tmp_path, protocol, function, name):
    victim = tmp_path / "victim"
    file = old_file(tmp_path, hostile(tmp_path, function, f"touch {victim}"), protocol)
    agent = Agent()
    for allowed in (True, False):
        with pytest.raises(StoreError, match=rf"asks for \S*{name}, .*nothing of it was run"):
            agent.load(file, allow_pickle=allowed)
    assert untouched(agent)
    assert not victim.exists()


def test_the_hostile_file_would_have_run(tmp_path):
    """So that the test above shows something."""
    victim = tmp_path / "victim"
    pickle.loads(pickle.dumps(Hostile(os.system, f"touch {victim}")))  # noqa: S301
    assert victim.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"\x80\x04",
        b"\x80\x04.",
        b"\x80\x04N.",
        b"\x80\x04]\x94.",
        b"\x80\x04K\x05K\x06R.",
        b"\x80\x04P1\n.",
        b"\x80\x04\x82\x01.",
        b"\x80\x04cbuiltins\nset\nK\x05\x85R.",
        b"\x80\x04cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
        b"\x80\x04}\x8c\x01pcopto.trace.nodes\nParameterNode\n)\x81s.",
        b"\x80\x04}\x8c\x01pcopto.trace.nodes\nParameterNode\n}bs.",
        pickle.dumps({"prompt": 5}),
    ],
    ids=repr,
)
def test_a_damaged_pickle_is_refused(tmp_path, raw):
    file = tmp_path / "old.pkl"
    file.write_bytes(raw)
    agent = Agent()
    for allowed in (True, False):
        with pytest.raises(StoreError):
            agent.load(file, allow_pickle=allowed)
    assert untouched(agent)


@given(st.binary(max_size=60))
def test_random_bytes_are_refused_in_our_own_words(tmp_path_factory, raw):
    file = tmp_path_factory.getbasetemp() / "random.pkl"
    file.write_bytes(b"\x80\x04" + raw)
    with pytest.raises(StoreError):
        Agent().load(file, allow_pickle=True)


def test_old_containers_that_hold_themselves_do_not_loop(tmp_path):
    content = old_agent()
    content["seq"].data.append(content["seq"])
    agent = Agent()
    agent.load(old_file(tmp_path, content), allow_pickle=True)
    assert agent.seq[0].data == 10


def test_values_are_not_shared_between_what_was_saved_and_loaded(tmp_path):
    one = Inner([1])
    one.save(tmp_path / "a.json")
    two, three = copy.deepcopy(one), copy.deepcopy(one)
    two.load(tmp_path / "a.json")
    two.q.data.append(2)
    three.load(tmp_path / "a.json")
    assert (one.q.data, three.q.data) == ([1], [1])


@pytest.mark.parametrize(
    "raw",
    [b"\x80\x04Nr\xff\xff\xff\x0f.", b"N\x8e\x00\x00\x00\x00\x00\x01\x00\x00x.", b"Np999999999\n."],
)
def test_a_number_in_a_damaged_file_gets_no_memory(raw):
    tracemalloc.start()
    try:
        with pytest.raises(StoreError):
            old_parameters(raw, frozenset())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
