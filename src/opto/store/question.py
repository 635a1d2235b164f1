"""The name of a question: what makes two questions one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opto.llm.digest import digest_of
from opto.llm.layers import layers

if TYPE_CHECKING:
    from opto.llm.types import Request

__all__ = ["key_in_run", "key_of"]

ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


def key_of(request: Request, source: Any, name: str | None) -> str:
    """The name of a question: equal for equal questions to the same model, and only for them.

    Args:
        request: what is asked, with its sample index.
        source: who is asked. Its model's name, its address and its defaults are part of
            the question; for a model that has none, its class is.
        name: what stands for the source instead.
    """
    who = identity(source) if name is None else name
    full = request.over(_defaults(source))
    route = [full.extra.get(argument) for argument in ("base_url", "api_base")]
    return digest_of([full.digest, who, *map(str, filter(None, route))])


def key_in_run(request: Request, source: Any) -> str:
    """The name of a question within a run: what is asked, and the name of the model.

    The address of the server is left out, for a run that is resumed may find it somewhere
    else; so are addresses in memory, as in ``<Agent object at 0x7f2a>``.
    """
    asked = replace(request, messages=_without_addresses(request.messages))
    return digest_of([asked.over(_defaults(source)).digest, _name(source)])


def _without_addresses(value: Any) -> Any:
    if isinstance(value, str):
        return ADDRESS.sub("", value) if " at 0x" in value else value
    if isinstance(value, Mapping):
        return {key: _without_addresses(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(map(_without_addresses, value))
    return value


def _name(source: Any) -> Any:
    known = identity(source)
    return known[0] if hasattr(_model(source), "model_name") else known


def identity(source: Any) -> Any:
    """What tells one model from another."""
    source = _model(source)
    if hasattr(source, "models"):  # several, asked in turn
        return [[identity(model), dict(_defaults(model))] for model in source.models]
    if hasattr(source, "model_name"):
        address = getattr(source, "_address", None)
        return [source.model_name, address]
    return f"{type(source).__module__}:{type(source).__qualname__}"


def _defaults(source: Any) -> Any:
    return getattr(_model(source), "defaults", {})


def _model(source: Any) -> Any:
    """The model behind all layers."""
    *_, model = layers(source)
    return model
