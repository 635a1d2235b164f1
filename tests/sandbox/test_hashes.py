"""Values that were made to have one hash: no table of them is built."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from time import process_time

import numpy as np
import pytest

from opto.sandbox.worker.bits import Garbage
from opto.sandbox.worker.codec import CODES, Limits, decode, encode

LIMITS = Limits.of(1 << 20)


def there_and_back(value):
    return decode(encode(value, LIMITS), LIMITS)


def test_values_made_to_collide_are_refused_and_honest_ones_are_not():
    grid = {(x, y): 1 for x in range(-60, 60) for y in range(-60, 60)}
    same = [(1, 2)] * 500 + [([1],)] * 500 + [10**30] * 500 + [1j] * 500
    for honest in (grid, same, [10**20 + n for n in range(500)]):
        assert there_and_back(honest) == honest


prime = 2**61 - 1


@pytest.mark.parametrize(
    "made",
    [
        [i * prime for i in range(1, 200)],
        {prime * k for k in range(70)},
        {complex(-1000003 * k, k): None for k in range(3000)},
        [Fraction(k * prime + 1) for k in range(70)],
        [Decimal(k * prime) for k in range(70)],
        [(k * prime, [] if k % 2 else 1) for k in range(200)],
        [{"a": (1, k * prime)} for k in range(70)],
        [frozenset([k * prime]) for k in range(70)],
    ],
    ids=range(8),
)
def test_many_values_with_one_hash_are_garbage(made):
    with pytest.raises(Garbage, match="one hash"):
        there_and_back(made)


@pytest.mark.parametrize("kind", ["set", "dict"])
@pytest.mark.parametrize(
    "scalar",
    [
        lambda k: np.complex128(complex(2**50 - 1000003 * k, k)),
        lambda _: np.datetime64("NaT"),
    ],
    ids=["complex", "NaT"],
)
def test_scalars_of_numpy_with_one_hash_are_no_keys(kind, scalar):
    """Whoever writes the bytes himself need not build the table that he has read."""
    made = [scalar(k) for k in range(1, 5_000)]
    bytes_of_list = bytearray(encode(made, LIMITS))
    assert len(there_and_back(made)) == len(made)
    if kind == "set":
        bytes_of_list[1] = CODES[set]
    else:
        bytes_of_list = bytearray(encode([*made, *made], LIMITS))
        bytes_of_list[1] = CODES[dict]
        bytes_of_list[2:6] = len(made).to_bytes(4, "little")
    with pytest.raises(Garbage, match="one hash"):
        decode(bytes(bytes_of_list), LIMITS)


def test_honest_scalars_of_numpy_may_be_keys():
    value = {np.int64(k): np.float64(k) for k in range(500)}
    value |= {np.str_(k): {np.complex128(k)} for k in range(500)}
    assert there_and_back(value) == value


def test_tuples_in_tuples_are_not_hashed_for_ever():
    many = Limits.of(16 << 20)
    value = [(None,) * 80_000 for _ in range(66)]
    for _ in range(95):
        value = [(one,) for one in value]
    data = encode(value, many)
    start = process_time()
    with pytest.raises(Garbage, match="in each other"):
        decode(data, many)
    assert process_time() - start < 3.0


def test_honest_tuples_in_tuples_come_back():
    many = Limits.of(16 << 20)
    value = [((n, (n, (n, ("a", (None, (n,)))))), [n]) for n in range(20_000)]
    value = [value, *({"a": ((1.5,) * 5, n)} for n in range(20_000))]
    assert decode(encode(value, many), many) == value


def test_long_values_that_differ_late_are_not_compared_for_ever():
    head = (None,) * 3_000
    bits = [(*head, *(-1 - (n >> k & 1) for k in range(6))) for n in range(64)]
    many = Limits.of(16 << 20)
    assert decode(encode(bits, many), many) == bits
    data = encode([*bits, *[bits[-1]] * 2_500], many)
    start = process_time()
    with pytest.raises(Garbage, match="long ones"):
        decode(data, many)
    assert process_time() - start < 2.0
