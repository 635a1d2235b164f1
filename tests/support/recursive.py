"""Recursive programs that several tests run."""

from __future__ import annotations

import inspect
import sys
from contextlib import contextmanager

from hypothesis import strategies as st

from opto.trace import bundle

TREES = st.recursive(st.integers(), lambda below: st.lists(below, max_size=4), max_leaves=20)


def plain_sum(tree):
    return sum(map(plain_sum, tree)) if isinstance(tree, list) else tree


@bundle()
def tree_sum(tree):
    return sum(tree_sum(t).data for t in tree) if isinstance(tree, list) else tree


@bundle()
def tree_total(tree):
    return sum(map(tree_total, tree)) if isinstance(tree, list) else tree


@bundle()
def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def plain_ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return plain_ackermann(m - 1, 1)
    return plain_ackermann(m - 1, plain_ackermann(m, n - 1))


@bundle()
def female(n):
    return n - male(female(n - 1)) if n else 1


@bundle()
def male(n):
    return n - female(male(n - 1)) if n else 0


def plain_female(n):
    return n - plain_male(plain_female(n - 1)) if n else 1


def plain_male(n):
    return n - plain_female(plain_male(n - 1)) if n else 0


@contextmanager
def shallow():
    """A limit that is soon reached: each of the failures on the way up is told in full."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 250)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
