"""One step of an optimizer on one side, with a model that answers after a while.

Usage: python -m benchmarks.stepleg ours|original|textgrad OPTIMIZER SHAPE SIZE LATENCY

For each line on standard input it records a graph, says "recorded", makes one step (backward
pass included) and prints a line of JSON: seconds, questions asked, levels of the graph.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from itertools import count
from pathlib import Path
from time import perf_counter, sleep
from types import SimpleNamespace
from typing import Any

from benchmarks.sides import StandIn, textgrad

ASKED = re.compile(r'(?:<GRADIENT name="|^What is wanted of )(\w+)(?:">|, in plain)', re.MULTILINE)
FEEDBACK = "The result should be larger."


class Model:
    """Waits, and gives an answer that the optimizer can read: each time another value.

    Args:
        optimizer: which one it is.
        latency: seconds that an answer takes.
    """

    def __init__(self, optimizer: str, latency: float) -> None:
        self.by_gradients = optimizer == "TextGrad"
        self.latency = latency
        self.numbers = count(1)
        self.asked: list[int] = []

    def text(self, prompt: str) -> str:
        number = next(self.numbers)
        self.asked.append(number)
        sleep(self.latency)
        if not self.by_gradients:
            return json.dumps({"reasoning": "larger", "suggestion": {"x0": number}})
        # Ours asks about several values at a time; the others take any words for a gradient.
        wishes = (f'<GRADIENT name="{name}">larger</GRADIENT>' for name in ASKED.findall(prompt))
        return "\n".join(wishes) or f"<IMPROVED_VARIABLE>{number}</IMPROVED_VARIABLE>"


def chain(size: int, start, touch, join) -> tuple[Any, int]:
    """Steps one after the other: as deep as it can be."""
    z = start
    for _ in range(size):
        z = touch(z)
    return z, size + 1


def tree(size: int, start, touch, join) -> tuple[Any, int]:
    """Half of the steps look at the parameter, and the others join two, of an even number."""
    row, levels = [touch(start) for _ in range(size // 2)], 2
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=False)
        row = [join(a, b) for a, b in pairs] + row[len(row) & ~1 :]
        levels += 1
    return touch(row[0]), levels + 1


SHAPES: dict[str, Callable[..., tuple[Any, int]]] = {"chain": chain, "tree": tree}

Step = tuple[Callable[[], int], Callable[[], None]]  # record a graph; make a step with it


def traced(optimizer: str, shape: str, size: int, model: Model, llm: Any, **options: Any) -> Step:
    """Ours or the original: both have one public API."""
    trace = import_module("opto.trace")
    kind = getattr(import_module("opto.optimizers"), optimizer)
    if optimizer == "OptoPrimeMulti":
        options["num_responses"] = 3
    made: dict[str, Any] = {}

    @trace.bundle()
    def touch(value):
        """Add one."""
        return value + 1

    @trace.bundle()
    def join(one, other):
        """Take the larger one."""
        return max(one, other)

    def record() -> int:
        trace.GRAPH.clear()
        x = trace.node(0, name="x", trainable=True)
        made["optimizer"] = kind([x], llm=llm, **options)
        made["x"] = x
        made["output"], levels = SHAPES[shape](size, x, touch, join)
        return levels

    def step() -> None:
        made["optimizer"].zero_feedback()
        made["optimizer"].backward(made["output"], FEEDBACK)
        made["optimizer"].step()
        if made["x"].data == 0:
            raise RuntimeError("the step changed nothing")

    return record, step


def ours(optimizer: str, shape: str, size: int, model: Model) -> Step:
    llm = import_module("opto.llm")

    class Slow(llm.LLM):
        def answer(self, request):
            return llm.Reply(model.text(request.messages[-1]["content"]))

    # All questions of a level at once, as no provider forbids; the default is 8.
    options = {"parallel": 200} if optimizer == "TextGrad" else {}
    return traced(optimizer, shape, size, model, Slow(), **options)


def original(optimizer: str, shape: str, size: int, model: Model) -> Step:
    sys.modules.update({name: StandIn(name) for name in ("litellm", "openai")})

    def answer(*, messages, **_):
        text = model.text(messages[-1]["content"])
        message = SimpleNamespace(message=SimpleNamespace(content=text))
        return SimpleNamespace(choices=[message])

    class Llm:
        """Some of its optimizers call a model, and some its `create`."""

        create = staticmethod(answer)
        __call__ = staticmethod(answer)

    return traced(optimizer, shape, size, model, Llm())


def textgrads(optimizer: str, shape: str, size: int, model: Model) -> Step:
    """The package of that name; its functions on texts are what our bundles are."""
    textgrad()
    package = import_module("textgrad")
    functions = import_module("textgrad.autograd.string_based_ops")

    class Engine(package.engine.EngineLM):
        model_string = "scripted"

        def generate(self, prompt, system_prompt=None, **_):
            return model.text(prompt)

        __call__ = generate

    one = functions.StringBasedFunction(lambda a: str(int(a.value) + 1), "Add one.")
    two = functions.StringBasedFunction(
        lambda a, b: max(a.value, b.value, key=int), "Take the larger one."
    )
    engine, made = Engine(), {}

    def record() -> int:
        x = package.Variable("0", role_description="a number")
        made["x"] = x
        made["optimizer"] = package.TextualGradientDescent([x], engine=engine)
        made["output"], levels = SHAPES[shape](
            size, x, lambda a: one({"a": a}), lambda a, b: two({"a": a, "b": b})
        )
        # What is said of its output is a gradient of it, in its own terms.
        said = package.Variable(FEEDBACK, role_description="feedback")
        made["output"].gradients = {said}
        made["output"].gradients_context[said] = None
        return levels

    def step() -> None:
        made["optimizer"].zero_grad()
        made["output"].backward(engine)
        made["optimizer"].step()
        if made["x"].value == "0":
            raise RuntimeError("the step changed nothing")

    return record, step


SIDES = {"ours": ours, "original": original, "textgrad": textgrads}


def main(side: str, optimizer: str, shape: str, size: str, latency: str) -> None:
    """Answer until standard input ends."""
    # The answers go out on lines of their own, whatever a library prints.
    answers, sys.stdout = sys.stdout, sys.stderr
    sys.stderr = Path("/dev/null").open("w", encoding="utf-8")  # noqa: SIM115 - to the end
    warnings.simplefilter("ignore")
    model = Model(optimizer, float(latency))
    record, step = SIDES[side](optimizer, shape, int(size), model)
    for _ in sys.stdin:
        levels = record()
        model.asked.clear()
        print("recorded", file=answers, flush=True)
        began = perf_counter()
        try:
            step()
        except Exception as error:  # noqa: BLE001 - a side that cannot is told of in the table
            found = {"failed": type(error).__name__}
        else:
            found = {"seconds": perf_counter() - began}
        print(json.dumps({**found, "calls": len(model.asked), "levels": levels}), file=answers)
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
