"""The only late binding of the library: a name, and where its object lives.

A room that needs something from a floor above it, or something that the user
named by a string, asks here. Packages add names through the entry-point group
``opto``, loaded only when a name is not one of ours.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from opto.errors import PlugError, nearest

PLUGS: dict[str, str] = {
    "sandbox.checked": "opto.sandbox.foreign:checked",
    "sandbox.foreign": "opto.sandbox.foreign:foreign",
    "sandbox.pickled": "opto.sandbox.pickled:old_values",
    "engine.cpython": "opto.sandbox.engine:CPython",
    "engine.monty": "opto.sandbox.monty:Monty",
    "trace.export": "opto.trace.export:export",
    "trace.graph_from_json": "opto.trace.graphjson:graph_from_json",
    "trace.graph_to_json": "opto.trace.graphjson:graph_to_json",
    "trace.load": "opto.trace.saving:load",
    "trace.replays": "opto.trace.replaying:replays",
    "trace.save": "opto.trace.saving:save",
    "view.digraph": "opto.view.dot:digraph",
    "layer.budgeted": "opto.llm.budgeted:Budgeted",
    "layer.governed": "opto.llm.governed:Governed",
    "layer.shaped": "opto.llm.shaped:Shaped",
    "llm.default": "opto.llm:LLM",
    "llm.autogen": "opto.llm.autogen:AutoGenLLM",
    "llm.customllm": "opto.llm.openai:CustomLLM",
    "llm.litellm": "opto.llm.litellm:LiteLLM",
    "llm.local": "opto.llm.local.backend:LocalLLM",
    "llm.openai": "opto.llm.openai:OpenAILLM",
    "tokens.local": "opto.llm.local.counting:tokenizer_at_work",
    "watch.opentelemetry": "opto.llm.telemetry:traced",
    "store.recorded": "opto.store.recorded:Recorded",
}


def plug(name: str) -> Any:
    """The object that `name` stands for.

    Args:
        name: a dotted name such as ``"view.digraph"``.

    Returns:
        The object, imported now if it was not before.

    Raises:
        PlugError: nobody registered the name; the message lists the nearest.

    Example:
        >>> plug("view.digrap")
        Traceback (most recent call last):
            ...
        opto.errors.PlugError: nothing is registered as 'view.digrap'; did you mean 'view.digraph'?
    """
    target = PLUGS.get(name)
    if target is None:
        return _entry_point(name)
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def known(prefix: str = "") -> list[str]:
    """The names that can be asked for, ours and those of installed packages, sorted."""
    return sorted(n for n in {*PLUGS, *_entry_points()} if n.startswith(prefix))


def _entry_points() -> dict[str, Any]:
    # lazy: 15 ms to import, and needed only for names that are not ours.
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group="opto")}


def _entry_point(name: str) -> Any:
    points = _entry_points()
    if name not in points:
        raise PlugError(f"nothing is registered as {name!r}{nearest(name, {*PLUGS, *points})}")
    return points[name].load()
