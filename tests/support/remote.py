"""Functions that other processes import and run."""

from __future__ import annotations

from opto.trace import bundle, node


@bundle()
def scale(v, k=2):
    """Multiply by k"""
    return v * k


def plain(x, p):
    return scale(x) + p
