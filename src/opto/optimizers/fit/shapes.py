"""Equal steps: one operation, with inputs of the same kinds, over different instances."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opto.optimizers.fit.run import Call, Run, kind_of_input

if TYPE_CHECKING:
    from opto.optimizers.summary import FunctionFeedback

__all__ = ["Shape", "samples", "shapes_of"]

# Steps of one shape that are all candidates; of more, some are sampled.
FEW = 6
# Lines that all sampled steps together are to have, as long as each shape has some.
LINES = 30


@dataclass(slots=True)
class Shape:
    """Steps that differ in their instances only.

    Args:
        key: the operation and the kinds of its inputs.
        calls: the steps in their order.
    """

    key: tuple[object, ...]
    calls: list[Call] = field(default_factory=list)


def shapes_of(run: Run, summary: FunctionFeedback) -> list[Shape]:
    """All steps of a run by their shape."""
    found: dict[tuple[object, ...], Shape] = {}
    for call in run.calls.values():
        key = _key(call, run, summary)
        shape = found.get(key)
        if shape is None:
            shape = found[key] = Shape(key)
        shape.calls.append(call)
    return [*found.values()]


def _key(call: Call, run: Run, summary: FunctionFeedback) -> tuple[object, ...]:
    if not call.op:
        return (call.line,)
    parts: list[object] = [call.op]
    for argument, name in call.inputs:
        # Any number of arguments of one kind, as of *args, is one shape.
        part = (argument.rstrip("0123456789"), kind_of_input(name, run.calls, summary))
        if part != parts[-1]:
            parts.append(part)
    return tuple(parts)


def samples(shapes: list[Shape], run: Run, summary: FunctionFeedback) -> list[Call]:
    """The steps that tell most, the most telling first.

    Of many equal steps these are the first and the last, those nearest to the feedback,
    those on the ways from parameters to outputs, and some that failed.
    """
    large = sum(len(shape.calls) > FEW for shape in shapes)
    each = max(1, min(12, LINES // max(1, large)) // 4)
    way = _ways(run)
    chosen: dict[int, Call] = {}
    for shape in shapes:
        calls = shape.calls
        if len(calls) > FEW:
            near = sorted(calls, key=_feedback)[:each]
            on_way = [call for call in calls if id(call) in way]
            on_way = [*on_way[: (each + 1) // 2], *on_way[len(on_way) - each // 2 :]]
            failed = [call for call in calls if _failed(call, summary)][:2]
            calls = [*calls[:each], *calls[-each:], *near, *on_way, *failed]
        chosen.update((id(call), call) for call in calls)
    ends = set(run.outputs)
    return sorted(chosen.values(), key=lambda c: _rank(c, ends, way, summary))


def _feedback(call: Call) -> int:
    return call.feedback


def _rank(call: Call, ends: set[str], way: set[int], summary: FunctionFeedback) -> tuple[int, int]:
    first = 0 if call.name in ends else 1 if id(call) in way or _failed(call, summary) else 2
    return first, call.feedback + call.parameter


def _failed(call: Call, summary: FunctionFeedback) -> bool:
    pair = summary.others.get(call.name) or summary.output.get(call.name)
    return pair is not None and isinstance(pair[0], BaseException)


def _ways(run: Run) -> set[int]:
    """The steps on the shortest ways from variables to outputs, by `id`."""
    found: set[int] = set()
    for start in run.first.values():
        call: Call | None = start
        while call is not None and id(call) not in found:
            found.add(id(call))
            call = call.onward
    return found
