"""Programs that are run, and run again, in the tests of `opto.store.run`."""

from __future__ import annotations

from opto.llm import DummyLLM, ScriptedLLM
from opto.llm.around import tell
from opto.optimizers.proposal import Update
from opto.trace import GRAPH, node

nobody = ScriptedLLM([])


def kinds(journal, **which):
    return [event.kind for event in journal.events(**which)]


def numbered():
    """A model whose n-th answer is n."""
    answers = iter(range(10**6))
    return DummyLLM(lambda messages: str(next(answers)))


def drawing(values):
    """A program whose n-th question is answered by the n-th value."""
    asked = iter(values)
    return DummyLLM(lambda messages: str(next(asked)))


def steps_of(model, count):
    """`count` turns that each ask and leave a step."""
    GRAPH.clear()  # names of nodes begin anew, as in another process
    said = []
    for _ in range(count):
        said.append(model("next?").text)
        x = node(len(said), trainable=True)
        tell("step", Update.of({x: said[-1]}))
    return said
