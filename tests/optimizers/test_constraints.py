"""Constraints hold: said in the prompt, enforced, and told in the repair question."""

import json
from dataclasses import dataclass
from enum import Enum, IntEnum

import pytest

from opto.formats import TagFormat
from opto.llm import ScriptedLLM
from opto.optimizers import OPRO, OptoPrime, OptoPrimeMulti, TextGrad
from opto.trace import GRAPH, bundle, node
from opto.trace.projections import Check, Choices, Pattern, Projection, Range, Schema
from tests.optimizers.answers import suggests

PORT = Schema(
    {
        "type": "object",
        "properties": {"port": {"$ref": "#/$defs/port"}},
        "$defs": {"port": {"type": "integer", "minimum": 1}},
    }
)


class Shout(Projection):
    def project(self, x):
        if hasattr(x, "upper"):
            return x.upper()
        raise RuntimeError


class Broken(Projection):
    def project(self, x):
        raise ZeroDivisionError("oh")


def step(value, *replies, kind=OptoPrime, projections=(), **options):
    """A step of a program with one parameter: its value, the update, and the questions."""
    GRAPH.clear()
    p = node(value, name="p", trainable=True, projections=list(projections))

    @bundle()
    def use(p):
        return 1

    model = ScriptedLLM(list(replies))
    model.enforces_schema = True
    optimizer = kind([p], llm=model, **options)
    optimizer.backward(use(p), "change it")
    update = optimizer.step()
    return p.data, update, [r.messages[-1]["content"] for r in model.requests], model.requests


# By constraint: the present value, one that is refused, the reason, and one that is taken.
HELD = {
    "range": (3, Range(0, 10), 12, "12 is not between 0 and 10", 7),
    "choices": ("red", Choices("red", "green"), "blue", "none of 'red', 'green'", "green"),
    "pattern": ("a", Pattern("[a-z]+"), "A1", "does not match the pattern [a-z]+", "b"),
    "schema": ({"port": 1}, PORT, {"port": 0}, "at $.port: 0 is less than", {"port": 2}),
    "check": (2, Check(lambda x: x % 2 == 0, "an even number"), 3, "must be: an even number", 4),
    "a check that raises": (2, Check(lambda x: 1 / (x - 3)), 3, "division by zero", 4),
    "own, without a word": (None, Shout(), 3, "RuntimeError", "LOUD"),
}  # fmt: skip


@pytest.mark.parametrize("kind", [OptoPrime, OPRO])
@pytest.mark.parametrize(("present", "rule", "bad", "why", "good"), HELD.values(), ids=HELD)
def test_a_violation_is_told_and_asked_about_once_more(present, rule, bad, why, good, kind):
    data, update, asked, _ = step(
        present, suggests(p0=bad), suggests(p0=good), projections=[rule], kind=kind
    )
    assert (data, bool(update), len(asked)) == (good, True, 2)
    assert why in asked[1]


@pytest.mark.parametrize(("present", "rule", "bad", "why", "good"), HELD.values(), ids=HELD)
def test_a_violation_is_refused_where_it_comes_again(present, rule, bad, why, good):
    data, update, _, _ = step(present, *[suggests(p0=bad)] * 2, projections=[rule])
    assert (data, bool(update)) == (present, False)
    assert why in update.refused[0].why


def test_it_holds_for_tags_for_textgrad_and_for_several_answers():
    rule = HELD["check"][1]
    tags = TagFormat().write
    data, _, asked, _ = step(
        2, tags({"p0": 3}), tags({"p0": 4}), projections=[rule], dialect="tagged"
    )
    assert (data, "an even number" in asked[0], "3 is not what" in asked[1]) == (4, True, True)
    wish = "<GRADIENT name='p0'>more</GRADIENT>"
    new = "<IMPROVED_VARIABLE>{}</IMPROVED_VARIABLE>".format
    data, _, asked, _ = step(2, wish, new(3), new(4), projections=[rule], kind=TextGrad)
    assert (data, "3 is not what" in asked[2]) == (4, True)
    answers = [suggests(p0=3), suggests(p0=4), suggests(p0=3)]
    data, _, _, _ = step(
        2, *answers, projections=[rule], kind=OptoPrimeMulti, selection_technique="majority"
    )
    assert data == 4


def test_a_projection_brings_a_value_into_form_once():
    calls = []

    class More(Projection):
        def project(self, x):
            calls.append(x)
            return x + 1

    data, update, asked, _ = step(1, suggests(p0=5), projections=[More()])
    assert (data, bool(update), len(asked)) == (6, True, 1)
    assert set(calls) == {5}


def test_projections_follow_each_other():
    data, *_ = step("A", suggests(p0="b"), projections=[Shout(), Choices("A", "B")])
    assert data == "B"
    data, update, _, _ = step("A", *[suggests(p0="b")] * 2, projections=[Broken(), Shout()])
    assert (data, update.refused[0].why) == ("A", "oh")


def test_a_schema_is_said_in_the_prompt_and_in_the_response_format():
    _, _, (asked, *_), (request, *_) = step(
        {"port": 1}, suggests(p0={"port": 2}), projections=[PORT]
    )
    assert json.dumps(PORT.schema) in asked
    assert '"p0": {"port": <value>}' in asked
    given = request.response_format["json_schema"]["schema"]["properties"]["suggestion"]
    assert given["properties"]["p0"]["properties"]["port"] == {
        "$ref": "#/properties/suggestion/properties/p0/$defs/port"
    }


def test_a_text_that_holds_json_is_held_to_its_schema():
    data, *_ = step('{"port": 1}', suggests(p0={"port": 2}), projections=[PORT])
    assert data == '{"port": 2}'
    data, _, asked, _ = step(
        "none yet", suggests(p0='{"port": 0}'), suggests(p0='{"port": 8}'), projections=[PORT]
    )
    assert (data, "less than the minimum" in asked[1]) == ('{"port": 8}', True)


def test_code_is_checked_and_the_demand_is_said_beside_its_head():
    def no_loops(code):
        """No loops."""
        return "for " not in code

    @bundle(trainable=True, projections=[Check(no_loops)])
    def run(x):
        return x

    bad = "def run(x):\n    for _ in x:\n        return x"
    model = ScriptedLLM([suggests(__code0=bad), suggests(__code0="def run(x):\n    return -x")])
    optimizer = OptoPrime([run.parameter], llm=model)
    optimizer.backward(run(3), "negative")
    optimizer.step()
    assert run(3).data == -3
    first, second = (request.messages[-1]["content"] for request in model.requests)
    assert "def run(x):" in first.split("#Constraints")[1].split("#Inputs")[0]
    assert "No loops." in first
    assert "is not what it must be: No loops." in second


# -- records and members as values ----------------------------------------------------------


class Hue(Enum):
    RED = "r"
    GREEN = "g"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


@dataclass
class Point:
    x: int = 1
    hue: Hue = Hue.RED
    label: str | None = None
    size: Size | None = None


@pytest.mark.parametrize(
    ("present", "said", "meant"),
    [
        (Hue.RED, "GREEN", Hue.GREEN),
        (Hue.RED, "g", Hue.GREEN),
        (Hue.RED, "Hue.GREEN", Hue.GREEN),
        (Hue.RED, " green.", Hue.GREEN),
        (Size.SMALL, 2, Size.LARGE),
        (Size.SMALL, "2", Size.LARGE),
        (Size.SMALL, "large", Size.LARGE),
        (Point(), {"x": 5}, Point(x=5)),
        (Point(), {"hue": "g", "label": "n"}, Point(hue=Hue.GREEN, label="n")),
        (Point(label="n"), {"label": None}, Point()),
        (Point(), '{"x": "7"}', Point(x=7)),
        (Point(), {"size": "LARGE", "label": 5}, Point(size=Size.LARGE, label="5")),
    ],
)
@pytest.mark.parametrize("dialect", ["json", "tagged"])
def test_members_and_records_are_made_from_what_names_them(present, said, meant, dialect):
    if dialect == "json":
        answer = suggests(p0=said)
    else:
        answer = TagFormat().write({"p0": said if isinstance(said, str) else json.dumps(said)})
    data, update, asked, _ = step(present, answer, dialect=dialect)
    assert (data, type(data), bool(update), len(asked)) == (meant, type(meant), True, 1)


@pytest.mark.parametrize(
    ("present", "said"),
    [
        (Hue.RED, "blue"),
        (Size.SMALL, 3),
        (Point(), {"z": 1}),
        (Point(), 3),
        (Point(), {"x": None}),
        (Point(), {"size": "huge"}),
        (Point(), {"label": [1]}),
    ],
)
def test_what_names_none_is_refused(present, said):
    data, update, _, _ = step(present, *[suggests(p0=said)] * 2)
    assert data == present
    assert update.refused


def test_the_keys_of_a_record_are_said():
    *_, (asked, *_), _ = step(Point(), suggests(p0={"x": 2}))
    assert (
        '"p0": {"x": <integer>, "hue": <one of "RED" | "GREEN">, "label": <value>, "size": <value>}'
        in asked
    )
    *_, (asked, *_), _ = step(Point(), TagFormat().write({"p0": '{"x": 2}'}), dialect="tagged")
    assert "new value of type Point, as JSON with the keys x, hue, label, size" in asked


def test_models_of_pydantic():
    pydantic = pytest.importorskip("pydantic")

    class Inner(pydantic.BaseModel):
        a: int = 1
        hue: Hue = Hue.RED

    class Outer(pydantic.BaseModel):
        inner: Inner = Inner()
        n: int = pydantic.Field(1, ge=0, alias="number")

    present = Outer(number=3)
    taken = [
        ({"number": 5}, Outer(number=5)),
        ({"n": "5"}, Outer(number=5)),
        ({"inner": {"hue": "GREEN"}}, Outer(number=3, inner=Inner(hue=Hue.GREEN))),
        ('{"inner": {"a": 2}}', Outer(number=3, inner=Inner(a=2))),
    ]
    for said, meant in taken:
        data, update, asked, _ = step(present, suggests(p0=said))
        assert (data, bool(update), len(asked)) == (meant, True, 1)
    for said, why in [
        ({"number": -1}, "number: Input should be greater than or equal to 0"),
        ({"q": 1}, "an object with some of inner, n"),
        ("five", "Outer does not take 'five'"),
    ]:
        data, update, asked, _ = step(present, *[suggests(p0=said)] * 2)
        assert data is present
        assert why in asked[1]
        assert "errors.pydantic.dev" not in asked[1]
