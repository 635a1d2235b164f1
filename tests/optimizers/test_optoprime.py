import copy

import pytest

from opto.errors import ArgumentError, ModelUnavailable, OptimizerError
from opto.llm import DummyLLM, Reply, ScriptedLLM, Usage
from opto.optimizers import OPRO, OptoPrime, OptoPrimeMulti
from opto.trace import GRAPH, ExecutionError, bundle, node
from opto.trace.projections import Choices, Range
from opto.trace.propagators.propagators import SumPropagator
from tests.optimizers.answers import suggests


def words(model, index=-1):
    """What the model was asked: the system's part and the user's."""
    return [message["content"] for message in model.requests[index].messages]


# -- one step ------------------------------------------------------------------------------


def test_a_step_asks_once_and_changes_the_parameter(asked, x):
    optimizer, model = asked(Reply(suggests("Too small.", x0=7), usage=Usage(10, 5, 0.1)))
    update = optimizer.step()
    assert x.data == 7
    assert (update[x], update.reasoning, update.reply.text) == (7, "Too small.", model_text(update))
    assert update.usage == Usage(10, 5, 0.1)
    assert len(model.requests) == 1


def model_text(update):
    return update.replies[0].text


def test_several_parameters_change_together_and_those_not_named_stay(x):
    y, z = node("a", name="y", trainable=True), node(1.5, name="z", trainable=True)
    optimizer = OptoPrime([x, y, z], llm=ScriptedLLM([suggests(x0=4, y0="b")]))
    optimizer.backward(x * z + y.len(), "more")
    update = optimizer.step()
    assert (x.data, y.data, z.data) == (4, "b", 1.5)
    assert [change.name for change in update.changes] == ["x0", "y0"]


def test_what_is_refused_is_said_and_the_rest_is_done(x):
    """Never half of a proposal without saying so."""
    y = node(1, name="y", trainable=True, projections=[Range(0, 5)])
    z = node("red", name="z", trainable=True, projections=[Choices("red", "green")])
    optimizer = OptoPrime([x, y, z], llm=ScriptedLLM([suggests(x0=4, y0=9, z0=" Green")]))
    optimizer.backward(x * y + z.len(), "more")
    update = optimizer.step()
    assert (x.data, y.data, z.data) == (4, 1, "green")
    [refusal] = update.refused
    assert refusal.name == "y0"


@pytest.mark.parametrize("optimizer", [OptoPrime, OPRO, OptoPrimeMulti])
def test_a_parameter_that_the_run_did_not_use_is_not_asked_for_and_taken_if_named(optimizer):
    """SPEC 7.2: names of parameters outside the graph are accepted."""
    x, y, z = (node(3, name=name, trainable=True) for name in ("x", "spare", "z"))
    z.projections = [Range(0, 10)]
    model = ScriptedLLM([suggests(x0=4, spare0="5", z0=99, a0=1)] * 3)
    made = optimizer([x, y, z], llm=model)
    made.backward(x * 2, "larger")
    update = made.step()
    assert (x.data, y.data) == (4, 5)
    why = {refusal.name: refusal.why for refusal in update.refused}
    assert "not between 0 and 10" in why["z0"]
    assert why["a0"].endswith("there is x0")
    assert "spare" not in str(model.requests[0])
    assert made.construct_update_dict({"spare0": "7"}) == {y: 7}


def test_a_name_that_something_else_has_in_the_run_means_that(x):
    outside = node(3, name="y", trainable=True)
    GRAPH.clear()
    inside = node(1, name="y")
    assert outside.py_name == inside.py_name
    optimizer = OptoPrime([x, outside], llm=ScriptedLLM([suggests(x0=4, y0=5)]))
    optimizer.backward(x * inside, "larger")
    optimizer.step()
    assert (x.data, outside.data) == (4, 3)


def test_a_parameter_of_another_optimizer_is_an_input(x):
    frozen = node(10, name="frozen", trainable=True)
    optimizer = OptoPrime([x], llm=ScriptedLLM([]))
    optimizer.backward(x * frozen, "more")
    problem = optimizer.problem_instance(optimizer.summarize())
    assert (problem.variables, problem.inputs) == ("(int) x0=3", "(int) frozen0=10")


def test_names_that_collide_change_the_right_parameter():
    """SPEC 11.A13: `x1:0` and `x:10` were both changed."""
    one = node(1, name="x1", trainable=True)
    for _ in range(10):
        node(0, name="x")
    other = node(2, name="x", trainable=True)
    optimizer = OptoPrime([one, other], llm=ScriptedLLM([suggests(x10=5)]))
    optimizer.backward(one + other, "more")
    optimizer.step()
    assert sorted([one.data, other.data]) in ([2, 5], [1, 5])


def test_a_failing_program_is_mended_through_its_exception():
    @bundle(trainable=True)
    def invert(number):
        """The reciprocal; 0 for 0."""
        return 1 / number

    with pytest.raises(ExecutionError) as failed:
        invert(0)
    failure = failed.value.exception_node
    code = "def invert(number):\n    return 1 / number if number else 0"
    model = ScriptedLLM([suggests(__code0=code)])
    optimizer = OptoPrime(invert.parameters(), llm=model)
    optimizer.backward(failure, failure.create_feedback("full"))
    optimizer.step()
    assert "ZeroDivisionError" in words(model)[1]
    assert invert(0).data == 0


def test_code_that_breaks_its_promise_is_refused():
    @bundle(trainable=True)
    def double(number):
        return number

    optimizer = OptoPrime(
        [double.parameter],
        llm=ScriptedLLM([suggests(__code0="def triple(number): return 3 * number")] * 2),
    )
    optimizer.backward(double(2), "4 expected")
    update = optimizer.step()
    assert "must define the function double" in update.refused[0].why
    assert double(2).data == 2


def test_a_step_without_feedback_says_what_to_do(x):
    """The original asked the model about an empty problem, and paid for it."""
    model = ScriptedLLM([])
    optimizer = OptoPrime([x], llm=model)
    with pytest.raises(OptimizerError, match=r"call optimizer\.backward\(output, feedback\).*x:0"):
        optimizer.step()
    optimizer.backward(node(1) + 1, "larger")
    with pytest.raises(OptimizerError, match="no feedback has reached"):
        optimizer.step()
    assert model.requests == []


# -- what is asked -------------------------------------------------------------------------


def test_a_schema_is_sent_where_the_model_can_be_held_to_it(asked, x):
    _, model = one_step(asked, x)
    assert model.requests[0].response_format == {"type": "json_object"}
    optimizer, _ = asked()
    optimizer.llm = model = ScriptedLLM([suggests(x0=4)], enforces_schema=True)
    optimizer.step()
    schema = model.requests[0].response_format["json_schema"]["schema"]
    assert schema["properties"]["suggestion"]["properties"] == {"x0": {"type": "integer"}}


def one_step(asked, x, **options):
    optimizer, model = asked(suggests(x0=4), **options)
    optimizer.step()
    return optimizer, model


def test_no_format_is_sent_where_none_is_wanted(asked, x):
    _, model = one_step(asked, x, use_json_object_format=False)
    assert model.requests[0].response_format is None


def test_limits_and_temperature_are_sent(asked, x):
    _, model = one_step(asked, x, max_tokens=50, temperature=0.2)
    assert (model.requests[0].max_tokens, model.requests[0].temperature) == (50, 0.2)
    _, model = one_step(asked, x, max_tokens=None)
    assert model.requests[0].max_tokens is None


def test_the_objective_can_be_given_and_assigned(asked, x):
    _, model = one_step(asked, x, objective="Reach 10.")
    assert "#Instruction\nReach 10.\n" in words(model)[1]
    optimizer, model = asked(suggests(x0=5))
    assert optimizer.objective == optimizer.default_objective
    optimizer.objective = "Reach 11."
    optimizer.step()
    assert "Reach 11." in words(model)[1]


def test_sections_are_masked(asked):
    optimizer, model = asked(suggests(x0=5))
    optimizer.step(mask=["#Feedback", "#Inputs"])
    assert "#Feedback\n\nYour answer" in words(model)[1]
    assert "(int) int0=2" not in words(model)[1]


def test_titles_and_keys_can_be_changed_for_one_optimizer_alone(asked, x):
    """SPEC 11.C8."""
    own = {"prompt_symbols": {"variables": "## Knobs"}, "json_keys": {"suggestion": "new"}}
    optimizer, model = asked('{"reasoning": "r", "new": {"x0": 4}}', **own)
    optimizer.step()
    assert x.data == 4
    assert "## Knobs\n(int) x0=3" in words(model)[1]
    assert "## Knobs" in words(model)[0]
    _, model = one_step(asked, x)
    assert "#Variables\n(int) x0=4" in words(model)[1]
    with pytest.raises(ArgumentError, match="'variable'; did you mean 'variables'"):
        OptoPrime([x], llm=model, prompt_symbols={"variable": "#V"})
    with pytest.raises(ArgumentError, match="json_keys"):
        OptoPrime([x], llm=model, json_keys={"suggest": "#V"})
    with pytest.raises(OptimizerError, match="json_keys"):
        OptoPrime([x], llm=model, json_keys={"suggestion": None})


def test_earlier_rounds_are_shown(asked, x):
    optimizer, model = asked(suggests(x0=4), suggests(x0=5), suggests(x0=6), memory_size=1)
    for feedback in ("one", "two", "three"):
        optimizer.zero_feedback()
        optimizer.backward(x * 2, feedback)
        optimizer.step()
    assert "before" not in words(model, 0)[1]
    assert '{"variables": {"x0": 3}, "feedback": "one"}' in words(model, 1)[1]
    assert '"one"' not in words(model, 2)[1]
    assert [episode.feedback for episode in optimizer.memory] == ["three"]


def test_the_example_and_the_names_are_shown_on_request(asked, x):
    _, model = one_step(asked, x, include_example=True, highlight_variables=True)
    assert "An example" in words(model)[0]
    assert "no others: x0." in words(model)[1]


# -- drafts --------------------------------------------------------------------------------


def test_several_drafts_are_chosen_by_score(asked, x):
    drafts = [suggests(x0=v) for v in (4, 9, 6, 9)]
    optimizer, model = asked(*drafts, drafts=4, score=lambda: -abs(x.data - 10))
    update = optimizer.step()
    assert x.data == 9
    assert [trial.score for trial in update.trials] == [-7, -6, -1, -4]
    assert [request.temperature for request in model.requests] == [0.3, 0.533, 0.767, 1.0]
    assert len(update.replies) == 4
    assert update.proposal.values == {"x0": 9}
    assert [other.values["x0"] for other in update.proposal.others] == [4, 6, 9]


def test_drafts_can_be_asked_for_at_one_step(asked, x):
    optimizer, model = asked(suggests(x0=4), suggests(x0=1))
    optimizer.step(drafts=2, score=lambda: -x.data)
    assert x.data == 1
    assert len(model.requests) == 2


def test_no_draft_is_taken_that_makes_it_worse(asked, x):
    optimizer, _ = asked(suggests(x0=4), suggests(x0=5), drafts=2, score=lambda: -x.data)
    update = optimizer.step()
    assert (x.data, bool(update), len(update.trials)) == (3, False, 3)


def test_drafts_need_a_score(asked, x):
    optimizer, model = asked(drafts=2)
    with pytest.raises(OptimizerError, match="drafts=2 needs score"):
        optimizer.step()
    for wrong in (0, -1, 1.5):
        with pytest.raises(OptimizerError, match="from 1 on"):
            optimizer.step(drafts=wrong)
        with pytest.raises(OptimizerError, match="from 1 on"):
            OptoPrime([x], llm=model, drafts=wrong)


# -- set-up --------------------------------------------------------------------------------


def test_unknown_arguments_are_refused(asked, x):
    """SPEC 11.C7."""
    with pytest.raises(ArgumentError, match=r"OptoPrime\(\).*'memory'; did you mean 'memory_size'"):
        OptoPrime([x], llm=ScriptedLLM([]), memory=5)
    optimizer, _ = asked()
    with pytest.raises(ArgumentError, match=r"step\(\).*'verbos'; did you mean 'verbose'"):
        optimizer.step(verbos=True)
    with pytest.raises(ArgumentError, match="positional"):
        OptoPrime([x], ScriptedLLM([]), 5)


def test_another_propagator_is_refused_at_once(x):
    with pytest.raises(OptimizerError, match="must be a GraphPropagator, not a SumPropagator"):
        OptoPrime([x], llm=ScriptedLLM([]), propagator=SumPropagator())


def test_the_model_that_was_given_is_kept_as_it_is(x):
    def model(**asked):
        return suggests(x0=4)

    assert OptoPrime([x], llm=model).llm is model
    assert OptoPrime([x], model).llm is model


def test_a_copy_shares_parameters_and_model_and_goes_its_own_way(asked, x):
    optimizer, model = asked(suggests(x0=4), suggests(x0=5), memory_size=3)
    twin = copy.deepcopy(optimizer)
    twin.step()
    assert x.data == 4
    assert twin.llm is model
    assert (len(twin.log), len(optimizer.log)) == (1, 0)
    assert (len(twin.memory), len(optimizer.memory)) == (1, 0)


def test_a_model_that_fails_leaves_everything_as_it_was(asked, x):
    optimizer, _ = asked("nonsense", ModelUnavailable("busy"), suggests(x0=4), memory_size=3)
    with pytest.raises(ModelUnavailable):
        optimizer.step()
    assert (x.data, len(optimizer.memory), optimizer.log) == (3, 0, [])
    optimizer.step()  # the feedback is still there
    assert (x.data, len(optimizer.memory)) == (4, 1)


def test_what_the_users_own_model_raises_passes_through(x):
    def fail(**asked):
        raise ZeroDivisionError("mine")

    optimizer = OptoPrime([x], llm=DummyLLM(fail), memory_size=2)
    optimizer.backward(x + 1, "larger")
    with pytest.raises(ZeroDivisionError, match="mine"):
        optimizer.step()
    assert (x.data, len(optimizer.memory)) == (3, 0)
