"""Requests and replies as the plain data that a journal stores, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opto.errors import StoreError
from opto.llm.secret import is_secret
from opto.llm.types import Reply, Request, Usage
from opto.store.plain import plain, viewed

__all__ = ["as_reply", "as_request", "reply_data", "request_data"]

# Clients and their connections: how a request travels, not what it says.
UNSTORED = frozenset({"client", "http_client"})


def request_data(request: Request) -> dict[str, Any]:
    """What is stored of a request: all that is asked, and no argument that carries a key."""
    extra = {k: v for k, v in request.extra.items() if k not in UNSTORED and not is_secret(k)}
    return {
        "messages": plain(list(request.messages)),
        "model": request.model,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "response_format": _format(request.response_format),
        "sample": request.sample,
        "extra": plain(extra),
    }


def _format(wanted: Any) -> Any:
    # A class of pydantic stands for its schema.
    return wanted.model_json_schema() if hasattr(wanted, "model_json_schema") else plain(wanted)


def as_request(data: Any) -> Request:
    """The request that `request_data` wrote down.

    Raises:
        StoreError: it is none.
    """
    try:
        return Request(**{**data, "messages": tuple(data["messages"])})
    except (TypeError, KeyError) as cause:
        raise StoreError(f"this event holds no request: {cause!r}") from cause


def reply_data(reply: Reply) -> dict[str, Any]:
    """What is stored of a reply: all of it, with the client's own object as plain data."""
    usage = reply.usage
    return {
        "text": reply.text,
        "model": reply.model,
        "finish_reason": reply.finish_reason,
        "usage": [usage.prompt_tokens, usage.completion_tokens, usage.cost_usd],
        "request": reply.request,
        "others": list(reply.others),
        "raw": None if reply.raw is None else plain(reply.raw),
        # From a record within this one: it cost nothing here.
        "recalled": reply.recalled,
    }


def as_reply(data: Any, request: str = "") -> Reply:
    """The reply that `reply_data` wrote down; its `raw` is read by attribute or by key.

    Args:
        data: what was written down.
        request: digest of the request that it answers now; empty for the one it answered.

    Raises:
        StoreError: it is none.
    """
    try:
        given = {**data, "usage": Usage(*data["usage"]), "others": tuple(data["others"])}
        reply = Reply(**{**given, "raw": viewed(data["raw"])})
    except (TypeError, KeyError) as cause:
        raise StoreError(f"this event holds no reply: {cause!r}") from cause
    return replace(reply, request=request) if request else reply
