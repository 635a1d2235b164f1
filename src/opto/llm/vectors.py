"""Vectors of texts, from any provider that has them."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from opto.errors import AnswerError, ArgumentError, ModelRefused
from opto.llm.failures import Failure, scrub
from opto.llm.litellm import _load
from opto.llm.packages import installed, needed
from opto.llm.redact import cleaned
from opto.llm.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["embed"]

OFFICIAL = "https://api.openai.com"


def embed(
    model: str,
    text: str,
    max_retries: int = 10,
    base_delay: float = 1.0,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float | None = 60.0,
    patience: float = 120.0,
    **settings: Any,
) -> list[float]:
    """The vector that a model of embeddings has for a text.

    Through LiteLLM where that is installed; else through OpenAI's client, for models
    without a provider in their names, or with "openai/". No budget counts it, no journal
    holds it.

    Args:
        model: the model's name, as for the backend that is used.
        text: the text; secrets of the environment are taken out of it.
        max_retries: how often a failed call is tried again at most.
        base_delay: seconds before the first retry; later ones wait longer.
        api_key: the key; None for what the client finds in the environment.
        base_url: the server's address; None for what the client finds there.
        timeout: seconds that one attempt may take; None for no limit.
        patience: seconds after the first attempt at which no further one starts.
        **settings: further arguments of the provider, such as ``dimensions=256``.

    Raises:
        ModelUnavailable: no answer came in time.
        ModelRefused: the provider turned the request down.
        ArgumentError: there is no text.
        ModelMissing: the model is another provider's, and LiteLLM is not installed.
        AnswerError: the answer has no vector in it.

    Example:
        >>> embed("text-embedding-3-small", "")
        Traceback (most recent call last):
        opto.errors.ArgumentError: embed('text-embedding-3-small', ...) was given no text

    Source: SPEC 1.4 and 8.2; there, a failure gave None and a warning.
    """
    if not text:
        raise ArgumentError(f"embed({model!r}, ...) was given no text")
    from opto.llm.loop import here  # lazy: asyncio, 30 ms of import

    arguments = {"input": [cleaned(text)], "timeout": timeout, **settings}
    route = {"api_key": api_key, "base_url": base_url}
    ask = _by_litellm if installed("litellm") else _by_openai
    send = ask(model, arguments, route)
    limit = None if timeout is None else timeout * 1.1 + 0.1
    answer = Retry(max_retries, base_delay, patience=patience).run(
        lambda: here().run(send, seconds=limit),
        judge=partial(_judge, api_key),
        who=f"embed {model!r}",
    )
    return _vector(answer, model)


def _by_litellm(
    model: str, arguments: dict[str, Any], route: dict[str, Any]
) -> Callable[[], Awaitable[Any]]:
    litellm = _load()
    said = {**arguments, "api_key": route["api_key"], "api_base": route["base_url"]}
    return lambda: litellm.aembedding(model=model, max_retries=0, **said)


def _by_openai(
    model: str, arguments: dict[str, Any], route: dict[str, Any]
) -> Callable[[], Awaitable[Any]]:
    provider, _, name = model.rpartition("/")
    if provider not in {"", "openai"}:
        needed("litellm", f"embed({model!r})")
    needed("openai", "embed")
    import openai  # lazy: a vendor's SDK, 0.5 s

    address = route["base_url"] or os.environ.get("OPENAI_BASE_URL")
    key = route["api_key"] or os.environ.get("OPENAI_API_KEY")
    if not key and (address or OFFICIAL).startswith(OFFICIAL):
        raise ModelRefused("embed: OpenAI wants a key: set OPENAI_API_KEY, or give api_key=...")
    told = {k: arguments[k] for k in ("input", "timeout")}
    body = {k: v for k, v in arguments.items() if k not in told}

    async def send() -> Any:
        client = openai.AsyncOpenAI(base_url=address, api_key=key or "unused", max_retries=0)
        async with client:
            # Else the client asks for base64, which not every server speaks.
            return await client.embeddings.create(
                model=name, encoding_format="float", extra_body=body, **told
            )

    return send


def _judge(api_key: str | None, error: BaseException) -> Failure:
    scrub(error, [api_key])
    return Failure.of(error, secrets=[api_key])


def _vector(answer: Any, model: str) -> list[float]:
    first = next(iter(getattr(answer, "data", None) or ()), None)
    vector = first.get("embedding") if isinstance(first, dict) else getattr(first, "embedding", ())
    if not isinstance(vector, list) or not vector:
        raise AnswerError(f"the answer of {model!r} has no vector in it: {answer!r:.200}")
    return [float(number) for number in vector]
