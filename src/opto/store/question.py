"""The name of a question: what makes two questions one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.llm.digest import digest_of

if TYPE_CHECKING:
    from opto.llm.types import Request

__all__ = ["key_of"]


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


def identity(source: Any) -> Any:
    """What tells one model from another."""
    if hasattr(source, "source"):  # a layer
        return identity(source.source)
    if hasattr(source, "models"):  # several, asked in turn
        return [identity(model) for model in source.models]
    if hasattr(source, "model_name"):
        address = getattr(source, "_address", None)
        return [source.model_name, address]
    return f"{type(source).__module__}:{type(source).__qualname__}"


def _defaults(source: Any) -> Any:
    while hasattr(source, "source"):
        source = source.source
    return getattr(source, "defaults", {})
