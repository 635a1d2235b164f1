"""An object with parameters of all kinds, and a trained one."""

from __future__ import annotations

from opto.trace import Module, bundle, model, node
from opto.trace.containers import Map, Seq


def par(value, name=None):
    return node(value, name=name, trainable=True)


class Inner(Module):
    def __init__(self, value="inner"):
        self.q = par(value)


@model
class Agent:
    def __init__(self, prompt="Hi", more=0):
        self.prompt = node(prompt, name="prompt", trainable=True, description="how to greet")
        self.inner = Inner()
        self.seq = Seq(par(1), Map({"a": par(2), 7: par(3)}))
        self.more = more

    @bundle(trainable=True)
    def act(self, x):
        """Add one."""
        return x + 1


def changed():
    agent = Agent()
    agent.prompt._set("Salut à tous")
    agent.inner.q._set({"k": (1, 2)})
    agent.seq[1]["a"]._set(None)
    agent.act.parameter._set("def act(self, x):\n    return x + 100")
    return agent


def untouched(agent):
    return [p.data for p in agent.parameters()] == [p.data for p in Agent().parameters()]
