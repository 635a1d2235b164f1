"""`assert_type` for the Python that runs: what type checkers are told must also be so."""

from __future__ import annotations

import types
from typing import Any, Union, get_args, get_origin

from opto.trace import Node

# PEP 484: where a float is expected, an int will do.
WIDER = {float: (float, int), complex: (complex, float, int)}


def assert_type(value, claimed):
    """`value`, if it is what it is `claimed` to be, all the way down."""
    assert fits(value, claimed), f"{value!r} is no {claimed}"
    return value


def fits(value, claimed):
    origin, inner = get_origin(claimed) or claimed, get_args(claimed)
    if claimed is Any:
        return True
    if claimed is None:
        return value is None
    if origin in {Union, types.UnionType}:
        return any(fits(value, option) for option in inner)
    if not isinstance(value, WIDER.get(origin, origin)):
        return False
    return all(fits(item, kind) for item, kind in held(value, inner))


def held(value, kinds):
    """The things inside `value`, each with what it is claimed to be."""
    if not kinds:
        return []
    if isinstance(value, Node):
        return [(value.data, kinds[0])]
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in ((key, kinds[0]), (item, kinds[1]))]
    if isinstance(value, tuple) and kinds[-1] is not ...:
        assert len(value) == len(kinds)
        return list(zip(value, kinds, strict=True))
    return [(item, kinds[0]) for item in value]
