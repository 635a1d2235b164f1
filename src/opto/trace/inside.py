"""What happened inside a call of a function that works on nodes, kept with its result.

Such a function is given copies of its arguments, which were computed from nothing; each
copy knows what it is a copy of, so that the way from the inside to the outside is there.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.trace.nodes import Node
from opto.trace.packing import NodeContainer, TakesNodes, holds_nodes, packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Inside", "enclosed", "handed", "keep"]


@dataclass(frozen=True, slots=True)
class Inside:
    """The inner graph of a call.

    Attributes:
        returned: the node that the function returned, or what it failed by; None where
            it returned a plain value.
        looked: the nodes made inside whose values it looked at.
        opened: the number in the order of creation at which the call began.
        given: what the function was given, where that is known.
    """

    returned: Any
    looked: tuple[Any, ...]
    opened: int
    given: tuple[Any, ...] | None = None

    @property
    def ends(self) -> tuple[Any, ...]:
        """What the result was computed from: the node returned, and what it does not show."""
        first = () if self.returned is None else (self.returned,)
        if not self.looked:
            return first
        seen = {n._serial for n in first}
        stack = list(first)
        while stack:
            for arg in stack.pop()._args:
                if arg._serial not in seen:
                    seen.add(arg._serial)
                    if arg._serial >= self.opened:
                        stack.append(arg)
        return (*first, *(n for n in self.looked if n._serial not in seen))

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to see: only given values were looked at."""
        return self.returned is None and all(n._extras.origin is not None for n in self.looked)

    def told(self, keys: Sequence[str], split: int) -> dict[str, Any]:
        """What the `info` of the result tells of it.

        Args:
            keys: the names of the arguments.
            split: how many of them were given by position.
        """
        told: dict[str, Any] = {"opened": self.opened}
        if self.given is not None:
            named = dict(zip(keys[split:], self.given[split:]))  # noqa: B905 - keys name others too
            told["inputs"] = {"args": [*self.given[:split]], "kwargs": named}
        if self.returned is not None:
            told["output"] = self.returned
        return told


def handed(args: Sequence[Any], nodes: Sequence[Any], me: Any) -> list[Any]:
    """What a function that works on nodes is given: copies of the nodes of its arguments.

    What acts is given as it is: the object whose method is called, modules, and bundled
    functions. Copies of those would be others, whose parameters nobody learns.

    Args:
        args: the arguments.
        nodes: the nodes of the arguments.
        me: the node of the object whose method is called, or None.
    """
    memo: dict[int, Any] = {}
    given = [
        node._data if node is me else arg if _acts(arg) else _copied(node, memo)
        for arg, node in zip(args, nodes, strict=True)
    ]
    # Python keeps what it has copied in the memo itself, so that no `id` is used twice.
    for original in memo.get(id(memo), ()):
        if isinstance(original, Node) and id(original) in memo:
            memo[id(original)]._more().origin = original
    return given


def _copied(node: Any, memo: dict[int, Any]) -> Any:
    try:
        return copy.deepcopy(node, memo)
    except (TypeError, copy.Error, RecursionError):
        # A lock, a client, a generator: what cannot be copied is shared.
        new = copy.deepcopy(node, {id(node._data): node._data})
        new._more().origin = node
        return new


def _acts(arg: Any) -> bool:
    if isinstance(arg, TakesNodes):
        return True
    return isinstance(arg, NodeContainer) and hasattr(type(arg), "parameters_dict")


def enclosed(out: Any) -> Any:
    """`out`, as one node if it is a container with nodes in it."""
    if isinstance(out, Node) or not holds_nodes(out):
        return out
    return packed(out, type(out).__name__)


def keep(
    result: Any,
    returned: Any,
    reads: Iterable[Any],
    opened: int,
    given: Sequence[Any] | None = None,
) -> None:
    """Keep with `result` what happened in the call that it is the result of.

    Args:
        result: the node of the result, or of the failure.
        returned: the node that the function returned, or that it failed by, or None.
        reads: the nodes whose values it looked at.
        opened: the number in the order of creation at which the call began.
        given: what the function was given, where that is known.
    """
    looked = {id(n): n for n in reads if n._serial >= opened}
    known = None if given is None else tuple(given)
    result._more().inner = Inside(returned, tuple(looked.values()), opened, known)
