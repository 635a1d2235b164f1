"""Names ``base:index``, and the look-up of nodes that are alive.

Nothing here holds a node. Names are counted; who asks for a node by its name pays
for a search through what is alive, so that making one costs no table entry.
"""

from __future__ import annotations

import gc
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import ref

from opto.errors import NodeError, nearest
from opto.trace import tape

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["COUNTERS", "SERIALS", "Counter", "Registry", "checked_base"]


class Counter:
    """The base of names, and how many nodes have had it.

    Shared by all that make nodes of this base, so that `clear` reaches them.
    """

    __slots__ = ("__weakref__", "base", "count")

    def __init__(self, base: str) -> None:
        self.base: str = base
        self.count: Iterator[int] = count()


class Counters(dict[str, Counter]):
    """The counter of each base name."""

    def __missing__(self, base: str) -> Counter:
        # `setdefault` is atomic: two threads never get two counters of one base.
        return self.setdefault(base, Counter(base))

    def restart(self) -> None:
        """Count from 0 again, and forget the bases that nothing uses."""
        held = {base: ref(counter) for base, counter in self.items()}
        self.clear()
        for base, find in held.items():
            counter = find()
            if counter is not None:
                counter.count = count()
                self.setdefault(base, counter)


COUNTERS = Counters()

# Creation order over all nodes; `next` of a count is atomic, with or without Python's
# lock on threads. A parent is made before its child, so it is also a
# topological order of every graph.
SERIALS = count()


def checked_base(name: str) -> str:
    """`name`, if it can be the base of a node's name.

    Raises:
        NodeError: it is not text, or has a colon in it.
    """
    if not isinstance(name, str):
        raise NodeError(f"a node's name must be a str, not {type(name).__name__}: {name!r}")
    if ":" in name:
        raise NodeError(
            f"the name {name!r} has a colon in it, which separates a name from its index; "
            f"write {name.replace(':', '_')!r}"
        )
    return name


def _family(kind: type[Any]) -> Iterator[type[Any]]:
    """A class and all that are derived from it."""
    yield kind
    for derived in kind.__subclasses__():
        yield from _family(derived)


class Registry:
    """The face of the registry, known to users as ``GRAPH``.

    Args:
        kind: the class of the nodes to look for.
    """

    def __init__(self, kind: type[Any]) -> None:
        self._kind = kind
        self._since = -1

    @property
    def TRACE(self) -> bool:  # noqa: N802 - a public name of the original
        """Whether operations are recorded in this flow of control."""
        return tape.recording()

    @TRACE.setter
    def TRACE(self, on: bool) -> None:  # noqa: N802
        tape.INTERPRETER.set(tape.switched(on=on))

    def alive(self) -> Iterator[Any]:
        """The nodes that are alive, in no order. Costs a pass over all objects."""
        kinds, since = [*_family(self._kind)], self._since
        # An object refers to its class. A list of all objects would hold tuples that other
        # threads are just filling, and those would fail with a SystemError.
        #
        # By `type`: asking an object for its class may run its code. A node that is just
        # being made, or whose making was refused, has no number yet.
        found = (o for o in gc.get_referrers(*kinds) if type(o) in kinds)
        return (o for o in found if getattr(o, "_serial", -1) > since)

    def get(self, name: str) -> Any:
        """The living node of this name, such as ``"add:0"``.

        Raises:
            NodeError: there is none; the message names the nearest one.
        """
        names = {n.name: n for n in self.alive()}
        if name not in names:
            raise NodeError(f"no living node is called {name!r}{nearest(name, names)}")
        return names[name]

    @property
    def roots(self) -> list[Any]:
        """The living nodes without parents, in the order in which they were made."""
        return sorted((n for n in self.alive() if not n._args), key=lambda n: n._serial)

    def count(self, base: str) -> int:
        """How many nodes were given this base name since the last `clear`."""
        # A count shows its next value only in its text.
        return int(repr(COUNTERS[base].count)[len("count(") : -1]) if base in COUNTERS else 0

    def clear(self) -> None:
        """Start all names at index 0 again and forget the nodes made so far.

        Nodes that are in use go on working; they are no longer found by name.
        """
        COUNTERS.restart()
        self._since = next(SERIALS)

    def __len__(self) -> int:
        return sum(1 for _ in self.alive())

    def __repr__(self) -> str:
        return f"<GRAPH of {len(self)} living nodes>"
