"""A graph as JSON text and back."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from opto.errors import StoreError
from opto.trace.encoding import decoded, encoded
from opto.trace.feedback import Feedback, Remark
from opto.trace.graph import Graph, Step

__all__ = ["graph_from_json", "graph_to_json"]

_FORMAT = "opto.graph/1"
_PLAIN = [f.name for f in fields(Step) if f.name not in ("inputs", "value")]
# Older files have no word of it.
_LATER = ("sandbox",)


def graph_to_json(graph: Graph) -> str:
    """The text of a graph; values without an exact JSON form become their text."""
    return json.dumps(
        {
            "format": _FORMAT,
            "steps": [_step(step) for step in graph.steps],
            "outputs": list(graph.outputs),
            "feedback": [
                {
                    "output": r.output,
                    "content": _value(r.content, r.output),
                    "score": _value(r.score, r.output),
                }
                for r in graph.feedback.remarks
            ],
        },
        ensure_ascii=False,
        indent=1,
    )


def _step(step: Step) -> dict[str, Any]:
    plain = {name: getattr(step, name) for name in _PLAIN}
    inputs = [list(pair) for pair in step.inputs]
    return {**plain, "inputs": inputs, "value": _value(step.value, step.name)}


def _value(value: Any, where: str) -> Any:
    try:
        return encoded(value, where)
    except StoreError:
        return encoded(_text(value), where)


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - what cannot be shown must not hide the rest
        return f"<{type(value).__qualname__}, which cannot be shown: {type(error).__name__}>"


def graph_from_json(text: str) -> Graph:
    """The graph that `graph_to_json` wrote.

    Raises:
        StoreError: the text is not of a graph.
    """
    try:
        read = json.loads(text)
        if read["format"] != _FORMAT:
            raise StoreError(f"this is {read['format']!r}; a graph is written as {_FORMAT!r}")
        steps = tuple(
            Step(
                **{name: entry[name] for name in _PLAIN if name in entry or name not in _LATER},
                inputs=tuple((argument, name) for argument, name in entry["inputs"]),
                value=decoded(entry["value"], entry["name"]),
            )
            for entry in read["steps"]
        )
        remarks = tuple(
            Remark(*(decoded(r[name], r["output"]) for name in ("output", "content", "score")))
            for r in read["feedback"]
        )
        return Graph(steps, tuple(read["outputs"]), Feedback(remarks))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"this text is not the JSON of a graph: {error!r}") from error
