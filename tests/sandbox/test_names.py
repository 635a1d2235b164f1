"""What foreign code finds under the names that it does not define."""

from __future__ import annotations

import dataclasses
import json
from functools import lru_cache
from types import ModuleType

import numpy as np
import pytest

from opto.errors import SandboxError
from opto.llm import ScriptedLLM
from opto.sandbox import Policy
from opto.sandbox.names import ABSENT, Place, names_of
from opto.trace import bundle, node

FACTOR = 3
TABLE = {"a": [1, 2]}
API_KEY = "sk-0123456789abcdefghij"
CONNECTION = object()
REGISTRY = {"tools": [object()]}
PROMPT = node("Be kind.", name="prompt")
HIDDEN = node(CONNECTION)
LATER = "LATER"
TOOLS = ModuleType("tools")
llm = ScriptedLLM(["hi"])
max = min  # noqa: A001 - what a name means here, it means there


@dataclasses.dataclass
class Point:
    x: int

    def shifted(self):
        return Point(self.x + FACTOR)


class Held:
    limit = CONNECTION


def base(x):
    return x + len(TABLE)


def helper(x):
    return base(x) * FACTOR


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def guarded(x):
    return API_KEY + x


def careful(x):
    return API_KEY[0] + x


def signed(x):
    return x + len("sk-abcdefghijklmnopqrstuvwxyz123456")


def closed():
    n = 3

    def inside(x):
        return x + n

    return inside


inside = closed()


@lru_cache
def cached(x):
    return x


def uses_closed(x):
    return inside(x)


@bundle()
def scale(x):
    return x * 2


@bundle()
async def slowly(x):
    return x


def like(x):
    """Where the code stands."""
    return x


def found(body, original=None, head="def f(x)", **policy):
    text = f"{head}: return {body}"
    original = None if original is None else f"{head}: return {original}"
    return names_of(text, "f", like, policy=Policy(**policy), original=original)[:2]


def names(*args, **policy):
    return found(*args, **policy)[0]


def refusal(body, original=None, **more):
    with pytest.raises(SandboxError) as raised:
        found(body, original, **more)
    return str(raised.value)


def test_code_that_needs_nothing_gets_nothing():
    got = names("len(x) + sum(x) + f(x)")
    assert (got.modules, got.values, got.sources, got.host) == ({}, {}, {}, {})


def test_modules_are_imported():
    assert names("json.dumps(np.zeros(x))").modules == {"json": "json", "np": "numpy"}


def test_what_packages_define_is_imported_by_name():
    got = names("lru_cache(dataclasses.asdict(x))")
    assert got.modules == {"dataclasses": "dataclasses", "lru_cache": "functools:lru_cache"}
    assert names("max(x)").modules == {"max": "builtins:min"}


def test_plain_data_is_copied_as_it_is_now(monkeypatch):
    assert names("FACTOR + TABLE").values == {"FACTOR": 3, "TABLE": {"a": [1, 2]}}
    monkeypatch.setitem(globals(), "FACTOR", 4)
    assert names("FACTOR").values == {"FACTOR": 4}


def test_a_helper_is_sent_with_what_it_needs():
    got = names("helper(x)")
    assert list(got.sources) == ["base", "helper"]
    assert got.values == {"TABLE": TABLE, "FACTOR": 3}
    assert list(names("even(x)").sources) == ["odd", "even"]
    world = dict(got.values)
    for source in got.sources.values():
        exec(source, world)
    assert world["helper"](2) == helper(2)


def test_two_helpers_that_need_what_cannot_be_sent():
    got = names("guarded(x) + careful(x)", "guarded, careful")
    assert (got.host, got.sources) == ({"guarded": guarded, "careful": careful}, {})
    assert "careful()" in refusal("guarded(x) + careful(x)", "guarded")


def test_a_class_is_sent_as_source():
    got = names("Point(x).shifted()")
    assert got.modules == {"dataclasses": "dataclasses"}
    assert got.values == {"FACTOR": 3}
    assert "class Point:" in got.sources["Point"]


def test_a_helper_under_another_name():
    def place():
        other = helper

        def f(x):
            return other(x)

        return f

    got, *_ = names_of("def f(x): return other(x)", "f", place(), policy=Policy())
    assert got.sources["other"].endswith("\nother = helper")


def test_what_the_users_code_called_may_be_called():
    got, standins = found("[inside(x), cached(x), scale(x), llm(x)]", "inside, cached, scale, llm")
    assert got.host == {"inside": inside, "cached": cached, "scale": scale, "llm": llm}
    told = {"inside": "as_told", "cached": "as_told"}
    assert standins == {"scale": "as_node", "llm": "as_reply", **told}


@pytest.mark.parametrize("name", ["inside", "cached", "scale", "llm", "uses_closed"])
def test_nothing_else_may(name):
    said = refusal(f"{name}(x)", "x")
    assert said.startswith(f"the code uses {name}(), which runs in your program")
    for way in ("plain data", "host=", 'sandbox="none"'):
        assert way in said


def test_the_policy_grants_functions():
    got = names("search(x) + scale(x)", "x", host={"search": print, "scale": len, "unused": id})
    assert got.host == {"search": print, "scale": len}


def test_a_helper_that_needs_the_host_is_called_there_if_it_was():
    got = names("uses_closed(x)", "uses_closed(x)")
    assert (got.host, got.sources) == ({"uses_closed": uses_closed}, {})


def test_a_helper_with_a_secret_in_its_text_stays_here():
    got = names("signed(x)", "signed(x)")
    assert (got.host, got.sources) == ({"signed": signed}, {})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("API_KEY", "API_KEY, which looks like a secret"),
        ("CONNECTION", "CONNECTION, a object, which is no plain data"),
        ("PROMPT", "PROMPT, a node"),
        ("REGISTRY", "REGISTRY, which holds a value of type object at ['tools'][0]"),
        ("signed(x)", "signed(), which runs in your program"),
        ("Held.limit", "Held, a class that stays in your program"),
        ("TOOLS.x", "TOOLS, a module of your program"),
        ("super().f(x)", "super()"),
        ("slowly(x)", "slowly(), which"),
        ("guarded(x)", "guarded(), which runs in your program"),
        ("CONNECTION, PROMPT", "which is no plain data; and PROMPT, a node"),
    ],
)
def test_refusals(body, words):
    said = refusal(body, "slowly")
    assert words in said
    assert API_KEY not in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import opto", "`import opto`, a module of your program"),
        ("from opto.trace import node", "`import opto`, a module of your program"),
        ("import tests.sandbox as t", "`import tests`, a module of your program"),
    ],
)
def test_modules_of_the_program_are_not_there(line, words):
    with pytest.raises(SandboxError, match=words):
        names_of(f"def f(x):\n    {line}", "f", like, policy=Policy())


def test_what_else_is_imported_is_left_to_python():
    names_of("import json, nowhere\nfrom os import path\ndef f(x): pass", "f", policy=Policy())


def test_what_must_be_awaited_is_for_code_that_awaits():
    assert "must be awaited" in refusal("slowly(x)", "slowly(x)")
    got, standins = found("await slowly(x)", "await slowly(x)", head="async def f(x)")
    assert (got.host, standins) == ({"slowly": slowly}, {"slowly": "as_node_later"})


def test_annotations_need_nothing():
    text = "def f(x: CONNECTION, y: list[PROMPT] = None) -> scale:\n    return x"
    got, *_ = names_of(text, "f", like, policy=Policy())
    assert (got.values, got.host) == ({}, {})


def test_unknown_names_are_left_to_python():
    assert names("nothing_has_this_name").values == {}


def test_what_modules_say_of_themselves_stays_here():
    got = names("__file__, __name__, __builtins__, __spec__")
    assert (got.values, got.modules) == ({}, {})


def test_a_node_that_the_users_code_looks_at_is_there_by_its_value():
    def place():
        inner = node(4)

        def f(x):
            return PROMPT.data + inner

        return f, inner

    f, inner = place()
    text = "def f(x): return PROMPT.data, inner + 1"
    got, standins, nodes = names_of(text, "f", f, policy=Policy(), original=text)
    assert got.values == {"PROMPT": "Be kind.", "inner": 4}
    assert standins == {"PROMPT": "Node", "inner": "Node"}
    assert list(map(id, nodes)) == [id(PROMPT), id(inner)]
    assert "a node of a object" in refusal("HIDDEN", "HIDDEN")


def test_a_helper_is_not_mixed_with_the_codes_own():
    text = "def base(x): return 0\ndef f(x): return helper(x) + base(x)"
    with pytest.raises(SandboxError, match=r"helper\(\)"):
        names_of(text, "f", like, policy=Policy())
    got, *_ = names_of(text, "f", like, policy=Policy(), original="def f(x): return helper(x)")
    assert got.host == {"helper": helper}


def test_variables_around_the_function_come_before_globals():
    def around(factor):
        FACTOR = factor  # noqa: N806 - hides the global

        def f(x):
            return x * FACTOR * later

        yield f
        later = 7
        yield f

    steps = around(5)
    text = "def f(x): return x * FACTOR * later + extra"
    f = next(steps)
    got, *_ = names_of(text, "f", f, {"extra": 1, "FACTOR": 9}, policy=Policy())
    assert got.values == {"FACTOR": 5, "extra": 1}
    next(steps)
    got, *_ = names_of(text, "f", f, {"extra": 1}, policy=Policy())
    assert got.values == {"FACTOR": 5, "extra": 1, "later": 7}


def test_a_place_without_a_function():
    place = Place.of(None, {"a": 1})
    assert (place.find("a"), place.find("b"), place.flags) == (1, ABSENT, 0)


def test_arrays_are_data(monkeypatch):
    monkeypatch.setitem(globals(), "GRID", np.ones(2))
    assert names("GRID").values["GRID"].tolist() == [1, 1]
    assert json.dumps(names("TABLE").values["TABLE"])
