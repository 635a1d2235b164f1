"""A step is shown with all its text escaped."""

from __future__ import annotations

import pytest

from opto.errors import OptimizerError
from opto.llm import ScriptedLLM
from opto.optimizers import OptoPrime
from opto.trace import node
from opto.trace.utils import render_opt_step


def one_step(**options):
    x = node(3, name="x", trainable=True)
    model = ScriptedLLM(['{"reasoning": "<b>bold</b>", "suggestion": {"x0": 4}}'])
    optimizer = OptoPrime([x], llm=model, **options)
    optimizer.backward(x + 1, "<i>more</i>")
    optimizer.step()
    return optimizer


def test_it_shows_the_run_and_the_answer_escaped():
    html = str(render_opt_step(0, one_step()))
    assert "&lt;i&gt;more&lt;/i&gt;" in html
    assert "&lt;b&gt;bold" in html
    assert "<b>bold" not in html


def test_parts_can_be_left_out():
    optimizer = one_step()
    assert "The answer" not in str(render_opt_step(-1, optimizer, no_improvement=True))
    assert "The run" not in str(render_opt_step(-1, optimizer, no_trace_graph=True))


@pytest.mark.parametrize("step", [1, -2])
def test_a_step_that_was_not_made(step):
    with pytest.raises(OptimizerError, match="no step"):
        render_opt_step(step, one_step())


def test_without_a_log():
    with pytest.raises(OptimizerError, match="log=False"):
        render_opt_step(0, one_step(log=False))
