"""TextGrad through the whole step."""

from __future__ import annotations

import enum
import json
import threading

import numpy as np
import pytest

from opto.errors import ArgumentError, ModelUnavailable, OptimizerError
from opto.llm import DummyLLM, ScriptedLLM
from opto.optimizers.textgrad import TextGrad
from opto.testing import OptimizerContract
from opto.trace import bundle, node
from opto.trace.projections import Range
from opto.trace.propagators import SumPropagator
from tests.optimizers.textgrads import Model, improved, kind_of, scale


def golden():
    """SPEC 12 A.1."""
    x = node(3, name="x", trainable=True)
    return x, (scale(x) + node(1, name="b")) * x


def ready(model, **options):
    x, output = golden()
    optimizer = TextGrad([x], llm=model, **options)
    optimizer.zero_feedback()
    optimizer.backward(output, "make it larger")
    return x, optimizer


def one_step(value, *answers, **options):
    """A step of a program of one parameter, whose gradient is given already."""
    p = node(value, name="p", trainable=True, **options)
    model = ScriptedLLM(answers)
    optimizer = TextGrad([p], llm=model)
    optimizer.backward(p, "change it")
    update = optimizer.step()
    return p.data, update, len(answers) - model.left


class TestContract(OptimizerContract):
    def make(self, parameters):
        return TextGrad(parameters, llm=Model([1.5] * 9).llm())


def test_calls_of_the_golden_graph():
    model = Model()
    x, optimizer = ready(model.llm())
    update = optimizer.step()
    assert (x.data, str(update)) == (5, "Update(x0: 3 -> 5)")
    assert model.kinds == ["gradient"] * 3 + ["update"]
    assert model.asked == ["add0", "x0", "scale0", "x0"]
    assert len(update.replies) == 4
    assert update.reasoning == "x0: make x0 larger\nx0: make x0 larger"


def test_calls_as_the_original_counts():
    model = Model()
    _, optimizer = ready(model.llm(), per_edge=True)
    optimizer.step()
    assert model.kinds == ["gradient"] * 4 + ["update"]


@pytest.mark.parametrize(
    ("per_edge", "kinds"),
    [
        (False, ["gradient"] * 4 + ["update"]),
        (True, ["gradient"] * 4 + ["merge", "gradient", "update"]),
    ],
)
def test_calls_of_a_diamond(per_edge, kinds):
    x = node(3, name="x", trainable=True)
    y = x * 2
    model = Model()
    optimizer = TextGrad([x], llm=model.llm(), per_edge=per_edge)
    optimizer.backward((y + 1) * (y - 1), "larger")
    optimizer.step()
    assert model.kinds == kinds
    last = model.users[-2]
    assert ("all of it larger" in last) is per_edge


def test_no_change_ends_the_way():
    model = Model(add0="NO CHANGE", x0="No change needed.")
    x, optimizer = ready(model.llm())
    update = optimizer.step()
    assert model.kinds == ["gradient"]
    assert (x.data, bool(update), update.stop, update.refused) == (3, False, True, ())


def test_one_that_asks_for_nothing_more_does_not_silence_another():
    model = Model(add0="NO CHANGE")
    x, optimizer = ready(model.llm())
    assert optimizer.step()
    assert model.kinds == ["gradient", "update"]
    assert "for multiply0: make x0 larger" in model.users[-1]
    assert x.data == 5


def test_a_level_is_asked_together():
    """Each of four branches waits until all four are asked at the same time."""
    meeting = threading.Barrier(4, timeout=20)
    model = Model()

    def answer(messages, **asked):
        user = messages[-1]["content"]
        if "= multiply(" in user.partition("# Operations")[0]:
            meeting.wait()
        return model(messages)

    @bundle()
    def total(*numbers):
        return sum(numbers)

    x = node(3, name="x", trainable=True)
    optimizer = TextGrad([x], llm=DummyLLM(answer))
    optimizer.backward(total(*[x * n for n in range(4)]), "larger")
    assert optimizer.step()
    assert len(model.users) == 1 + 4 + 1


def test_several_outputs_each_have_what_was_said_of_them():
    x = node(3, name="x", trainable=True)
    a, b = x * 2, x + 1
    model = Model()
    optimizer = TextGrad([x], llm=model.llm())
    optimizer.backward(a, "a is too small")
    optimizer.backward(b, "b is too large")
    optimizer.step()
    first, second = sorted(model.users[:2], key=lambda user: "b is too large" in user)
    assert "said about multiply0: a is too small" in first
    assert "b is too large" not in first
    assert "said about add0: b is too large" in second
    assert len(model.users) == 3


def test_the_objective_is_in_every_question():
    model = Model()
    _, optimizer = ready(model.llm(), objective="Please the customer.", per_edge=True)
    optimizer.step()
    assert all("Please the customer." in user for user in model.users)


class Mood(enum.Enum):
    calm = 1
    loud = 2


@pytest.mark.parametrize(
    ("value", "given_", "result"),
    [
        (3, "5", 5),
        (3.5, "5", 5.0),
        (True, "False", False),
        ([0], "[1, 2]", [1, 2]),
        ({"a": 1}, "{'a': 2}", {"a": 2}),
        ((1, 2), "(3, 4)", (3, 4)),
        ("a", "None of 'that'.\n  Be <b>brief</b>.", "None of 'that'.\n  Be <b>brief</b>."),
        (np.zeros(2), "[1, 2]", np.array([1.0, 2.0])),
        (Mood.calm, "loud", Mood.loud),
        (3, '{"name": "p:0", "value": 5}', 5),
        ("a", '{"value": "b"}', "b"),
        ("a", '"say \\"b\\""', 'say "b"'),
        ("a", '"b" or "c"', '"b" or "c"'),
        ('"a"', '"b"', '"b"'),
        ("a", '{"name": "q0", "value": "b"}', '{"name": "q0", "value": "b"}'),
        ({"value": 1}, '{"value": 2}', {"value": 2}),
        ('{"value": 1}', '{"value": 2}', '{"value": 2}'),
    ],
)
def test_values_have_the_types_of_their_parameters(value, given_, result):
    data, update, calls = one_step(value, improved(given_))
    assert np.array_equal(data, result)
    assert type(data) is type(value)
    assert (bool(update), calls, update.refused) == (True, 1, ())


def test_a_useless_value_is_asked_for_once_more_with_the_reason():
    p = node(3, name="p", trainable=True)
    model = Model(["many", 7])
    optimizer = TextGrad([p], llm=model.llm())
    optimizer.backward(p, "larger")
    update = optimizer.step()
    assert (p.data, len(model.users)) == (7, 2)
    assert "it must be a whole number, not 'many'" in model.users[1]
    assert model.users[1].startswith(model.users[0])
    assert update.refused == ()


def test_what_stays_useless_is_refused_and_nothing_changes():
    data, update, calls = one_step(3, improved("many"), "five")
    assert (data, calls, bool(update)) == (3, 2, False)
    assert str(update.refused[0]) == "p0: the answer holds no <IMPROVED_VARIABLE>"


def test_projections_hold_and_their_reason_is_told():
    p = node(3, name="p", trainable=True, projections=[Range(0, 10, clip=False)])
    model = Model([50, 9])
    optimizer = TextGrad([p], llm=model.llm())
    optimizer.backward(p, "larger")
    optimizer.step()
    assert p.data == 9
    assert "Range" in model.users[1] or "10" in model.users[1].partition("could not be used")[2]
    data, _, calls = one_step(3, improved(50), projections=[Range(0, 10, clip=True)])
    assert (data, calls) == (10, 1)


def test_code_keeps_its_head():
    @bundle(trainable=True)
    def run(x):
        """Return a number."""
        return x

    model = ScriptedLLM(
        [
            '<GRADIENT name="__code0">negate it</GRADIENT>',
            improved("def other(x):\n    return -x"),
            improved('```python\ndef run(x):\n    """Return a number."""\n    return -x\n```'),
        ]
    )
    optimizer = TextGrad([run.parameter], llm=model)
    optimizer.backward(run(3), "negative")
    update = optimizer.step()
    assert run(3).data == -3
    assert update.refused == ()
    assert "must define the function run" in model.requests[2].messages[1]["content"]


def test_a_failing_model_raises_and_changes_nothing():
    model = Model()

    def answer(messages, **asked):
        if kind_of(messages[-1]["content"]) == "update":
            raise ModelUnavailable("no route")
        return model(messages)

    x, optimizer = ready(DummyLLM(answer), log=True)
    with pytest.raises(ModelUnavailable):
        optimizer.step()
    assert (x.data, optimizer.log) == (3, [])
    assert x.feedback
    optimizer.llm = model.llm()
    assert optimizer.step()


def test_the_log_keeps_every_question_and_answer():
    _, optimizer = ready(Model().llm(), log=True)
    update = optimizer.step()
    assert [entry["response"] for entry in optimizer.log] == [r.text for r in update.replies]
    assert all(entry["system_prompt"] and entry["user_prompt"] for entry in optimizer.log)
    assert json.loads(json.dumps(optimizer.log)) == optimizer.log
    _, optimizer = ready(Model().llm())
    optimizer.step()
    assert optimizer.log is None


def test_verbose_prints(capsys):
    _, optimizer = ready(Model().llm())
    optimizer.step(verbose="output")
    shown = capsys.readouterr().out
    assert "make x0 larger" in shown
    assert "# Purpose" not in shown
    _, optimizer = ready(Model().llm())
    optimizer.step(verbose=True)
    assert "# Purpose" in capsys.readouterr().out


def test_arguments_are_checked():
    x = node(3, trainable=True)
    with pytest.raises(ArgumentError, match="max_calls"):
        TextGrad([x], llm=ScriptedLLM([]), max_call=5)
    with pytest.raises(OptimizerError, match="whole number"):
        TextGrad([x], llm=ScriptedLLM([]), max_calls=0)
    with pytest.raises(OptimizerError, match="GraphPropagator"):
        TextGrad([x], llm=ScriptedLLM([]), propagator=SumPropagator())
    optimizer = TextGrad([x], llm=ScriptedLLM([]))
    with pytest.raises(OptimizerError, match="no feedback"):
        optimizer.step()
    optimizer.backward(x * 2, "larger")
    with pytest.raises(ArgumentError):
        optimizer.step(masks=[])


def test_what_was_not_asked_is_said():
    near, far = node(1, name="near", trainable=True), node(1, name="far", trainable=True)
    model = Model()
    optimizer = TextGrad([near, far], llm=model.llm(), max_calls=2)
    optimizer.backward(far * 2 + near, "larger")
    update = optimizer.step()
    assert len(model.users) == 2
    assert [change.name for change in update.changes] == ["near0"]
    assert "max_calls" in update.refused[0].why
    assert update.refused[0].name == "far0"
