"""Small helpers that programs written for the original import from here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from opto._compat import old_names
from opto.trace.propagators import TraceGraph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["contain", "for_all_methods", "parse_eqs_to_dict", "remove_non_ascii", "sum_feedback"]


def sum_feedback(nodes: Iterable[Any]) -> Any:
    """All that was said to `nodes`, added up.

    Returns:
        A `TraceGraph` where the default propagator was used; otherwise the sum of what
        its propagator made.

    Example:
        >>> from opto.trace import node
        >>> x = node(1, trainable=True)
        >>> (x + 1).backward("more")
        >>> sum_feedback([x]).user_feedback
        'more'
    """
    said = [s for node in nodes for shares in node.feedback.values() for s in shares]
    if all(isinstance(s, TraceGraph) for s in said):
        return TraceGraph.linked(said)
    return sum(said)


def contain(container_of_nodes: Iterable[Any], node: Any) -> bool:
    """Whether `node` itself, and not only a node of equal value, is among the nodes."""
    return any(node is other for other in container_of_nodes)


def parse_eqs_to_dict(text: str) -> dict[str, str]:
    r"""Lines such as ``a = 1`` as a dict of names to the text behind the ``=``.

    Example:
        >>> parse_eqs_to_dict("x=1; y = two\nz=3")
        {'x': '1', 'y': 'two', 'z': '3'}
    """
    pairs = (part.partition("=") for part in re.split(r"[;\n]", text))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def for_all_methods(decorator: Callable[[Any], Any]) -> Callable[[type], type]:
    """A class decorator that applies `decorator` to every method but the dunders."""

    def decorate(cls: type) -> type:
        for name, value in list(vars(cls).items()):
            if callable(value) and not name.startswith("__"):
                setattr(cls, name, decorator(value))
        return cls

    return decorate


def remove_non_ascii(text: str) -> str:
    """`text` without the characters that ASCII has not."""
    return text.encode("ascii", "ignore").decode()


__getattr__: Callable[[str], Any] = old_names(__name__)
