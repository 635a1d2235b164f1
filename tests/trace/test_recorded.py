"""What a value was before a call changed it in place (SPEC A6)."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.trace import bundle, node
from opto.trace.recorded import LIMIT, copied, unchanged

leaves = st.integers() | st.text(max_size=3) | st.none()
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=2), inner, max_size=4)
        | st.sets(st.integers(), max_size=4)
    ),
    max_leaves=20,
)


@given(values)
def test_a_copy_is_equal_and_seen_as_unchanged(value):
    before = copied(value)
    assert before == value
    assert unchanged(before, value)


@given(st.lists(values, min_size=1, max_size=4), st.data())
def test_a_change_at_any_depth_is_seen(value, data):
    before = copied(value)
    original = copy.deepcopy(value)
    here = value
    while isinstance(here, list) and any(isinstance(v, list) and v for v in here):
        inner = [v for v in here if isinstance(v, list) and v]
        if data.draw(st.booleans()):
            break
        here = data.draw(st.sampled_from(inner))
    here.append("changed")
    assert not unchanged(before, value)
    assert before == original


@pytest.mark.parametrize("large", [[0] * (LIMIT + 1), {i: i for i in range(LIMIT + 1)}])
def test_what_is_large_is_not_copied(large):
    assert copied(large) is None
    assert copied([[large]]) is None


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ([1, 2], lambda v: v.append(3)),
        ([[1], 2], lambda v: v[0].append(3)),
        ({"a": 1}, lambda v: v.pop("a")),
        ({"a": 1, "b": 2}, lambda v: v.update(a=v.pop("a"))),
        ({1}, lambda v: v.add(2)),
        (bytearray(b"a"), lambda v: v.append(98)),
    ],
)
def test_a06_the_record_shows_what_the_function_was_given(value, change):
    x = node(value, trainable=True)
    given_value = copy.deepcopy(value)
    y = bundle()(lambda v: change(v))(x)
    assert y.inputs["v"].recorded == given_value
    assert list(x.recorded) == list(given_value)
    assert x.data is value  # changed in place, as in Python


def test_a06_also_when_the_call_fails():
    @bundle()
    def spoil(items):
        items.clear()
        raise ValueError("spoilt")

    x = node([1, 2])
    with pytest.raises(Exception, match="spoilt"):
        spoil(x)
    assert (x.data, x.recorded) == ([], [1, 2])


def test_a06_pop_and_append_of_a_node():
    x = node([1, 2, 3])
    last = x.pop()
    assert (last.data, x.data, x.recorded) == (3, [1, 2], [1, 2, 3])
    y = node([1])
    y.append(2)
    assert (y.data, y.recorded) == ([1, 2], [1])


def test_a_new_value_is_shown_as_it_is():
    x = node([1], trainable=True)
    x.append(2)
    x._data = [9]
    assert x.recorded == [9]
