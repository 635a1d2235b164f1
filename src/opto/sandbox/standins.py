"""What stands in a worker for things of the host that are no plain data: nodes and replies.

The text of this file is sent there, where `opto` is not: it needs the standard library only.
A function that works on what `@bundle` and models return then works in the worker as well.
"""

from __future__ import annotations

import operator
from functools import partial
from types import SimpleNamespace
from typing import Any

__all__ = [
    "Computed",
    "Method",
    "Node",
    "Reply",
    "View",
    "as_node",
    "as_node_later",
    "as_reply",
    "plain",
]

_RECORDED = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift"),
    *("and", "or", "xor", "lt", "le", "gt", "ge", "getitem", "neg", "pos", "abs", "invert"),
)
_REFLECTED = frozenset(_RECORDED[:13])


class Node:
    """A node's value, with `data` as a node has it; what is made of it is one again."""

    __slots__ = ("data",)

    def __init__(self, data: Any) -> None:
        self.data = data

    def __opto_plain__(self) -> Any:
        return self.data

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.data, name)
        return as_node(found) if callable(found) else Node(found)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the value returns, as a node."""
        return as_node(self.data)(*args, **kwargs)

    def __eq__(self, other: object) -> Any:
        return self.data == plain(other)

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __contains__(self, item: Any) -> bool:
        return plain(item) in self.data

    def __iter__(self) -> Any:
        return map(Node, self.data)

    def __str__(self) -> str:
        return f"Node: ({self.data})"

    __repr__ = __str__


def _forward(name: str) -> None:
    function = getattr(operator, f"__{name}__")

    def method(self: Any, *others: Any) -> Any:
        return Node(function(self.data, *map(plain, others)))

    def reflected(self: Any, other: Any) -> Any:
        return Node(function(plain(other), self.data))

    setattr(Node, f"__{name}__", method)
    if name in _REFLECTED:
        setattr(Node, f"__r{name}__", reflected)


for _name in _RECORDED:
    _forward(_name)


class Method:
    """A function that gets the view that it is read from."""

    __slots__ = ("function",)

    def __init__(self, function: Any) -> None:
        self.function = function


class Computed(Method):
    """The same, called when it is read."""

    __slots__ = ()


class View:
    """An object with some of its methods replaced.

    Args:
        seen: the object.
        instead: methods by name.
    """

    __slots__ = ("_instead", "_seen")
    _instead: dict[str, Any]
    _seen: Any

    def __init__(self, seen: Any, instead: dict[str, Any]) -> None:
        object.__setattr__(self, "_seen", seen)
        object.__setattr__(self, "_instead", instead)

    def __getattr__(self, name: str) -> Any:
        if name not in self._instead:
            return getattr(self._seen, name)
        found = self._instead[name]
        if type(found) is Method:
            return partial(found.function, self)
        return found.function(self) if type(found) is Computed else found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._seen, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._seen, name)

    def __repr__(self) -> str:
        return repr(self._seen)


def plain(value: Any) -> Any:
    """`value` with the values of the nodes in it in their place."""
    kind = type(value)
    if kind is Node:
        return value.data
    if kind in (list, tuple, set):
        return kind(plain(item) for item in value)
    if kind is dict:
        return {key: plain(item) for key, item in value.items()}
    return value


def as_node(function: Any) -> Any:
    """`function`, given plain values, and what it returns as a node."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return Node(function(*plain(args), **plain(kwargs)))

    return call


def as_node_later(function: Any) -> Any:
    """The coroutine function `function`, given plain values, and its result as a node."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        return Node(await function(*plain(args), **plain(kwargs)))

    return call


def as_reply(function: Any) -> Any:
    """`function`, which returns a text, with the text as a model's reply."""

    def ask(*args: Any, **kwargs: Any) -> Any:
        return Reply(function(*plain(args), **plain(kwargs)))

    return ask


class Reply:
    """A model's reply, in the form that OpenAI's client gives it; as plain data, it is its text."""

    __slots__ = ("choices", "text")

    def __init__(self, text: str) -> None:
        message = SimpleNamespace(role="assistant", content=text, tool_calls=None)
        self.text = text
        self.choices = [SimpleNamespace(index=0, message=message, finish_reason="stop")]

    def __opto_plain__(self) -> Any:
        return self.text

    def __repr__(self) -> str:
        return f"Reply({self.text!r})"
