"""Plain values as JSON and back, with their exact types."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import StoreError
from opto.trace import node
from opto.trace.encoding import decoded, encoded
from tests.support.saved import Agent, Inner

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
    # Test ids must be equal in all workers: no address in them.
    def __repr__(self):
        return "Odd()"


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Odd(), r"test_encoding\.Odd"),
        ([{"a": (Odd,)}], r"builtins\.type"),
        (Text("a"), r"test_encoding\.Text"),
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
