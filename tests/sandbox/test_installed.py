"""What a worker can import by itself."""

from __future__ import annotations

import collections
import functools
import json
import math
import random
import re
import sys
import typing
from types import ModuleType

import numpy as np
import pytest

import opto
from opto.sandbox.installed import is_installed, reference_to
from tests.support import saved


def local():
    pass


@pytest.mark.parametrize("module", [json, math, sys, np, np.linalg, pytest, re])
def test_modules_of_python_and_of_packages(module):
    assert is_installed(module)


@pytest.mark.parametrize(
    "module", [opto, saved, ModuleType("__main__"), ModuleType("made_up_by_hand")]
)
def test_modules_of_the_user(module):
    assert not is_installed(module)


@pytest.mark.parametrize(
    ("value", "name", "reference"),
    [
        (len, "size", "builtins:len"),
        (math.sqrt, "root", "math:sqrt"),
        (collections.Counter, "C", "collections:Counter"),
        (json.JSONDecodeError, "e", "json.decoder:JSONDecodeError"),
        (functools.partial, "partial", "functools:partial"),
        (typing.List, "L", "typing:List"),  # noqa: UP006 - as old code has it
        (typing.Any, "Any", "typing:Any"),
        (re.IGNORECASE, "I", "re:I"),
        (str.upper, "up", "builtins:str.upper"),
        (random.randint, "randint", "random:randint"),
        (np.add, "add", "numpy:add"),
        (np.random.rand, "rand", "numpy.random.mtrand:rand"),
        (np.float64, "f", "numpy:float64"),
        (local, "local", None),
        (lambda: 1, "f", None),
        (functools.partial(len), "f", None),
        (saved.Agent, "Agent", None),
        (re.compile("a"), "pattern", None),
        (object(), "thing", None),
    ],
)
def test_references(value, name, reference):
    assert reference_to(value, name) == reference
