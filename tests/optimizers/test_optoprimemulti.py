"""Several candidates a step: every way to get them with every way to choose."""

import asyncio
from copy import deepcopy

import pytest

import opto
from opto.errors import AnswerError, ArgumentError, ModelUnavailable, OptimizerError
from opto.llm import DummyLLM, ScriptedLLM
from opto.optimizers import OptoPrimeMulti
from opto.optimizers.candidates import GENERATING
from opto.optimizers.selecting import SELECTING
from opto.testing import OptimizerContract
from opto.trace import GRAPH, node
from tests.optimizers.answers import suggests
from tests.optimizers.multi import ASKING, BAD, WRONG, multi, ready, speaking, words

# -- every way to get candidates, with every way to choose --------------------------------


@pytest.mark.parametrize("selection", SELECTING)
@pytest.mark.parametrize("generation", GENERATING)
@pytest.mark.parametrize("way", ["step", "step_async"])
def test_calls_are_counted_and_one_candidate_is_the_step(generation, selection, way):
    experts = ["a poet\na lawyer\na cook"] if generation == "multi_experts" else []
    choice = [suggests(x0=9)] if selection in ASKING else []
    script = [*experts, suggests(x0=5), suggests(x0=9), suggests(x0=9), *choice, "never asked"]
    model = ScriptedLLM(script)
    optimizer, x = ready(
        model,
        generation_technique=generation,
        selection_technique=selection,
        llm_profiles=[model, model],
    )
    update = optimizer.step() if way == "step" else asyncio.run(optimizer.step_async())
    assert len(model.requests) == 3 + len(experts) + len(choice) == len(update.replies)
    assert (x.data, update[x]) == (9, 9)
    assert sorted(p.values["x0"] for p in update.proposal.others) == [5, 9]
    assert model.left == 1


@pytest.mark.parametrize("selection", SELECTING)
@pytest.mark.parametrize("generation", GENERATING)
def test_useless_candidates_are_dropped_and_kept_with_the_reason(generation, selection):
    experts = ["a poet"] if generation == "multi_experts" else []
    model = ScriptedLLM([*experts, BAD, suggests(x0=5), WRONG])
    optimizer, x = ready(
        model,
        generation_technique=generation,
        selection_technique=selection,
        llm_profiles=[model],
    )
    update = optimizer.step()
    assert x.data == 5
    assert model.left == 0  # of one candidate, none needs to be chosen
    unread, wrong = update.proposal.others
    assert "no JSON object" in unread.failure
    assert "whole number" in wrong.complaint
    assert [p.replies[-1].text for p in (unread, wrong)] == [BAD, WRONG]


@pytest.mark.parametrize("selection", SELECTING)
@pytest.mark.parametrize("generation", GENERATING)
def test_where_none_is_of_use_there_is_one_repair_question(generation, selection):
    experts = ["a poet"] if generation == "multi_experts" else []
    model = ScriptedLLM([*experts, BAD, BAD, BAD, suggests(x0=5)])
    optimizer, x = ready(
        model,
        generation_technique=generation,
        selection_technique=selection,
        llm_profiles=[model],
    )
    update = optimizer.step()
    assert (x.data, model.left, len(update.proposal.others)) == (5, 0, 2)
    assert "could not be used" in words(model.requests[-1])
    assert len(update.replies) == len(model.requests)


def test_where_the_repair_is_no_better_nothing_changes():
    optimizer, x, model = multi(BAD, BAD, BAD, BAD)
    update = optimizer.step()
    assert (x.data, bool(update), len(model.requests)) == (3, False, 4)
    assert "no JSON object" in update.failure
    assert [p.failure for p in update.proposal.others] == [update.failure] * 2


def test_without_repair_nothing_more_is_asked():
    optimizer, _, model = multi(BAD, BAD, BAD, repair=False)
    assert not optimizer.step()
    assert len(model.requests) == 3


# -- the rest of a step ---------------------------------------------------------------------


def test_the_log_holds_the_candidates_and_how_they_came():
    optimizer, _, _ = multi(suggests(x0=5), BAD, suggests(x0=7), selection_technique="last_of_n")
    optimizer.step()
    [entry] = optimizer.log
    assert entry["response"] == [suggests(x0=7), suggests(x0=5), BAD]
    assert entry["generation_technique"] == "temperature_variation"
    assert entry["selection_technique"] == "last_of_n"
    assert entry["llm_profiles"] == []
    assert "make it 10" in entry["user_prompt"]
    assert len(entry["responses"]) == 3


def test_a_step_may_say_how_for_itself():
    optimizer, x, model = multi(*[suggests(x0=n) for n in (5, 6, 7, 8, 9)])
    optimizer.step(
        num_responses=2,
        generation_technique="iterative_alternatives",
        selection_technique="last_of_n",
    )
    assert (x.data, len(model.requests)) == (6, 2)
    optimizer.step(selector=lambda texts: texts[0])
    assert (x.data, len(model.requests)) == (7, 5)


def test_attributes_can_be_assigned():
    optimizer, x, model = multi(suggests(x0=5), suggests(x0=6))
    optimizer.num_responses, optimizer.selection_technique = 2, "last_of_n"
    optimizer.step()
    assert (x.data, len(model.requests)) == (6, 2)


def test_a_model_that_fails_leaves_everything_as_it_was():
    optimizer, x, _ = multi(suggests(x0=5), ModelUnavailable("busy"), memory_size=2)
    with pytest.raises(ModelUnavailable):
        optimizer.step()
    assert (x.data, len(optimizer.memory), optimizer.log) == (3, 0, [])


def test_a_useless_answer_raises_where_that_is_wanted():
    optimizer, x, _ = multi(*[BAD] * 4, ignore_extraction_error=False)
    with pytest.raises(AnswerError, match="no JSON object"):
        optimizer.step()
    assert x.data == 3


def test_a_hook_is_asked_in_order():
    answers = iter([suggests(x0=n) for n in (5, 6, 7, 6)])

    class Own(OptoPrimeMulti):
        def call_llm(self, system_prompt, user_prompt, verbose=False, max_tokens=None):
            return next(answers)

    GRAPH.clear()
    x = node(3, name="x", trainable=True)
    optimizer = Own([x], llm=ScriptedLLM([]))
    optimizer.backward(x * 2, "more")
    update = optimizer.step()
    assert x.data == 6
    assert [p.values["x0"] for p in update.proposal.others] == [5, 7]


def test_a_copy_asks_the_same_models():
    voice, _ = speaking(5)
    optimizer, x = ready(voice, generation_technique="multi_llm", llm_profiles=[voice])
    copy = deepcopy(optimizer)
    assert copy._voices["DummyLLM"] is voice
    copy.step()
    assert x.data == 5


@pytest.mark.parametrize("generation", GENERATING)
def test_the_other_dialect_is_spoken_too(generation):
    def tagged(value):
        return (
            f"<reasoning>so</reasoning><variable><name>x0</name><value>{value}</value></variable>"
        )

    experts = ["a poet"] if generation == "multi_experts" else []
    model = ScriptedLLM([*experts, tagged(5), "none", tagged(9), tagged(9)])
    optimizer, x = ready(
        model, generation_technique=generation, llm_profiles=[model], dialect="tagged"
    )
    optimizer.step()
    assert (x.data, model.left) == (9, 0)
    assert all(request.response_format is None for request in model.requests)


@pytest.mark.parametrize("generation", GENERATING)
def test_a_run_is_replayed_with_the_same_result(generation, tmp_path):
    def training(**how):
        GRAPH.clear()
        x = node(3, name="x", trainable=True)
        left = list(range(4, 40))
        model = DummyLLM(lambda messages, **_: suggests(x0=left.pop(0)))
        with opto.run("multi", journal=tmp_path / "journal.sqlite", **how) as run:
            optimizer, _ = ready(
                model,
                x,
                num_responses=6,
                generation_technique=generation,
                llm_profiles=[model, model],
                temperature=0.5,
            )
            optimizer.step()
            optimizer.zero_feedback()
            optimizer.backward(x * 2, "more")
            update = optimizer.step()
        run.journal.close()
        return x.data, [reply.text for reply in update.replies], len(left)

    value, texts, left = training()
    assert left < 36
    for _ in range(2):
        assert training(replay=True) == (value, texts, 36)


# -- misuse ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"num_responses": 0}, OptimizerError, "num_responses"),
        ({"num_responses": 2.5}, OptimizerError, "num_responses"),
        ({"num_response": 2}, ArgumentError, "num_responses"),
        ({"drafts": 2}, ArgumentError, "drafts"),
        ({"objectiv": "x"}, ArgumentError, "objective"),
        ({"generation_technique": "self_refinment"}, ArgumentError, "self_refinement"),
        ({"selection_technique": "best"}, ArgumentError, "best_of_n"),
        ({"generation_technique": "multi_llm"}, OptimizerError, "llm_profiles"),
        ({"temperature_min_max": [1]}, OptimizerError, "two numbers"),
        ({"temperature_min_max": [-1, 1]}, OptimizerError, "two numbers"),
        ({"temperature_min_max": "ab"}, OptimizerError, "two numbers"),
        ({"temperature_min_max": [0, float("inf")]}, OptimizerError, "two numbers"),
        (
            {"temperature_min_max": [0, 1], "temperature_range": [0, 1]},
            OptimizerError,
            "old name",
        ),
        ({"experts_list": "a poet"}, OptimizerError, "experts_list"),
        ({"experts_list": [" "]}, OptimizerError, "experts_list"),
        ({"selector": "first"}, OptimizerError, "selector"),
        ({"llm_profiles": "cheap"}, OptimizerError, "llm_profiles"),
        ({"llm_weights": [1]}, OptimizerError, "llm_weights"),
        ({"llm_profiles": [ScriptedLLM([])], "llm_weights": [0]}, OptimizerError, "llm_weights"),
        ({"llm_profiles": [ScriptedLLM([])], "llm_weights": ["a"]}, OptimizerError, "llm_weights"),
        ({"parallel": 0}, OptimizerError, "parallel"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(options, error, match):
    with pytest.raises(error, match=match):
        ready(ScriptedLLM([]), **options)


def test_so_are_those_of_a_step():
    optimizer, x, model = multi(suggests(x0=5))
    for wrong in ({"num_responses": 0}, {"selection_technique": "best"}, {"experts": []}):
        with pytest.raises((OptimizerError, ArgumentError)):
            optimizer.step(**wrong)
    assert (x.data, model.requests) == (3, [])


class TestContract(OptimizerContract):
    def make(self, parameters):
        def answer(messages, **_):
            names = [p.py_name for p in parameters if p.trainable]
            return suggests(**dict.fromkeys(names, 1.5))

        return OptoPrimeMulti(parameters, llm=DummyLLM(answer))
