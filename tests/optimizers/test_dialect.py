from copy import deepcopy

import pytest

from opto.errors import ArgumentError, OptimizerError
from opto.formats import JSONFormat
from opto.llm import ScriptedLLM
from opto.optimizers import OPRO, OPROv2, OptoPrime, OptoPrimeV2
from opto.optimizers.dialect import DIALECTS, Dialect, dialect_of
from opto.optimizers.problem import TITLES
from tests.optimizers.answers import suggests


def test_the_tagged_one_has_titles_with_a_space_and_no_constraints():
    titles = dialect_of("tagged", DIALECTS).titles
    assert set(titles) == set(TITLES) - {"constraints"}
    assert all(title.startswith("# ") for title in titles.values())


def test_titles_and_keys_can_be_others_without_leaking():
    """SPEC 11.C8."""
    made = dialect_of("json", DIALECTS, {"code": "#Steps"}, {"answer": "solution"})
    assert (made.titles["code"], made.format.answer) == ("#Steps", "solution")
    assert dialect_of("json", DIALECTS) == Dialect()
    assert dialect_of("json", DIALECTS).format == JSONFormat()


def test_an_own_dialect_is_taken():
    own = Dialect(titles={"feedback": "#Said"})
    assert dialect_of(own, DIALECTS) == own


def test_what_is_none_is_refused():
    with pytest.raises(ArgumentError, match="'json', 'tagged'"):
        dialect_of("xml", DIALECTS)
    with pytest.raises(OptimizerError, match="answers in JSON"):
        dialect_of("tagged", DIALECTS, keys={"answer": "a"})
    with pytest.raises(OptimizerError, match="leave out 'answer' only"):
        dialect_of("json", DIALECTS, keys={"reasoning": None})
    with pytest.raises(ArgumentError, match="did you mean 'constraints'"):
        dialect_of("tagged", DIALECTS, {"constraint": "# Rules"})


@pytest.mark.parametrize("optimizer", [OptoPrime, OPRO])
def test_one_takes_the_place_of_another_with_the_same_titles(optimizer, x):
    titles = {**OptoPrime.default_prompt_symbols, "variables": "#Knobs", "inputs": "#Givens"}
    made = optimizer([x], llm=ScriptedLLM([]), prompt_symbols=titles)
    made.backward(x * 2, "larger")
    problem = str(made.problem_instance(made.summarize()))
    assert "#Knobs" in problem
    assert ("#Givens" in problem) == (optimizer is OptoPrime)


@pytest.mark.parametrize("optimizer", [OptoPrime, OptoPrimeV2, OPROv2])
def test_an_optimizer_says_what_titles_it_has_by_default(optimizer, x):
    assert optimizer([x], llm=ScriptedLLM([])).dialect.titles == optimizer.default_prompt_symbols


def test_a_copy_of_an_optimizer_speaks_the_same(asked):
    for dialect in DIALECTS:
        optimizer, _ = asked(dialect=dialect)
        assert deepcopy(optimizer).dialect == optimizer.dialect


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("arguments", [suggests(x0=5), '{"x0": 5}', {"suggestion": {"x0": 5}}])
def test_the_arguments_of_a_tool_call_are_an_answer(dialect, arguments, x):
    call = {"id": "1", "type": "function", "function": {"name": "set", "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    optimizer = OptoPrime([x], llm=lambda **_: {"choices": [{"message": message}]}, dialect=dialect)
    optimizer.backward(x * 2, "larger")
    update = optimizer.step()
    assert (x.data, len(update.replies)) == (5, 1)


@pytest.mark.parametrize(
    "calls",
    [None, [], ["no call"], [{}], [{"function": None}], [{"function": {"arguments": 3}}], 7],
)
def test_calls_of_no_use_are_none(calls, x):
    message = {"role": "assistant", "content": suggests(x0=5), "tool_calls": calls}
    optimizer = OptoPrime([x], llm=lambda **_: {"choices": [{"message": message}]})
    optimizer.backward(x * 2, "larger")
    optimizer.step()
    assert x.data == 5


def test_the_repair_question_is_in_the_form_of_the_dialect(asked, x):
    form = DIALECTS["tagged"]().format
    optimizer, model = asked("nonsense", form.write({"x0": 5}), dialect="tagged")
    assert optimizer.step()
    words = model.requests[1].messages[1]["content"]
    assert "holds no <variable>" in words
    assert "JSON" not in words


def test_scripted_llm_is_not_asked_for_a_form_in_tags(asked):
    optimizer, model = asked(DIALECTS["tagged"]().format.write({"x0": 5}), dialect="tagged")
    optimizer.step()
    assert model.requests[0].response_format is None
    assert isinstance(model, ScriptedLLM)
