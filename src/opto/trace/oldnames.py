"""What programs written for the original take from inside of the tracer.

Each is the old name of something that works differently now, with the behaviour
that such programs see. New programs have no need of them.
"""

from __future__ import annotations

import ctypes
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opto.trace.nodes import Node, node
from opto.trace.packing import mapped
from opto.trace.tape import EXTERNAL, INTERPRETER, READS, scoped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = [
    "ALLOW_EXTERNAL_DEPENDENCIES",
    "NAME_SCOPES",
    "USED_NODES",
    "dedent",
    "detach_inputs",
    "disable_external_dependencies_check",
    "escape_json_nested_quotes",
    "trace_nodes",
    "update_local",
    "wrap_node",
]


class _NameScopes:
    """The name scope of this flow of control, as the list that it was once kept in."""

    def append(self, scope: str) -> None:
        INTERPRETER.set(scoped(f"{scope}/"))
        _OUTER.append(scope)

    def pop(self) -> str:
        scope = _OUTER.pop()
        INTERPRETER.set(scoped(f"{_OUTER[-1]}/" if _OUTER else ""))
        return scope

    def __len__(self) -> int:
        return len(_OUTER)

    def __getitem__(self, index: int) -> str:
        return _OUTER[index]


class _UsedNodes:
    """The sets of nodes read so far, innermost last; also with the `get` of V2."""

    def __len__(self) -> int:
        return READS.get() is not None

    def __getitem__(self, index: int) -> set[Node[Any]]:
        return self.get()[index]

    def get(self) -> list[set[Node[Any]]]:
        reads = READS.get()
        return [] if reads is None else [set(reads)]


_OUTER: list[str] = []
NAME_SCOPES = _NameScopes()
USED_NODES = _UsedNodes()

# None leaves the decision to each bundled function, as it always does at the start.
ALLOW_EXTERNAL_DEPENDENCIES: bool | None = None


def disable_external_dependencies_check(flag: bool | None) -> None:
    """Let all bundled functions use nodes that they were not given, in this flow.

    Args:
        flag: True allows it, False forbids it, None leaves it to each function.
    """
    EXTERNAL.set(flag)


@contextmanager
def trace_nodes() -> Iterator[set[Node[Any]]]:
    """Collect the nodes whose values are read in this block; the set is filled at its end.

    Example:
        >>> x = node(1)
        >>> with trace_nodes() as used:
        ...     _ = x.data
        >>> x in used
        True
    """
    reads: list[Any] = []
    used: set[Node[Any]] = set()
    token = READS.set(reads)
    try:
        yield used
    finally:
        READS.reset(token)
        used.update(reads)


def wrap_node(obj: Any) -> Any:
    """`obj` with a node round each leaf of its containers."""
    return mapped(obj, lambda n: n, node)


def detach_inputs(obj: Any) -> Any:
    """`obj` with each node in it replaced by a copy that was computed from nothing."""
    return mapped(obj, lambda n: n.detach(), lambda leaf: leaf)


def update_local(frame: FrameType, name: str, value: Any) -> None:
    """Set a local variable of a running function."""
    frame.f_locals[name] = value
    if sys.version_info < (3, 13):
        # Before PEP 667, f_locals is a copy that has to be written back.
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))


def dedent(text: str) -> str:
    """`text` with each line stripped at both ends."""
    return "\n".join(line.strip() for line in text.splitlines())


def escape_json_nested_quotes(text: str) -> str:
    r"""JSON text with the quotes inside of its strings escaped.

    A quote ends a string when what follows it can only stand outside of one.

    Example:
        >>> escape_json_nested_quotes('{"a": "say "hi" now"}')
        '{"a": "say \\"hi\\" now"}'
    """
    quote = re.compile(r'(?<!\\)"')
    begins, ends = re.compile(r"[\[{,:]\s*$"), re.compile(r"\s*([\]},:]|$)")
    out, last = [], 0
    for found in quote.finditer(text):
        before, after = text[: found.start()], text[found.end() :]
        outside = begins.search(before) or not before.strip() or ends.match(after)
        out.append(text[last : found.start()] + ('"' if outside else '\\"'))
        last = found.end()
    return "".join(out) + text[last:]
