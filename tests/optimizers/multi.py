"""OptoPrimeMulti of one parameter, with feedback, and its scripted models."""

from __future__ import annotations

from opto.llm import DummyLLM, ScriptedLLM
from opto.optimizers import OptoPrimeMulti
from opto.trace import GRAPH, node
from tests.optimizers.answers import suggests

BAD, WRONG = "nonsense", suggests(x0="five")
ASKING = {"best_of_n", "moa", "mixture_of_agents"}


def ready(model, x=None, **options):
    """An optimizer of `x`, which is 3, that was told to make it larger."""
    if x is None:
        GRAPH.clear()
        x = node(3, name="x", trainable=True)
    optimizer = OptoPrimeMulti([x], llm=model, **options)
    optimizer.zero_feedback()
    optimizer.backward(x * 2, "make it 10")
    return optimizer, x


def multi(*replies, **options):
    """The same with a script, which is returned as well."""
    model = ScriptedLLM(replies)
    return *ready(model, **options), model


def words(request):
    """The question itself."""
    return request.messages[-1]["content"]


def speaking(number):
    """A model that always says the same, and with what arguments it was asked."""
    asked = []

    def model(messages, **arguments):
        asked.append(arguments)
        return suggests(x0=number)

    return DummyLLM(model), asked
