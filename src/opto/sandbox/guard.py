"""Which values of the host look like secrets, so that no copy of them goes to a worker."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opto.llm.environment import is_ordinary, is_secret
from opto.llm.redact import redacted
from opto.trace.syntax import tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_guarded", "is_guarded_source"]

# Beside what arguments of providers are called.
_NAMES = re.compile(r"(?:^|_)(?:api_?key|key|auth|pat|pwd|pass|passwd|passphrase)_?\d*$")


def is_guarded(name: str, value: Any) -> bool:
    """Whether `value`, called `name`, is or holds something that looks like a secret.

    Args:
        name: what it is called.
        value: a plain value.

    Example:
        >>> is_guarded("API_KEY", "hunter2hunter2"), is_guarded("sort_key", "name")
        (True, False)
        >>> is_guarded("settings", {"password": "hunter2"}), is_guarded("limit", 3)
        (True, False)
    """
    plain = name.lower().replace("-", "_")
    if isinstance(value, str | bytes | bytearray):
        named = is_secret(plain) or _NAMES.search(plain) is not None
        text = value if isinstance(value, str) else value.decode("latin-1")
        if named and not is_ordinary(text):
            return True
    elif not isinstance(value, dict | list | tuple | set | frozenset):
        return False
    # What has nothing to hide comes back with the same objects in it.
    return bool(redacted(value) != value)


def is_guarded_source(text: str) -> bool:
    r"""Whether the source of a function or class has something in it that looks like a secret.

    Args:
        text: Python that can be parsed.

    Example:
        >>> is_guarded_source("def f(x):\n    return g(x, api_key='hunter2hunter2')")
        True
    """
    return bool(redacted(text) != text) or any(is_guarded(*pair) for pair in _named_in(text))


@lru_cache(maxsize=64)
def _named_in(text: str) -> tuple[tuple[str, str | bytes], ...]:
    """The texts that stand in a program under a name, with the name."""
    pairs = [pair for node in ast.walk(tree_of(text)) for pair in _pairs(node)]
    return tuple((n, v.value) for n, v in pairs if isinstance(n, str) and _is_text(_value(v)))


def _pairs(node: ast.AST) -> Iterator[tuple[Any, Any]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((_name(target), value) for target in targets)
        case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            yield _name(target), value
        case ast.keyword(arg=name, value=value):
            yield name, value
        case ast.Dict(keys=keys, values=values):
            yield from zip(map(_name, keys), values, strict=True)
        case ast.arguments(defaults=late, kwonlyargs=named, kw_defaults=defaults):
            positional = [*node.posonlyargs, *node.args]
            yield from zip(map(_name, positional[len(positional) - len(late) :]), late, strict=True)
            yield from zip(map(_name, named), defaults, strict=True)


def _name(node: ast.AST | None) -> Any:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            return name
    return _value(node)


def _value(node: ast.AST | None) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def _is_text(value: Any) -> bool:
    return isinstance(value, str | bytes)
