"""Whatever several answers say, however they are asked for and chosen among."""

from hypothesis import given, settings
from hypothesis import strategies as st

from opto.llm import DummyLLM
from opto.optimizers import OptoPrimeMulti
from opto.optimizers.candidates import GENERATING
from opto.optimizers.selecting import SELECTING
from opto.trace import GRAPH, bundle, node
from tests.optimizers.test_any_answer import ANSWERS, OBJECTS

MANY = st.lists(ANSWERS | OBJECTS, min_size=8, max_size=8)
HOW = st.fixed_dictionaries(
    {
        "generation_technique": st.sampled_from(list(GENERATING)),
        "selection_technique": st.sampled_from(list(SELECTING)),
        "dialect": st.sampled_from(["json", "tagged"]),
        "num_responses": st.integers(1, 4),
    }
)

# Each example is a step with up to five questions.
FEWER = settings(max_examples=settings.default.max_examples // 2)


@bundle(trainable=True)
def run(x, s, items, n):
    return [x, s, items, n]


ORIGINAL = run.parameter.data


def stepped(answers, how):
    GRAPH.clear()
    left, told = list(answers), []

    def model(messages, **_):
        told.append(left.pop(0))
        return {"choices": [{"message": {"role": "assistant", "content": told[-1]}}]}

    run.parameter._set(ORIGINAL)
    given_ = {"x": 3, "s": "text", "l": [1, 2], "n": None}
    nodes = [node(value, name=name, trainable=True) for name, value in given_.items()]
    parameters = [*nodes, run.parameter]
    before = [parameter.data for parameter in parameters]
    llm = DummyLLM(model)
    optimizer = OptoPrimeMulti(parameters, llm=llm, llm_profiles=[llm], parallel=1, **how)
    optimizer.zero_feedback()
    optimizer.backward(run(*nodes), "better")
    update = optimizer.step()
    return update, before, [parameter.data for parameter in parameters], parameters, told


@FEWER
@given(MANY, HOW)
def test_a_step_never_raises_and_accounts_for_every_answer(answers, how):
    update, before, after, _, told = stepped(answers, how)
    for old, new in zip(before, after, strict=True):
        assert old is None or type(new) is type(old)
    assert bool(update) == (before != after)
    least = how["num_responses"]
    experts = how["generation_technique"] == "multi_experts"
    assert least + experts <= len(told) <= least + experts + 1
    assert sorted(reply.text for reply in update.replies) == sorted(text or "" for text in told)
    for proposal in update.proposal.others:
        assert proposal.replies or proposal.complaint is None


@FEWER
@given(MANY, HOW)
def test_what_changes_was_named_in_an_answer(answers, how):
    update, before, after, parameters, told = stepped(answers, how)
    text = " ".join(str(one) for one in told)
    for parameter, old, new in zip(parameters, before, after, strict=True):
        if old is not new and old != new:
            assert parameter.py_name.rstrip("0") in text or "def run" in text
            assert update[parameter] is new
            named = [update.proposal, *update.proposal.others]
            assert any(parameter.py_name in proposal.values for proposal in named)


@FEWER
@given(MANY, HOW)
def test_a_step_can_be_taken_back(answers, how):
    update, before, _, parameters, _ = stepped(answers, how)
    update.undo()
    assert [parameter.data for parameter in parameters] == before
