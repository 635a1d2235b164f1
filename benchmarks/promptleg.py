"""What the optimizers of one side ask about the small programs, as JSON.

Usage: python -m benchmarks.promptleg ours|original

By program and optimizer: the messages of each question of one step, as texts.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from benchmarks.sides import StandIn
from benchmarks.stepleg import Model

OPTIMIZERS = ("OptoPrime", "OPRO", "TextGrad")
# The tagged dialect is our name of the second version's prompts, which 0.1.3.8 has not.
TAGGED = "OptoPrime, tagged"


class Noted(Model):
    """Notes what it is asked, and answers at once."""

    def __init__(self, optimizer: str) -> None:
        super().__init__(optimizer, 0.0)
        self.questions: list[list[str]] = []

    def __call__(self, *, messages, **_) -> str:
        self.questions.append([message["content"] for message in messages])
        return self.text(messages[-1]["content"])


def asked(side: str, optimizer: str, program: Any) -> list[list[str]]:
    """The questions of one step about a program."""
    trace, optimizers = import_module("opto.trace"), import_module("opto.optimizers")
    trace.GRAPH.clear()
    name, _, dialect = optimizer.partition(", ")
    model = Noted(name)
    llm = import_module("opto.llm").DummyLLM(model) if side == "ours" else answering(model)
    run = program()
    # An answer that does not suit would only add our question back about it.
    options: dict[str, Any] = {"repair": False} if side == "ours" else {}
    if dialect:
        options["dialect"] = dialect
    made = getattr(optimizers, name)(run.parameters, llm=llm, **options)
    made.zero_feedback()
    made.backward(run.output, run.feedback)
    made.step()
    return model.questions


def answering(model: Noted) -> Any:
    """A model as the original's optimizers want it: some call it, and some its `create`."""

    def answer(**arguments):
        message = SimpleNamespace(content=model(**arguments))
        return SimpleNamespace(choices=[SimpleNamespace(message=message)])

    class Llm:
        create = staticmethod(answer)
        __call__ = staticmethod(answer)

    return Llm()


def everything(side: str) -> dict[str, dict[str, list[list[str]]]]:
    """The questions of all optimizers about all programs."""
    programs = import_module("benchmarks.programs").PROGRAMS
    kinds = (*OPTIMIZERS, TAGGED) if side == "ours" else OPTIMIZERS
    return {
        name: {kind: asked(side, kind, program) for kind in kinds}
        for name, (_, program) in programs.items()
    }


def main(side: str) -> None:
    """Print them."""
    answers, sys.stdout = sys.stdout, sys.stderr
    warnings.simplefilter("ignore")
    if side == "original":
        sys.modules.update({name: StandIn(name) for name in ("litellm", "openai")})
    print(json.dumps(everything(side)), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
