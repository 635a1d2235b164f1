"""Running calls as if elsewhere, and comparing the graphs of two runs."""

from __future__ import annotations

import re

from opto.trace.graft import Call, perform


def here(function, *args, **kwargs):
    """Through bytes, in this process."""
    call = Call(function, *args, **kwargs)
    return call.result(perform(call.payload))


def form(graph):
    """A graph without the numbers in its names: equal for two runs of one program."""
    place = {step.name: i for i, step in enumerate(graph.steps)}
    steps = [
        (
            *(step.name.rstrip("0123456789"), step.kind, step.level, step.op, shown(step.value)),
            [key.rstrip("0123456789") for key, _ in step.inputs],
            [place[name] for _, name in step.inputs],
            *(step.documentation, step.description, step.constraint, step.trainable),
        )
        for step in graph.steps
    ]
    return steps, [place[name] for name in graph.outputs], graph.feedback.content


def shown(value):
    return re.sub(r" at 0x\w+", "", repr(value))
