"""The methods that programs for the original override: each still has its effect (SPEC 7.8)."""

import pytest

from opto.llm import Reply, ScriptedLLM
from opto.optimizers import OPRO, OptoPrime, OptoPrimeMulti
from opto.optimizers.optoprime import ProblemInstance
from opto.optimizers.problem import Problem
from tests.optimizers.answers import suggests


def words(model):
    """What the model was asked last: the system's part and the user's."""
    return [message["content"] for message in model.requests[-1].messages]


def test_a_plan_needs_neither_model_nor_program(asked, x):
    optimizer, _ = asked()
    problem = optimizer.problem_instance(optimizer.summarize())
    plan = optimizer.plan(problem)
    [request] = next(plan)
    with pytest.raises(StopIteration) as end:
        plan.send((Reply(suggests(x0=4)),))
    assert end.value.value.values == {"x0": 4}
    assert "(int) x0=3" in request.messages[1]["content"]
    assert x.data == 3


def test_an_own_call_to_the_model_gets_all_questions(x):
    seen = []

    class Own(OptoPrime):
        def call_llm(self, system_prompt, user_prompt, verbose=False, max_tokens=4096):
            seen.append((system_prompt, user_prompt, verbose, max_tokens))
            return "nonsense" if len(seen) == 1 else suggests(x0=4)

    optimizer = Own([x], llm=ScriptedLLM([]), max_tokens=7)
    optimizer.backward(x + 1, "larger")
    optimizer.step()
    assert x.data == 4
    assert [call[2:] for call in seen] == [(False, 7), (False, 7)]
    assert "nonsense" in seen[1][1]


def test_call_llm_can_be_called(asked):
    optimizer, model = asked("hello")
    assert optimizer.call_llm(system_prompt="s", user_prompt="u", max_tokens=5) == "hello"
    assert (words(model), model.requests[0].max_tokens) == (["s", "u"], 5)


def test_an_own_prompt_is_asked(x):
    class Own(OptoPrime):
        def construct_prompt(self, summary, mask=None, *args, **kwargs):
            system, user = super().construct_prompt(summary, mask, *args, **kwargs)
            return system, user + "\nBe bold."

    optimizer = Own([x], llm=(model := ScriptedLLM([suggests(x0=4)])))
    optimizer.backward(x + 1, "larger")
    optimizer.step()
    assert words(model)[1].endswith("\nBe bold.")
    assert optimizer.log[0]["user_prompt"] == words(model)[1]


def test_an_own_problem_is_shown(x):
    class Own(OptoPrime):
        def problem_instance(self, summary, mask=None):
            return "MY PROBLEM"

        def construct_prompt(self, summary, mask=None, *args, **kwargs):
            return "system", str(self.problem_instance(summary))

    optimizer = Own([x], llm=(model := ScriptedLLM([suggests(x0=4)])))
    optimizer.backward(x + 1, "larger")
    optimizer.step()
    assert words(model)[1] == "MY PROBLEM"
    assert x.data == 4


@pytest.mark.parametrize("optimizer", [OptoPrime, OPRO, OptoPrimeMulti])
@pytest.mark.parametrize("made", [ProblemInstance(code="MINE", feedback="f"), "MINE"])
def test_an_own_problem_need_not_know_what_an_answer_may_set(optimizer, made, x):
    """As subclasses of the original make one: of texts alone."""

    class Own(optimizer):
        def problem_instance(self, summary, mask=None):
            return made

    own = Own([x], llm=(model := ScriptedLLM([suggests(x0=4)] * 3)))
    own.backward(x + 1, "larger")
    own.step()
    assert x.data == 4
    assert "MINE" in words(model)[1]
    assert '"suggestion": {"x0": <int>}' in words(model)[1]
    assert "MINE" in str(own.summary_log[0]["problem_instance"])


def test_an_own_summary_is_used(x):
    class Own(OptoPrime):
        def summarize(self):
            summary = super().summarize()
            summary.user_feedback = "MUCH larger"
            return summary

    optimizer = Own([x], llm=(model := ScriptedLLM([suggests(x0=4)])))
    optimizer.backward(x + 1, "larger")
    optimizer.step()
    assert "MUCH larger" in words(model)[1]


def test_an_own_reader_of_answers_is_used(x):
    class Own(OptoPrime):
        def extract_llm_suggestion(self, response):
            return {"x0": response.removeprefix("x is ")}

    optimizer = Own([x], llm=ScriptedLLM(["x is 8"]))
    optimizer.backward(x + 1, "larger")
    optimizer.step()
    assert x.data == 8


def test_own_values_from_an_answer_are_used(x):
    class Own(OptoPrime):
        def construct_update_dict(self, suggestion):
            return {x: 2 * suggestion["twice"]}

    optimizer = Own([x], llm=ScriptedLLM([suggests(twice=4)]))
    optimizer.backward(x + 1, "larger")
    optimizer.step()
    assert x.data == 8


def test_an_own_step_and_an_own_proposal_are_used(x):
    class OwnStep(OptoPrime):
        def _step(self, verbose=False, mask=None, *args, **kwargs):
            return {x: 11}

    class OwnProposal(OptoPrime):
        def propose(self, *args, **kwargs):
            return {x: 12}

    assert OwnStep([x], llm=ScriptedLLM([])).step()[x] == x.data == 11
    assert OwnProposal([x], llm=ScriptedLLM([])).step()[x] == x.data == 12


def test_the_parts_of_a_step_can_be_called_one_by_one(asked, x):
    """As programs for the original do in tests of their own."""
    optimizer, _ = asked()
    summary = optimizer.summarize()
    assert summary.variables == {"x0": (3, None)}
    assert isinstance(optimizer.problem_instance(summary), Problem)
    system, user = optimizer.construct_prompt(summary)
    assert "JSON" in system
    assert "(int) x0=3" in user
    suggestion = optimizer.extract_llm_suggestion(suggests(x0="5", y0=1))
    assert suggestion == {"x0": "5", "y0": 1}
    assert optimizer.construct_update_dict(suggestion) == {x: 5}
    assert optimizer.construct_update_dict({"x0": 3}) == {x: 3}
    optimizer.update({x: 6})
    assert x.data == 6


def test_the_parts_work_before_any_run(x):
    optimizer = OptoPrime([x], llm=ScriptedLLM([]), ignore_extraction_error=False)
    assert optimizer.construct_update_dict({"x0": "5"}) == {x: 5}
    with pytest.raises(ValueError, match="x0: it must be a whole number"):
        optimizer.construct_update_dict({"x0": "five"})
