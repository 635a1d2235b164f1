"""Whatever a model writes: a step never raises, and changes nothing that was not named."""

import json

from hypothesis import given
from hypothesis import strategies as st

from opto.formats import TagFormat
from opto.llm import DummyLLM
from opto.optimizers import OPRO, OptoPrime
from opto.trace import GRAPH, bundle, node

NAMES = ["x0", "s0", "l0", "n0", "__code0"]
WORDS = (
    '{"suggestion":{ "x0": 5 "s0":" t " } }} , ``` ```json <think> </think> TERMINATE {{ \\ '
    '"suggestion" : null [ ] def true NaN 1e999 x0 s: "l:0" __code0 "n" \''
)
BITS = st.lists(st.sampled_from([*WORDS.split(), "\n", " "]), max_size=25).map("".join)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
KEYS = st.sampled_from([*NAMES, "x:0", "x", "y0", "", "reasoning", "`x0`"])
OBJECTS = st.dictionaries(KEYS, JSON, max_size=4).map(lambda v: json.dumps({"suggestion": v}))
CUT = st.tuples(OBJECTS, st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]])
ANSWERS = st.text(max_size=60) | BITS | OBJECTS | CUT | st.none()
TAGS = (
    "<variable> </variable> <name> </name> <value> </value> <reasoning> </reasoning> <think> x0 5 "
    "</think> s0 l0 n0 __code0 [3] ``` &lt; <![CDATA[ ]]> TERMINATE <val <variable|name='x0'>"
)
TAGGED = st.lists(
    st.sampled_from([*(word.replace("|", " ") for word in TAGS.split()), "\n", "def run(): pass"]),
    max_size=25,
).map("".join)
ELEMENTS = st.dictionaries(KEYS, st.text(max_size=9) | TAGGED, max_size=4).map(TagFormat().write)
CUT_TAGGED = st.tuples(ELEMENTS, st.integers(0, 300)).map(lambda pair: pair[0][: pair[1]])
SPOKEN = st.tuples(st.just("json"), ANSWERS, ANSWERS) | st.tuples(
    st.just("tagged"), *[TAGGED | ELEMENTS | CUT_TAGGED | ANSWERS] * 2
)


@bundle(trainable=True)
def run(x, s, items, n):
    return [x, s, items, n]


ORIGINAL = run.parameter.data


def stepped(*answers, kind=OptoPrime, dialect="json"):
    """A program with parameters of many types after a step with these answers."""
    GRAPH.clear()
    left = list(answers)
    message = {"role": "assistant"}

    def model(messages):
        return {"choices": [{"message": {**message, "content": left.pop(0)}}]}

    run.parameter._set(ORIGINAL)
    given_ = {"x": 3, "s": "text", "l": [1, 2], "n": None}
    nodes = [node(value, name=name, trainable=True) for name, value in given_.items()]
    parameters = [*nodes, run.parameter]
    before = [parameter.data for parameter in parameters]
    optimizer = kind(parameters, llm=DummyLLM(model), dialect=dialect)
    optimizer.zero_feedback()
    optimizer.backward(run(*nodes), "better")
    update = optimizer.step()
    return update, before, [parameter.data for parameter in parameters], parameters


@given(SPOKEN, st.sampled_from([OptoPrime, OPRO]))
def test_a_step_never_raises_and_types_stay(spoken, kind):
    dialect, one, other = spoken
    update, before, after, _ = stepped(one, other, kind=kind, dialect=dialect)
    for old, new in zip(before, after, strict=True):
        assert old is None or type(new) is type(old)
    assert bool(update) == (before != after)
    assert len(update.replies) in (1, 2)


@given(SPOKEN)
def test_what_changes_was_named_and_what_was_named_is_accounted_for(spoken):
    dialect, one, other = spoken
    update, before, after, parameters = stepped(one, other, dialect=dialect)
    text = f"{one} {other}"
    for parameter, old, new in zip(parameters, before, after, strict=True):
        if old is not new and old != new:
            base = parameter.py_name.rstrip("0")
            assert base in text or "def run" in text
            assert update[parameter] is new
    changed = {change.name for change in update.changes}
    refused = {refusal.name for refusal in update.refused}
    unchanged = set(update.proposal.unchanged)
    assert not changed & unchanged
    assert not changed & refused
    known = set(update.proposal.given)
    assert known <= changed | refused | unchanged | {key for key in known if key not in NAMES}


@given(OBJECTS)
def test_a_step_can_be_taken_back(answer):
    update, before, _, parameters = stepped(answer, "TERMINATE")
    update.undo()
    assert [parameter.data for parameter in parameters] == before
