"""The least that records a graph: what a traced addition costs in Python at best."""

from __future__ import annotations


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


def bundle(function):
    def operation(*args):
        nodes = tuple([a if a.__class__ is Node else Node(a) for a in args])
        return Node(function(*[n.data for n in nodes]), function, nodes)

    return operation
