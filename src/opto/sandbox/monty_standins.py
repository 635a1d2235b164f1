"""Stand-ins for nodes and replies in the part of Python that Monty runs.

Monty has no `operator`, no derived classes, and neither `<` nor `len` for objects. So there is
only what is done with a node most often: its data, sums and the like, and items.
"""

from __future__ import annotations

__all__ = ["STANDINS", "plain_of"]

_NAMES, _SIGNS = "add sub mul truediv floordiv mod pow", "+ - * / // % **"
_BINARY = dict(zip(_NAMES.split(), _SIGNS.split(), strict=True))


def plain_of(call: str) -> str:
    """An expression for what `call` gives, with the values of nodes in their place.

    Example:
        >>> plain_of("f(1)")
        '_opto_plain(f(1))'
    """
    return f"_opto_plain({call})"


def _operators() -> str:
    methods = [
        f"    def __{name}__(self, other):\n"
        f"        return _OptoNode(self.data {sign} _opto_plain(other))\n"
        for name, sign in _BINARY.items()
    ]
    methods += [
        f"    def __r{name}__(self, other):\n"
        f"        return _OptoNode(_opto_plain(other) {sign} self.data)\n"
        for name, sign in _BINARY.items()
    ]
    return "".join(methods)


# It stands in the place of what `opto.sandbox.standing` sends to CPython, under the same names.
STANDINS = f"""
def _opto_plain(value):
    if isinstance(value, _OptoNode):
        return value.data
    if isinstance(value, _OptoReply):
        return value.text
    if isinstance(value, list):
        return [_opto_plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple([_opto_plain(item) for item in value])
    if isinstance(value, dict):
        return {{key: _opto_plain(item) for key, item in value.items()}}
    return value


class _OptoNode:
    def __init__(self, data):
        self.data = data

    def __getitem__(self, key):
        return _OptoNode(self.data[_opto_plain(key)])

    def __bool__(self):
        return bool(self.data)

    def __eq__(self, other):
        return self.data == _opto_plain(other)

    def __contains__(self, item):
        return _opto_plain(item) in self.data

    def __iter__(self):
        return iter([_OptoNode(item) for item in self.data])

    def __str__(self):
        return f"Node: ({{self.data}})"

{_operators()}

class _OptoPart:
    def __init__(self, content):
        self.role = "assistant"
        self.content = content
        self.finish_reason = "stop"


class _OptoChoice:
    def __init__(self, text):
        self.index = 0
        self.message = _OptoPart(text)
        self.finish_reason = "stop"


class _OptoReply:
    def __init__(self, text):
        self.text = text
        self.choices = [_OptoChoice(text)]


def _opto_standins(name):
    made = _OptoReply if name in ("as_reply", "Reply") else _OptoNode
    if name in ("Node", "Reply"):
        return made

    def around(function):
        if name == "as_node_later":

            async def call_later(*args, **kwargs):
                return made(await function(*_opto_plain(args), **_opto_plain(kwargs)))

            return call_later

        def call(*args, **kwargs):
            return made(function(*_opto_plain(args), **_opto_plain(kwargs)))

        return call

    return around
"""
