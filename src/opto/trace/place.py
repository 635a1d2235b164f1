"""Where a node stands in its graph. Worked out when asked, so that nothing is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.trace.hidden import settle
from opto.trace.order import ancestors, distinct, levels
from opto.trace.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from opto.trace.table import Operation

__all__ = ["GRAPH", "Placed"]


_NONE: frozenset[Any] = frozenset()


class Placed:
    """What can be asked of anything that was computed from other things."""

    __slots__ = ()

    _args: tuple[Any, ...]
    _extras: Any
    _op: Operation | None
    _serial: int

    @property
    def inputs(self) -> dict[str, Any]:
        """The nodes it was computed from, by the name of the argument."""
        keys = self._extras.keys
        if keys is None:
            keys = () if self._op is None else self._op.keys_of(len(self._args))
        if len(set(keys)) < len(keys):
            # Two nodes that it looked at, or a keyword called as what `*args` took.
            keys = distinct(keys)
        return dict(zip(keys, self._args))  # noqa: B905 - unrecorded results have no args

    @property
    def _inputs(self) -> dict[str, Any]:
        return self.inputs

    @property
    def parents(self) -> list[Any]:
        """The nodes it was computed from, each once."""
        args = self._args
        return list(args) if len(args) < 2 else list(dict.fromkeys(args))

    @property
    def children(self) -> list[Any]:
        """The living nodes computed from it. Costs a pass over all objects."""
        found = (n for n in GRAPH.alive() if any(a is self for a in n._args))
        return sorted(found, key=lambda n: n._serial)

    @property
    def is_root(self) -> bool:
        """Whether it was given and not computed."""
        return not self._args

    @property
    def is_leaf(self) -> bool:
        """Whether nothing alive was computed from it."""
        return not self.children

    @property
    def level(self) -> int:
        """0 for what was given, else one more than the deepest input's."""
        return levels(ancestors(self))[id(self)]

    @property
    def parameter_dependencies(self) -> set[Any]:
        """The parameters that it was computed from, itself included."""
        return {n for n in ancestors(self) if n.kind == "parameter"}

    @property
    def _hidden(self) -> tuple[Any, ...]:
        """The parameters used inside the call that made it and not given to it, in order."""
        more = self._extras
        if more.inner is None:
            return ()
        if more.hidden is None:
            settle((self,))
        found: tuple[Any, ...] = more.hidden
        return found

    @property
    def hidden_dependencies(self) -> AbstractSet[Any]:
        """Parameters used inside the traceable call that made it and not seen outside."""
        used = self._hidden
        return _NONE if not used else {*used} - self.parameter_dependencies

    @property
    def expandable_dependencies(self) -> set[Any]:
        """The results upstream that were made by traceable calls with hidden parameters."""
        ordered = ancestors(self)
        settle(ordered)
        hidden = {id(n): n._hidden for n in ordered if n._extras.inner is not None}
        bits = {p: 1 << i for i, p in enumerate({p for used in hidden.values() for p in used})}
        found: set[Any] = set()
        seen: dict[int, int] = {}
        for node in ordered:
            mask = bits.get(node, 0)
            for arg in node._args:
                mask |= seen[id(arg)]
            seen[id(node)] = mask
            if any(not mask & bits[p] for p in hidden.get(id(node), ())):
                found.add(node)
        return found

    def lt(self, other: Any) -> bool:
        """Whether it is deeper in the graph than `other`."""
        return bool(self.level > other.level)

    def gt(self, other: Any) -> bool:
        """Whether it is less deep in the graph than `other`."""
        return bool(self.level < other.level)


GRAPH = Registry(Placed)
