"""Whatever comes back, to whichever optimizer: no step raises, and nothing unnamed changes."""

import json
from dataclasses import dataclass
from enum import Enum

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from opto.formats import TagFormat
from opto.llm import DummyLLM
from opto.optimizers import OPRO, OPROv2, OptoPrime, OptoPrimeMulti, OptoPrimeV2, TextGrad
from opto.trace import GRAPH, bundle, node
from opto.trace.projections import Check, Projection, Range, Schema


class Hue(Enum):
    RED = "r"
    GREEN = "g"


@dataclass
class Point:
    x: int = 1
    hue: Hue = Hue.RED


class Broken(Projection):
    def project(self, x):
        raise ZeroDivisionError


PRESENT = {
    "count": 3,
    "ratio": 0.5,
    "flag": True,
    "words": "Be kind.",
    "hue": Hue.RED,
    "point": Point(),
    "array": np.zeros(2),
    "nested": {"a": [1, (2, 3)], "b": {"c": None}},
    "small": 5,
    "held": {"port": 1},
    "even": 2,
    "stuck": 1,
}
RULES = {
    "small": [Range(0, 10)],
    "held": [Schema({"properties": {"port": {"type": "integer"}}, "required": ["port"]})],
    "even": [Check(lambda x: x % 2 == 0)],
    "stuck": [Broken()],
}
NAMES = [f"{name}0" for name in PRESENT]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-20, 20)
    | st.floats()
    | st.sampled_from(
        ["7", "about 2", "no", "GREEN", "g", "[1. 2.]", '{"x": 4}', "4", "\ud800", ""]
    )
    | st.text(max_size=6)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["x", "hue", "port", "a", *NAMES]), inner, max_size=3)
    ),
    max_leaves=6,
)
GIVEN = st.dictionaries(st.sampled_from([*NAMES, "other0"]), VALUES, max_size=4)
TAGS = TagFormat()


def suggests(given_):
    return json.dumps({"reasoning": "r", "suggestion": given_})


def written(given_):
    return TAGS.write({k: v if isinstance(v, str) else json.dumps(v) for k, v in given_.items()})


WHOLE = GIVEN.flatmap(
    lambda given_: st.sampled_from(
        [
            suggests(given_),
            json.dumps(given_),
            written(given_),
            repr(given_),
            f"```json\n{suggests(given_)}\n```",
            *(f"<IMPROVED_VARIABLE>{json.dumps(v)}</IMPROVED_VARIABLE>" for v in given_.values()),
        ]
    )
)
WRAPPED = st.tuples(
    st.sampled_from(["", "<think>", "[THINK]", "So. ", "<|channel|>analysis<|message|>", "{a: "]),
    WHOLE,
    st.sampled_from(["", "</think>", "[/THINK]", "<|end|>", "\n", " TERMINATE"]),
).map("".join)
TEXTS = st.lists(WRAPPED, min_size=1, max_size=2).map("".join) | st.text(max_size=20)
CUT = st.tuples(TEXTS, st.floats(0.2, 1)).map(lambda pair: pair[0][: int(len(pair[0]) * pair[1])])
CALLS = st.lists(
    st.one_of(GIVEN.map(json.dumps), GIVEN, st.none(), st.just("{"), TEXTS), min_size=1, max_size=2
).map(lambda args: [{"function": {"name": "set", "arguments": part}} for part in args])
MESSAGES = st.one_of(
    st.fixed_dictionaries({"content": TEXTS | CUT | st.none()}),
    st.fixed_dictionaries({"content": CUT | st.none(), "tool_calls": CALLS}),
)
MAKERS = {
    "OptoPrime": lambda p, llm: OptoPrime(p, llm=llm),
    "OptoPrime, tagged": lambda p, llm: OptoPrime(p, llm=llm, dialect="tagged", memory_size=1),
    "OptoPrimeV2": lambda p, llm: OptoPrimeV2(p, llm=llm),
    "OPRO": lambda p, llm: OPRO(p, llm=llm),
    "OPROv2": lambda p, llm: OPROv2(p, llm=llm),
    "OptoPrimeMulti": lambda p, llm: OptoPrimeMulti(p, llm=llm, num_responses=2, parallel=1),
    "drafts": lambda p, llm: OptoPrime(p, llm=llm, drafts=2, score=lambda: 1.0, parallel=1),
    "TextGrad": lambda p, llm: TextGrad(p, llm=llm, parallel=1),
}


@bundle()
def use(**values):
    return len(values)


def same(one, other):
    return type(one) is type(other) and np.all(one == other)


@settings(deadline=None)
@given(st.sampled_from(sorted(MAKERS)), st.lists(MESSAGES, min_size=1, max_size=3))
def test_no_step_raises_and_what_changes_was_named(maker, messages):
    GRAPH.clear()
    fixed = node(1, name="fixed")
    nodes = {
        name: node(value, name=name, trainable=True, projections=RULES.get(name))
        for name, value in PRESENT.items()
    }
    told = []

    def model(messages_, **_):
        told.append(messages[len(told) % len(messages)])
        return {"choices": [{"message": {"role": "assistant", **told[-1]}}]}

    optimizer = MAKERS[maker](list(nodes.values()), DummyLLM(lambda messages, **k: model(messages)))
    optimizer.backward(use(**nodes, fixed=fixed), "better")
    update = optimizer.step()
    said = json.dumps(told, default=str)
    changed = {change.name for change in update.changes}
    for name, parameter in nodes.items():
        assert type(parameter.data) is type(PRESENT[name])
        assert (parameter in update) == (not same(parameter.data, PRESENT[name]))
        if maker != "TextGrad":  # which asks about one at a time, so that none need be named
            assert name in said or f"{name}0" not in changed
    assert fixed.data == 1
    assert 0 <= nodes["small"].data <= 10
    assert nodes["even"].data % 2 == 0
    assert type(nodes["held"].data["port"]) is int
    assert nodes["stuck"].data == 1
    assert nodes["point"].data.hue in Hue
    assert nodes["array"].data.shape == (2,)
    assert np.isfinite(nodes["array"].data).all()
    update.undo()
    assert all(same(nodes[name].data, value) for name, value in PRESENT.items())
