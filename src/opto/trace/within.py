"""Which steps of a run happened within the call of a module: what is kept so that it can be told.

A result only remembers when the call that returned it had begun. What happened within is
worked out when somebody asks, so that operations cost what they did, and no node is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["NO_NODE", "Call", "Calls"]

NO_NODE = -1
"""The number of an argument that is no node."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a module, as its result remembers it.

    Args:
        kind: the class of the module.
        opened: the number in the order of creation at which it began.
        positions: the numbers of the nodes that were given by position; `NO_NODE` for others.
        keywords: names and numbers of those that were given by name.
    """

    kind: type
    opened: int
    positions: tuple[int, ...] = ()
    keywords: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        """What the call is written as, such as ``"Reader.forward"``."""
        return f"{self.kind.__name__}.forward"

    @property
    def documentation(self) -> str:
        """What the user says of the class, or of its forward."""
        # Most classes inherit words, and those are not about them.
        own = vars(self.kind).get("__doc__")
        found = own or getattr(self._forward, "__doc__", None)
        return " ".join(found.split()) if isinstance(found, str) else ""

    @property
    def given(self) -> dict[int, str]:
        """The names of the arguments, by the number of the node that was given."""
        code = getattr(self._forward, "__code__", None)
        names: Sequence[str] = code.co_varnames[1 : code.co_argcount] if code else ()
        found: dict[int, str] = {}
        for at, number in enumerate(self.positions):
            if number == NO_NODE:
                continue
            found.setdefault(number, names[at] if at < len(names) else f"args_{at}")
        for name, number in self.keywords:
            found.setdefault(number, name)
        return found

    @property
    def _forward(self) -> Any:
        return getattr(self.kind, "forward", None)


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of modules in a run.

    Args:
        made: the number of each step in the order of creation, in the order of the steps.
        ended: by the place of a step, the calls that returned it, the innermost first.
    """

    made: tuple[int, ...]
    ended: Mapping[int, tuple[Call, ...]]
