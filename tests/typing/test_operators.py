"""What mypy and pyright take the results of operators for; run, it must be true."""

# pyright: strict

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from opto.trace import Node, node

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:
    from tests.typing.truth import assert_type


class Vector:
    """A type of a user, with operators."""

    def __init__(self, *items: float) -> None:
        self.items = items

    def __add__(self, other: Vector) -> Vector:
        if type(other) is not Vector:
            return NotImplemented
        return Vector(*(a + b for a, b in zip(self.items, other.items, strict=True)))

    def __mul__(self, k: float) -> Vector:
        if type(k) not in {int, float}:
            return NotImplemented
        return Vector(*(k * item for item in self.items))

    __rmul__ = __mul__

    def __getitem__(self, index: int) -> float:
        return self.items[index]

    def __lt__(self, other: Vector) -> bool:
        return self.items < other.items

    def __call__(self, times: int) -> str:
        return times * f"{self.items}"


def test_numbers() -> None:
    assert_type(node(3) + node(4), Node[int])
    assert_type(node(3) + 4, Node[int])
    assert_type(3 + node(4), Node[int])
    assert_type((node(1) + 2) * 3 - node(4), Node[int])
    assert_type(node(1) + node(2.5), Node[float])
    assert_type(node(2.5) + node(1), Node[float])
    assert_type(node(1) + 2.5, Node[float])
    assert_type(1 + node(2.5), Node[float])
    assert_type(2.5 + node(1), Node[float])
    assert_type(node(True) + node(1), Node[int])
    assert_type(node(1j) * 2, Node[complex])
    assert_type(node(Fraction(1)) + 1, Node[Fraction])
    assert_type(1 + node(Fraction(1)), Node[Fraction])
    assert_type(node(7) / 2, Node[float])
    assert_type(1 / node(7), Node[float])
    assert_type(node(7) // 2, Node[int])
    assert_type(node(7) % node(2), Node[int])
    assert_type(divmod(node(7), 2), Node[tuple[Any, Any]])
    assert_type(divmod(7, node(2.5)), Node[tuple[Any, Any]])
    assert_type(divmod(node(7), 2.5), Node[tuple[Any, Any]])


def test_powers() -> None:
    assert_type(node(3) ** 2, Node[int])
    assert_type(node(3) ** -2, Node[Any])
    assert_type(node(3) ** node(2), Node[Any])
    assert_type(node(3.0) ** node(2), Node[float])
    assert_type(2 ** node(3), Node[Any])
    assert_type(2.5 ** node(3), Node[float])
    pow(node(3), 2)
    pow(node(2.5), 0.5)
    pow(2, node(3))


def test_one_operand() -> None:
    assert_type(-node(3), Node[int])
    assert_type(+node(2.5), Node[float])
    assert_type(~node(3), Node[int])
    assert_type(abs(node(-3)), Node[int])
    assert_type(abs(node(-3j)), Node[float])
    assert_type(round(node(2.5)), Node[int])
    assert_type(round(node(2.5), 1), Node[float])
    assert_type(round(node(3), 1), Node[int])
    assert_type(math.floor(node(2.5)), Node[int])
    assert_type(math.ceil(node(2.5)), Node[int])
    assert_type(math.trunc(node(2.5)), Node[int])


def test_bits_and_sets() -> None:
    assert_type(node(6) & 2, Node[int])
    assert_type(2 | node(6), Node[int])
    assert_type(node(6) ^ node(2), Node[int])
    assert_type(node(6) << 2, Node[int])
    assert_type(6 >> node(2), Node[int])
    assert_type(node({1}) - {2}, Node[set[int]])
    assert_type(node({"a": 1}) | {"b": 2}, Node[dict[str, int]])


def test_texts_and_lists() -> None:
    assert_type(node("a") + "b", Node[str])
    assert_type("a" + node("b"), Node[str])
    assert_type(node("a") + node("b"), Node[str])
    assert_type(node("ab") * 2, Node[str])
    assert_type(2 * node("ab"), Node[str])
    assert_type(node(2) * "ab", Node[str])
    assert_type(node("%s") % 2, Node[str])
    few, more = [1], [2]
    assert_type(node(few) + more, Node[list[int]])
    assert_type(few + node(more), Node[list[int]])
    assert_type(node(few) + node(more) + few, Node[list[int]])
    assert_type(2 * node([1]), Node[list[int]])


def test_comparisons() -> None:
    assert_type(node(3) < 4, Node[bool])
    four = 4
    assert_type(four <= node(3), Node[bool])
    assert_type(node(3) > node(4.5), Node[bool])
    assert_type(node("a") >= "b", Node[bool])
    assert_type(node(3).eq(node(3)), Node[bool])
    assert_type(node("a").neq("b"), Node[bool])
    assert_type(node(Vector(1)) < Vector(2), Node[bool])
    assert_type(max(node(1), node(2)), Node[int])
    assert_type(sorted([node(2), node(1)]), list[Node[int]])
    if node(3) < 4 and not node(3) > 4:
        assert_type(node(3) == 3, Any)


def test_items() -> None:
    assert_type(node([1, 2])[0], Node[int])
    assert_type(node([1, 2])[node(0)], Node[int])
    assert_type(node([1, 2])[0:1], Node[list[int]])
    assert_type(node([[1], [2]])[0][0], Node[int])
    assert_type(node({"a": 1})["a"], Node[int])
    assert_type(node({"a": 1})[node("a")], Node[int])
    assert_type(node("abc")[0], Node[str])
    assert_type(node("abc")[:2], Node[str])
    assert_type(node(Vector(1, 2))[0], Node[float])


def test_types_of_users() -> None:
    one = Vector(1)
    assert_type(node(one) + one, Node[Vector])
    assert_type(one + node(one), Node[Vector])
    assert_type(node(one) * 2, Node[Vector])
    assert_type(2 * node(one), Node[Vector])
    assert_type(node(2) * node(one), Node[Vector])
    assert_type(node(one)(2), Node[str])
    assert_type(node(Vector)(2), Node[Vector])


def test_in_place() -> None:
    total = node(1)
    total += 2
    total -= node(1)
    assert_type(total, Node[int])
    wider: Node[float] = node(3) + node(4)
    assert wider.data == 7


def of_little_known(
    known: Any, held: Node[Any], thing: Node[object], either: Node[int | str], many: Sequence[int]
) -> None:
    assert_type(held + 1, Node[Any])
    assert_type(1 + held, Node[Any])
    assert_type(held + held, Node[Any])
    assert_type(node(1) + held, Node[Any])
    assert_type(held < 1, Node[Any])
    assert_type(-held, Node[Any])
    assert_type(round(held), Node[Any])
    assert_type(abs(thing), Node[Any])
    assert_type(thing + 1, Node[Any])
    assert_type(thing + thing, Node[Any])
    assert_type(either + 1, Node[Any])
    assert_type(either * either, Node[Any])
    assert_type(node(many)[0], Node[int])
    assert_type(node(many)[0:1], Node[Sequence[int]])
    assert_type(known + held, Any)
    assert_type(node(known), Node[Any])


def of_a_function(fun: Callable[[int], Node[str]]) -> None:
    assert_type(node(fun)(3), Node[str])


def test_of_what_little_is_known_nothing_is_claimed() -> None:
    of_little_known(3, node(3), node(3), node(3), [3])
    of_a_function(lambda x: node(str(x)))
