"""Parameters as JSON: exact, closed, whole or not at all; old pickles without running them."""

from __future__ import annotations

import copy
import io
import json
import math
import os
import pickle
import stat
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import StoreError
from opto.trace import Module, bundle, model, node
from opto.trace.containers import Map, Seq
from opto.trace.saving import load, save
from opto.trace.encoding import decoded, encoded


def par(value, name=None):
    return node(value, name=name, trainable=True)


class Inner(Module):
    def __init__(self, value="inner"):
        self.q = par(value)


@model
class Agent:
    def __init__(self, prompt="Hi", more=0):
        self.prompt = node(prompt, name="prompt", trainable=True, description="how to greet")
        self.inner = Inner()
        self.seq = Seq(par(1), Map({"a": par(2), 7: par(3)}))
        self.more = more

    @bundle(trainable=True)
    def act(self, x):
        """Add one."""
        return x + 1


def changed():
    agent = Agent()
    agent.prompt._set("Salut à tous")
    agent.inner.q._set({"k": (1, 2)})
    agent.seq[1]["a"]._set(None)
    agent.act.parameter._set("def act(self, x):\n    return x + 100")
    return agent


# -- values ------------------------------------------------------------------------------

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(), max_size=8)
    | st.binary(max_size=8)
    | st.builds(bytearray, st.binary(max_size=8))
)
KEYS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just("$") | st.binary(),
    lambda keys: st.tuples(keys, keys) | st.frozensets(keys, max_size=3),
    max_leaves=4,
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
    ),
    max_leaves=20,
)


def same(a, b):
    """Equal, of the same types all through, with not-a-number equal to itself."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float | complex):
        return repr(a) == repr(b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a), list(b)) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, set | frozenset):
        return a == b and sorted(map(shape, a)) == sorted(map(shape, b))
    return a == b


def shape(a):
    inside = sorted(map(shape, a)) if isinstance(a, frozenset) else a
    inside = [*map(shape, a)] if isinstance(a, tuple) else inside
    return f"{type(a).__name__} {inside!r}"


@given(VALUES)
def test_every_plain_value_comes_back_exactly(value):
    text = json.dumps(encoded(value, "p"), allow_nan=False, ensure_ascii=False)
    text.encode()
    assert same(decoded(json.loads(text), "p"), value)


@given(VALUES)
def test_every_plain_value_goes_through_a_file(tmp_path_factory, value):
    file = tmp_path_factory.getbasetemp() / "value.json"
    Inner(value).save(file)
    again = Inner()
    again.load(file)
    assert same(again.q.data, value)


@pytest.mark.parametrize(
    "value",
    [
        "\ud83d\ude00",
        "\ud800",
        10**5000,
        -(10**5000),
        math.nan,
        -math.inf,
        -0.0,
        complex(-0.0, math.nan),
        {"$": "tuple"},
        {"$": 1, "of": 2},
        {1: 2, "1": 3, None: 4},
        {(1,): {2}},
        set(),
        (),
    ],
    ids=lambda value: ascii(value)[:20] if not isinstance(value, int) else "int",
)
def test_what_json_alone_would_change(value):
    assert same(decoded(json.loads(json.dumps(encoded(value, "p"))), "p"), value)


def test_what_json_can_say_is_said_in_its_own_words():
    value = {"a": [1, 2.5, None, True, "ä"], "b": {}}
    assert encoded(value, "p") == value


def test_the_same_set_is_the_same_text_in_every_run():
    code = "from opto.trace.encoding import encoded; print(encoded({'a','b','c','d'}, 'p'))"
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1


@pytest.mark.parametrize(
    "value",
    [
        np.array([[1, 2], [3, 4]], dtype="<i4"),
        np.array([[1.5, np.nan]], order="F"),
        np.arange(6).reshape(2, 3).T,
        np.array([], dtype=float).reshape(0, 3),
        np.array(5),
        np.array(["ab", "ü"]),
        np.array([True, False]),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.float64(1.5),
        np.int8(-3),
        np.bool_(True),
    ],
    ids=repr,
)
def test_arrays_and_numbers_of_numpy_come_back_exactly(value):
    again = decoded(json.loads(json.dumps(encoded([value], "p"))), "p")[0]
    assert type(again) is type(value)
    assert again.dtype == value.dtype
    assert again.shape == value.shape
    assert again.tobytes() == value.tobytes()
    if isinstance(again, np.ndarray) and again.size:
        again[...] = again


def test_saving_does_not_load_numpy():
    code = (
        "import sys; from opto.trace.encoding import encoded\n"
        "encoded([1], 'p'); sys.exit('numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Odd:
    pass


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Odd(), r"test_saving\.Odd"),
        ([{"a": (Odd,)}], r"builtins\.type"),
        (Text("a"), r"test_saving\.Text"),
        (np.array([Odd()]), r"numpy\.ndarray"),
        (np.zeros(2, dtype=[("a", int)]), r"numpy\.ndarray"),
        (np.ma.array([1]), "MaskedArray"),
        (range(3), r"builtins\.range"),
        ([node(1)], r"\.Node"),
    ],
    ids=repr,
)
def test_what_has_no_exact_form_is_refused_by_name(tmp_path, value, kind):
    agent = Agent()
    agent.inner.q._set(value)
    with pytest.raises(StoreError, match=rf"inner\.q \(str:\d+\) holds a .*{kind}.*keep plain"):
        agent.save(tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_a_value_in_itself_is_refused_and_one_in_two_places_is_not():
    value = [1]
    assert encoded([value, value], "p") == [[1], [1]]
    value.append(value)
    with pytest.raises(StoreError, match="contains itself"):
        encoded(value, "p")


def test_too_deep_a_value_is_refused():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(StoreError, match="nested too deeply"):
        encoded(value, "p")


@pytest.mark.parametrize(
    "made",
    [
        {"$": "module", "of": "os"},
        {"$": "tuple"},
        {"$": "tuple", "of": [], "more": 1},
        {"$": ["tuple"], "of": []},
        {"$": "tuple", "of": 5},
        {"$": "set", "of": [[1]]},
        {"$": "bytes", "of": "%"},
        {"$": "int", "of": "x"},
        {"$": "float", "of": "1"},
        {"$": "complex", "of": [1, 2, 3]},
        {"$": "dict", "of": [[1]]},
        {"$": "numpy.ndarray", "dtype": "|O", "shape": [1], "of": ""},
        {"$": "numpy.ndarray", "dtype": "<f8", "shape": [10**12], "of": ""},
        {"$": "numpy.ndarray", "dtype": "<f8", "shape": [-1], "of": "AAAAAAAAAAA="},
        {"$": "numpy.ndarray", "dtype": "<f8", "of": ""},
    ],
    ids=str,
)
def test_damaged_values_are_refused(made):
    with pytest.raises(StoreError):
        decoded([made], "p")


# -- files -------------------------------------------------------------------------------


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


def untouched(agent):
    return [p.data for p in agent.parameters()] == [p.data for p in Agent().parameters()]


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


# -- files of the original ---------------------------------------------------------------


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


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_an_old_file_is_refused_unless_asked_for(tmp_path, protocol):
    file = old_file(tmp_path, old_agent(), protocol)
    agent = Agent()
    with pytest.raises(StoreError, match=r"is a pickle file, .* allow_pickle=True\)"):
        agent.load(file)
    assert untouched(agent)


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
    with pytest.raises(StoreError, match=rf"asks for \S*{name}, .*nothing of it was run"):
        agent.load(file, allow_pickle=True)
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
    with pytest.raises(StoreError):
        agent.load(file, allow_pickle=True)
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
