"""How OptoPrimeMulti asks for candidates, and whom."""

import pytest

from opto.errors import ModelRefused, PlugError
from opto.llm import DummyLLM, LLMFactory, ScriptedLLM
from tests.optimizers.answers import suggests
from tests.optimizers.multi import BAD, multi, ready, speaking, words

# -- how candidates are asked for -----------------------------------------------------------


def test_temperatures_fall_from_the_highest():
    optimizer, _, model = multi(*[suggests(x0=5)] * 3, temperature_min_max=[0.2, 1.0])
    optimizer.step()
    assert [(r.temperature, r.sample) for r in model.requests] == [(1.0, 0), (0.6, 1), (0.2, 2)]
    assert len({words(request) for request in model.requests}) == 1


def test_the_old_name_and_the_old_order_of_temperatures_are_taken():
    optimizer, _, model = multi(
        *[suggests(x0=5)] * 5, num_responses=5, temperature_range=[1.3, 0.0]
    )
    optimizer.step()
    assert [r.temperature for r in model.requests] == [1.3, 0.975, 0.65, 0.325, 0.0]


def test_a_refinement_shows_the_answer_before():
    optimizer, _, model = multi(
        suggests("too small", x0=5),
        BAD,
        suggests(x0=7),
        generation_technique="self_refinement",
        selection_technique="last_of_n",
        temperature=0.4,
    )
    optimizer.step()
    first, second, third = map(words, model.requests)
    assert second.startswith(first)
    assert third.startswith(first)
    assert "x0=5" in second[len(first) :]
    assert "too small" in second[len(first) :]
    assert BAD in third[len(first) :]
    assert "no JSON object" in third[len(first) :]
    assert "x0=5" not in third[len(first) :]
    assert [r.temperature for r in model.requests] == [0.4] * 3


def test_an_alternative_shows_all_answers_before():
    optimizer, _, model = multi(
        suggests(x0=51),
        suggests(x0=71),
        suggests(x0=91),
        generation_technique="iterative_alternatives",
        selection_technique="last_of_n",
    )
    optimizer.step()
    first, second, third = map(words, model.requests)
    assert "x0=51" in second
    assert "x0=51" in third[len(first) :]
    assert "x0=71" in third[len(first) :]


def test_experts_that_are_given_are_not_asked_for():
    optimizer, _, model = multi(
        *[suggests(x0=5)] * 3,
        generation_technique="multi_experts",
        experts_list=["a poet", "a\nlawyer"],
    )
    optimizer.step()
    asked = [words(request) for request in model.requests]
    assert ["a poet" in text for text in asked] == [True, False, True]
    assert "```\na\nlawyer\n```" in asked[1]


def test_experts_that_are_asked_for_see_the_task_as_data():
    optimizer, _, model = multi(
        "1. a poet\n2. a lawyer",
        *[suggests(x0=5)] * 2,
        num_responses=2,
        generation_technique="multi_experts",
    )
    optimizer.step()
    who, first, second = model.requests
    assert "make it 10" in words(who)
    assert words(who).startswith("```")
    assert "2 experts" in who.messages[0]["content"]
    assert who.response_format is None
    assert "a poet" in words(first)
    assert "a lawyer" in words(second)


@pytest.mark.parametrize("said", ["", "<think>whom?", "``` \n```", "\n\n"])
def test_where_no_expert_is_named_none_is_asked_as(said):
    optimizer, x, model = multi(said, *[suggests(x0=5)] * 3, generation_technique="multi_experts")
    update = optimizer.step()
    assert x.data == 5
    assert len({words(request) for request in model.requests[1:]}) == 1
    assert any("no expert" in repair for repair in update.repairs)


# -- several models -------------------------------------------------------------------------


def test_models_share_the_questions_by_weight():
    (one, first), (other, second), (chooser, third) = speaking(5), speaking(9), speaking(9)
    optimizer, x = ready(
        chooser,
        generation_technique="multi_llm",
        llm_profiles=[one, other],
        llm_weights=[3, 1],
        num_responses=4,
    )
    update = optimizer.step()
    assert (len(first), len(second), len(third)) == (3, 1, 1)
    assert x.data == 9
    assert all("model" not in arguments for arguments in [*first, *second, *third])
    assert optimizer.llm_profiles == ("DummyLLM", "DummyLLM-2")
    assert optimizer.log[0]["llm_profiles"] == ["DummyLLM", "DummyLLM-2"]
    assert len(update.replies) == 5


def test_a_plan_says_by_name_who_answers():
    (one, _), (other, _) = speaking(5), speaking(9)
    optimizer, _ = ready(one, generation_technique="multi_llm", llm_profiles=[one, other])
    problem = optimizer.problem_instance(optimizer.summarize())
    requests = next(optimizer.plan(problem))
    assert [r.model for r in requests] == ["DummyLLM", "DummyLLM-2", "DummyLLM"]
    assert len({r.digest for r in requests}) == 3


def test_profiles_are_models(monkeypatch):
    monkeypatch.setattr("opto.llm.profiles.REGISTERED._known", {})
    LLMFactory.register_profile("calm", "OpenAI", model="tiny", temperature=0.0)
    optimizer, _ = ready(ScriptedLLM([]), llm_profiles=["calm", "calm"])
    assert optimizer.llm_profiles == ("calm", "calm-2")
    with pytest.raises(PlugError, match="clam"):
        ready(ScriptedLLM([]), llm_profiles=["clam"])


def forms_of(model):
    """The forms that a model was asked for."""
    return [(request.response_format or {}).get("type") for request in model.requests]


def in_turn(*models, **options):
    """What comes of one answer by each of the models."""
    optimizer, x = ready(
        ScriptedLLM([]),
        generation_technique="multi_llm",
        selection_technique="last_of_n",
        num_responses=len(models),
        llm_profiles=models,
        **options,
    )
    optimizer.step()
    return x.data


def test_each_model_is_asked_in_the_form_that_it_can_be_held_to():
    held = ScriptedLLM([suggests(x0=4)], enforces_schema=True)
    free = ScriptedLLM([suggests(x0=5)])
    assert in_turn(held, free) == 5
    assert (forms_of(held), forms_of(free)) == (["json_schema"], ["json_object"])


def test_a_model_that_takes_no_schema_gets_no_form_where_none_is_wanted():
    held = ScriptedLLM([suggests(x0=4)], enforces_schema=True)
    free = ScriptedLLM([suggests(x0=5)])
    assert in_turn(held, free, use_json_object_format=False) == 5
    assert (forms_of(held), forms_of(free)) == (["json_schema"], [None])


def test_a_model_that_refuses_its_form_is_not_asked_for_it_again():
    asked = []

    def fussy(messages, response_format=None, **_):
        asked.append(response_format)
        if response_format:
            raise ModelRefused("response_format is not supported")
        return suggests(x0=5)

    held = ScriptedLLM([suggests(x0=4)] * 2, enforces_schema=True)
    optimizer, x = ready(
        held,
        generation_technique="multi_llm",
        selection_technique="last_of_n",
        llm_profiles=[held, DummyLLM(fussy)],
        num_responses=2,
    )
    optimizer.step()
    optimizer.step()
    assert x.data == 5
    assert asked == [{"type": "json_object"}, None, None]
    assert forms_of(held) == ["json_schema", "json_schema"]
