"""Plain data on the wire: all of it comes back, nothing else goes, and no bytes do harm."""

from __future__ import annotations

import enum
import math
import tracemalloc
from collections import Counter, OrderedDict
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from opto.sandbox.worker.bits import Garbage, TooLarge, Unsendable
from opto.sandbox.worker.codec import CODES, Limits, decode, encode

LIMITS = Limits.of(1 << 20)
ZONES = st.sampled_from([timezone.utc, timezone(timedelta(hours=-3, seconds=-7)), None])
PLACES = st.sampled_from([ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")])


def there_and_back(value):
    return decode(encode(value, LIMITS), LIMITS)


hashable = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters(), max_size=8)
    | st.binary(max_size=8)
    | st.dates()
    | st.times(timezones=ZONES)
    | st.datetimes(timezones=ZONES | PLACES)
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.fractions()
)
keys = hashable | st.tuples(hashable, hashable) | st.frozensets(hashable, max_size=3)
plain = st.recursive(
    keys,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(keys, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=20,
)


def kinds(value):
    """The exact types of a value and of all in it."""
    inside = []
    if type(value) is dict:
        inside = [*value, *value.values()]
    elif type(value) in {list, tuple}:
        inside = value
    parts = (
        sorted(map(kinds, inside), key=repr) if type(value) is dict else list(map(kinds, inside))
    )
    return (type(value), parts)


@given(plain)
def test_what_is_plain_comes_back(value):
    back = there_and_back(value)
    assert back == value
    assert kinds(back) == kinds(value)


@given(st.datetimes(timezones=PLACES, allow_imaginary=False), st.integers(0, 1))
def test_a_time_keeps_its_place_and_its_fold(when, fold):
    when = when.replace(fold=fold)
    back = there_and_back(when)
    assert (back.isoformat(), back.tzinfo.key, back.fold) == (
        when.isoformat(),
        when.tzinfo.key,
        when.fold,
    )


@pytest.mark.parametrize(
    "value",
    [math.nan, -0.0, math.inf, Decimal("NaN"), Decimal("-0E+7"), -(10**4299), "\ud800\udc00", True],
)
def test_rare_values_come_back_as_they_were(value):
    back = there_and_back(value)
    assert (type(back), repr(back)) == (type(value), repr(value))


numeric = hnp.arrays(
    hnp.boolean_dtypes()
    | hnp.integer_dtypes()
    | hnp.unsigned_integer_dtypes()
    | hnp.floating_dtypes()
    | hnp.complex_number_dtypes()
    | hnp.unicode_string_dtypes(max_len=4)
    | hnp.byte_string_dtypes(max_len=4)
    | hnp.datetime64_dtypes(),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)


@given(numeric)
def test_an_array_comes_back_and_can_be_written_to(values):
    (back,) = there_and_back([values])
    assert (back.dtype, back.shape, type(back)) == (values.dtype, values.shape, np.ndarray)
    assert back.tobytes() == values.tobytes()
    assert back.flags.writeable
    if values.size:
        scalar = values.flat[0]
        assert type(there_and_back(scalar)) is type(scalar)


class Point(NamedTuple):
    x: int
    y: object


Color = enum.IntEnum("Color", "RED")


class Liar(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (Liar(3), "type .*Liar: only plain data"),
        ([1, {"a": (Point(1, 2),)}], r"Point at \[1\]\['a'\]\[0\]"),
        ({"n": Color.RED}, r"at \['n'\]"),
        (Counter("ab"), "collections.Counter"),
        ([OrderedDict()], "OrderedDict"),
        ({Liar(3): 1}, "a key"),
        (print, "builtin_function"),
        (int, "type type"),
        ((i for i in "ab"), "generator"),
        (range(3), "range"),
        (bytearray(3), "bytearray"),
        (np.array([object()]), "ndarray"),
        (np.zeros(2, "i4,f8"), "ndarray"),
        (np.ma.array([1]), "MaskedArray"),
        (ValueError("x"), "ValueError"),
    ],
)
def test_what_is_not_plain_is_refused_with_its_place(value, where):
    with pytest.raises(Unsendable, match=where):
        encode(value, LIMITS)


def test_something_else_may_be_sent_in_its_place():
    def replaced(value):
        if type(value) is Point:
            return tuple(value)
        raise TypeError

    assert decode(encode([Point(1, (2,))], LIMITS, replaced), LIMITS) == [(1, (2,))]


def cycle():
    ring = []
    ring.append({"ring": ring})
    return ring


def spelled_out(levels):
    value = []
    for _ in range(levels):
        value = [value, value]
    return value


def deep(levels):
    value = ()
    for _ in range(levels):
        value = (value,)
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (cycle(), "contains itself"),
        (deep(100), "100 deep"),
        (spelled_out(60), "bytes of objects"),
        ([None] * (2 << 20), "bytes of objects"),
        ("x" * (1 << 20), "1048576 bytes"),
        ([b"xy"] * (1 << 19), "bytes"),
        (Decimal("1" * 4400), "digits"),
        (np.zeros(1 << 20), "bytes"),
    ],
)
def test_too_much_is_refused_before_it_is_spelled_out(value, said):
    with pytest.raises(TooLarge, match=said):
        encode(value, LIMITS)


@pytest.mark.parametrize(
    "value",
    [[None] * 500_000, [(None, -1)] * 170_000, [[True, False, None]] * 120_000],
    ids=["one list", "tuples", "lists"],
)
def test_what_takes_no_memory_itself_takes_no_more_in_containers(value):
    limits = Limits(1 << 20, 8 << 20)
    data = encode(value, Limits(1 << 30, 1 << 30))
    tracemalloc.start()
    try:
        with suppress(Garbage):
            decode(data, limits)
        assert tracemalloc.get_traced_memory()[1] < 2.2 * limits.memory
    finally:
        tracemalloc.stop()


def test_numbers_that_could_not_be_printed_are_refused():
    for value in (10**4301, Fraction(1, 10**4301), [0, -(10**4301)]):
        with pytest.raises(TooLarge, match="digits"):
            encode(value, LIMITS)


def test_what_just_fits_comes_back():
    assert there_and_back(deep(99)) == deep(99)
    assert there_and_back(10**4299) == 10**4299


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_garbage(data):
    harmless(data)


@given(plain, st.data())
def test_no_changed_bytes_raise_anything_but_garbage(value, data):
    whole = bytearray(encode(value, LIMITS))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    harmless(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    harmless(bytes(whole))


@given(numeric, st.data())
def test_no_changed_array_raises_anything_but_garbage(value, data):
    whole = bytearray(encode([value, value.ravel()[:1].tolist()], LIMITS))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    harmless(bytes(whole))


def harmless(data):
    small = Limits.of(1 << 16)
    try:
        value = decode(data, small)
    except Garbage:
        return
    repr(value)
    encode(value, Limits.of(1 << 20))


def bomb(code, entries=0xFFFFFFFF):
    return bytes((1, 32)) + entries.to_bytes(4, "little") + bytes((1, code))


@pytest.mark.parametrize("code", range(40))
def test_small_bytes_become_nothing_large(code):
    tracemalloc.start()
    try:
        for entries in (0xFFFFFFFF, 1 << 24):
            with pytest.raises(Garbage):
                decode(bomb(code, entries), Limits.of(1 << 16))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [list, dict, set, frozenset, tuple])
def test_what_bytes_become_stays_within_the_limit(kind):
    many = [kind() for _ in range(20_000)]
    data = encode(many, LIMITS)
    limits = Limits(1 << 20, 3 << 20)
    tracemalloc.start()
    try:
        with suppress(Garbage):
            decode(data, limits)
        assert tracemalloc.get_traced_memory()[1] < 2 * limits.memory
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(10**12, 0), (0, 10**12), (3, 10**9, 0), (1 << 21, 0, 5)])
def test_an_array_of_nothing_has_an_end(shape):
    """As lists it would take all memory there is."""
    with pytest.raises(TooLarge, match="of nothing"):
        encode(np.empty(shape), LIMITS)
    data = encode(np.empty((0, 7)), LIMITS)
    text = "a<f8" + "".join(f",{n}" for n in shape)
    head = data[: data.index(b"a<f8") - 12]
    sizes = len(text).to_bytes(4, "little") + len(text).to_bytes(8, "little")
    with pytest.raises(Garbage, match="of nothing"):
        decode(head + sizes + text.encode() + data[-4:], LIMITS)


def test_an_honest_array_of_nothing_comes_back():
    for shape in [(0,), (1000, 0), (0, 1080, 1920, 3), (5, 0, 7)]:
        assert there_and_back(np.empty(shape)).shape == shape


@pytest.mark.parametrize("text", ["sNaN", "1e1000000", "-1e-1000000", "0e99999999"])
def test_a_decimal_can_be_compared_and_written_out(text):
    with pytest.raises(TooLarge):
        encode(Decimal(text), LIMITS)
    data = encode(Decimal("1e5"), LIMITS)
    sizes = len(text).to_bytes(4, "little") + len(text).to_bytes(8, "little")
    with pytest.raises(Garbage, match="a decimal"):
        decode(data[:2] + sizes + text.encode(), LIMITS)


@pytest.mark.parametrize("make", [int, lambda n: Fraction(n, n - 1)])
def test_long_numbers_can_be_printed_in_a_second(make):
    limits = Limits.of(64 << 20)
    few = [make(10**4290 + n) for n in range(200)]
    assert decode(encode(few, limits), limits) == few
    many = [*few] * 20
    with pytest.raises(TooLarge, match="printed"):
        encode(many, limits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("opto.sandbox.worker.bits.WORK", 1 << 60)
        data = encode(many, limits)
    with pytest.raises(Garbage, match="printed"):
        decode(data, limits)


def test_a_key_twice_is_garbage():
    data = bytearray(encode({"a": 1, "b": 2}, LIMITS))
    data[data.index(b"ab") + 1] = ord("a")
    with pytest.raises(Garbage, match="twice"):
        decode(bytes(data), LIMITS)


def test_a_date_is_short():
    """Before Python 3.10.7, reading an integer of a million digits took minutes."""
    head = bytes((1, CODES[timedelta]))
    text = b"9" * 5000 + b",0,0"
    sizes = len(text).to_bytes(4, "little") + len(text).to_bytes(8, "little")
    with pytest.raises(Garbage, match="too many characters"):
        decode(head + sizes + text, LIMITS)


@pytest.mark.parametrize(
    "zone", ["Europe", "../../etc/passwd", "No/Where", "/etc/localtime", "x" * 70]
)
def test_a_time_zone_that_is_none_is_garbage(zone):
    whole = encode(datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")), LIMITS)
    text = f"02026-01-01T00:00:00|{zone}".encode()
    head = whole[:2] + len(text).to_bytes(4, "little") + len(text).to_bytes(8, "little")
    with pytest.raises(Garbage):
        decode(head + text, LIMITS)
