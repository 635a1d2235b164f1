"""Whatever a model writes to TextGrad."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opto.llm import DummyLLM
from opto.optimizers.textgrad import TextGrad
from opto.trace import GRAPH, bundle, node

ANSWERS = st.text(max_size=40) | st.lists(
    st.sampled_from(
        ["<IMPROVED_VARIABLE>", "</IMPROVED_VARIABLE>", "<think>", "</think>", "\n", "```", " 7 ",
         '<GRADIENT name="', '">', "</GRADIENT>", "x0", "s0", "__code0", "NO CHANGE", "[1]",
         "def run(x, s):\n    return s", "more", "null", "\ud800"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@bundle(trainable=True)
def run(x, s):
    return s


ORIGINAL = run.parameter.data


@given(st.lists(ANSWERS, min_size=1, max_size=8), st.booleans())
def test_whatever_a_model_writes_a_step_never_raises(answers, per_edge):
    """And a parameter changes by an answer about itself only."""
    GRAPH.clear()
    run.parameter._set(ORIGINAL)
    x, s, other = (node(v, name=n, trainable=True) for v, n in [(3, "x"), ("t", "s"), (1, "o")])
    told = []

    def answer(messages, **_):
        told.append((messages[-1]["content"], answers[len(told) % len(answers)]))
        return told[-1][1]

    optimizer = TextGrad(
        [x, s, other, run.parameter], llm=DummyLLM(answer), per_edge=per_edge, parallel=1
    )
    optimizer.zero_feedback()
    optimizer.backward(run(x + 1, s), "better")
    before = [p.data for p in optimizer.parameters]
    update = optimizer.step()
    after = [p.data for p in optimizer.parameters]
    assert [type(value) for value in after] == [type(value) for value in before]
    assert bool(update) == (before != after)
    assert other.data == 1
    for change in update.changes:
        own = [said for user, said in told if f"new value for {change.name}," in user]
        assert any("IMPROVED_VARIABLE" in said for said in own)
    assert len(update.replies) == len(told) <= optimizer.summarize().calls + 3
