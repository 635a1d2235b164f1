from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

import pytest

from opto.errors import ArgumentError
from opto.llm.digest import digest_of


class Colour(str, Enum):
    RED = "red"


class Size(Enum):
    BIG = 2


@dataclass
class Schema:
    kind: str


class Shape:
    """Stands for a pydantic model that is given as response_format."""

    @staticmethod
    def model_json_schema():
        return {"type": "object"}


@pytest.mark.parametrize(
    ("given", "equal"),
    [
        (Colour.RED, "red"),
        (Size.BIG, 2),
        ((1, 2), [1, 2]),
        ({2, 1}, [1, 2]),
        (Path("a") / "b", str(Path("a") / "b")),
        (Schema("x"), {"kind": "x"}),
        (Shape, {"schema": {"type": "object"}}),
        (bytearray(b"\x01"), {"bytes": "01"}),
        (SimpleNamespace, {"named": "types:SimpleNamespace"}),
        ({1: "a"}, {"1": "a"}),
    ],
    ids=repr,
)
def test_values_that_are_no_json_have_a_stable_form(given, equal):
    assert digest_of([given]) == digest_of([equal])


def test_what_has_no_stable_form_is_refused():
    with pytest.raises(ArgumentError, match="SimpleNamespace, which has no stable form"):
        digest_of({"tool": SimpleNamespace(a=1)})


def test_a_text_of_half_a_surrogate_has_a_digest():
    assert digest_of("\ud800") != digest_of("\ud801")
