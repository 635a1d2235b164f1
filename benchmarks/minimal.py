"""The least that records a graph: what a traced step costs in Python at best.

A node keeps a value, what made it and what of, and nothing else: no name, no order,
no level, nobody's feedback, no way to stop. One operator is twelve lines of it; the
others are there so that each has something to be held against.
"""

from __future__ import annotations

from inspect import iscoroutinefunction


class Node:
    """A value and what it was made from."""

    __slots__ = ("data", "operation", "parents")

    def __init__(self, data, operation=None, parents=()):
        self.data = data
        self.operation = operation
        self.parents = parents

    def __add__(self, other):
        if other.__class__ is not Node:
            other = Node(other)
        return Node(self.data + other.data, "add", (self, other))

    def __lt__(self, other):
        if other.__class__ is not Node:
            other = Node(other)
        return Node(self.data < other.data, "lt", (self, other))

    def __getitem__(self, key):
        if key.__class__ is not Node:
            key = Node(key)
        return Node(self.data[key.data], "getitem", (self, key))

    def __neg__(self):
        return Node(-self.data, "neg", (self,))

    def upper(self):
        return Node(self.data.upper(), "upper", (self,))


def bundle(function):
    def operation(*args, **kwargs):
        nodes = tuple([a if a.__class__ is Node else Node(a) for a in args])
        if kwargs:
            named = {k: a if a.__class__ is Node else Node(a) for k, a in kwargs.items()}
            values = {k: n.data for k, n in named.items()}
            nodes, args = (*nodes, *named.values()), nodes
            return Node(function(*[n.data for n in args], **values), function, nodes)
        return Node(function(*[n.data for n in nodes]), function, nodes)

    async def awaited(*args):
        nodes = tuple([a if a.__class__ is Node else Node(a) for a in args])
        return Node(await function(*[n.data for n in nodes]), function, nodes)

    return awaited if iscoroutinefunction(function) else operation
