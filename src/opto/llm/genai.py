"""A question and its answer in the words of OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opto.errors import OptoError
from opto.llm.layers import layers
from opto.llm.redact import named_secrets, redacted
from opto.llm.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opto.llm.types import Reply, Request

__all__ = ["answered", "asked", "content", "kind_of", "route", "secrets_of"]

# Names of providers that begin LiteLLM's names of models, where the conventions have another.
PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "cohere_chat": "cohere",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
# Modules whose exceptions are known without their address.
OWN_WORDS = frozenset({"builtins", "opto.errors"})
# Arguments of a request that have a name of their own there, and their type.
SETTINGS: dict[str, tuple[str, type]] = {
    "frequency_penalty": ("frequency_penalty", float),
    "n": ("choice.count", int),
    "presence_penalty": ("presence_penalty", float),
    "seed": ("seed", int),
    "top_k": ("top_k", float),
    "top_p": ("top_p", float),
}


def route(llm: Any, request: Request) -> dict[str, Any]:
    """Who is asked: what a sampler may go by.

    Example:
        >>> from opto.llm import OpenAILLM, Request
        >>> model = OpenAILLM("tiny", base_url="http://127.0.0.1:8080/v1")
        >>> told = route(model, Request.of("hi"))
        >>> told["gen_ai.provider.name"], told["gen_ai.request.model"], told["server.port"]
        ('openai', 'tiny', 8080)
    """
    model = _answering(llm)
    name = request.model or getattr(model, "model_name", None)
    told = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": _provider(model, name)}
    if name:
        told["gen_ai.request.model"] = name
    return told | _server(_address(model, request))


def asked(llm: Any, request: Request) -> dict[str, Any]:
    """How it is asked."""
    full = request.over(getattr(_answering(llm), "defaults", None) or {})
    told: dict[str, Any] = {
        "gen_ai.request.max_tokens": full.max_tokens,
        "gen_ai.request.temperature": full.temperature,
        "gen_ai.output.type": _output_type(full),
    }
    for argument, (name, kind) in SETTINGS.items():
        value = full.extra.get(argument)
        if isinstance(value, (int, float)):
            told[f"gen_ai.request.{name}"] = kind(value)
    stop = full.extra.get("stop")
    if stop:
        told["gen_ai.request.stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
    if full.live is not None and full.live.listens:
        told["gen_ai.request.stream"] = True
    return {name: value for name, value in told.items() if value is not None}


def answered(reply: Reply) -> dict[str, Any]:
    """What came back; nothing was used for what came out of a record."""
    told: dict[str, Any] = {
        "gen_ai.response.model": reply.model,
        "gen_ai.response.id": _text_of(reply.raw, "id"),
        "gen_ai.response.finish_reasons": [c.finish_reason or "stop" for c in reply.choices],
    }
    if reply.recalled:
        told["opto.recalled"] = True
    elif reply.usage.total_tokens:
        told["gen_ai.usage.input_tokens"] = reply.usage.prompt_tokens
        told["gen_ai.usage.output_tokens"] = reply.usage.completion_tokens
    if reply.usage.cost_usd is not None and not reply.recalled:
        told["opto.cost_usd"] = reply.usage.cost_usd
    return {name: value for name, value in told.items() if value is not None}


def content(
    messages: Iterable[Mapping[str, Any]], secrets: Iterable[str] = (), reply: Reply | None = None
) -> str:
    """What was said, as JSON, without secrets.

    Args:
        messages: the messages of a request; or of an answer, where there is `reply`.
        secrets: texts that must not be shown, beside those of the environment.
        reply: what the messages are choices of.
    """
    from json import dumps  # lazy: only who asks for contents needs it

    reasons = [] if reply is None else [choice.finish_reason for choice in reply.choices]
    said = []
    for number, message in enumerate(messages):
        told = {"role": str(message.get("role", "user")), "parts": list(_parts(message))}
        if reply is not None:
            told["finish_reason"] = reasons[number] or "stop"
        said.append(told)
    return dumps(redacted(said, secrets), ensure_ascii=False, default=str)


def kind_of(error: BaseException) -> str:
    """What kind of error it was: the provider's status, or the class of what the client raised.

    Example:
        >>> kind_of(ValueError("no")), kind_of(TimeoutError())
        ('ValueError', 'TimeoutError')
    """
    causes = list(_causes(error))
    for cause in causes:
        status = getattr(cause, "status_code", None)
        if isinstance(status, int):
            return str(status)
    # Ours say what that means; the first that is not ours says what happened.
    kind = next((type(cause) for cause in causes if not isinstance(cause, OptoError)), type(error))
    named = kind.__qualname__
    return named if kind.__module__ in OWN_WORDS else f"{kind.__module__}.{named}"


def secrets_of(llm: Any, request: Request) -> tuple[str, ...]:
    """The keys that were given by argument: to a model, or with a request."""
    held = [
        secret.value
        for one in layers(llm)
        for model in (one, *getattr(one, "models", ()))
        for secret in getattr(model, "_secrets", {}).values()
        if isinstance(secret, Secret) and isinstance(secret.value, str)
    ]
    return (*named_secrets(request.extra), *held)


def _answering(llm: Any) -> Any:
    """The model behind all layers; of several, the first."""
    *_, model = layers(llm)
    several = getattr(model, "models", ())
    return several[0] if several else model


def _provider(model: Any, name: str | None) -> str:
    kind = type(model).__name__.casefold().removesuffix("llm")
    before, slash, _ = (name or "").partition("/")
    if kind == "lite":
        return PROVIDERS.get(before, before) if slash else "litellm"
    return "openai" if kind == "custom" else kind


def _address(model: Any, request: Request) -> str | None:
    defaults = getattr(model, "defaults", None) or {}
    for held in (request.extra, defaults):
        for name in ("base_url", "api_base"):
            if held.get(name):
                return str(held[name])
    address = getattr(model, "_address", None) or getattr(model, "base_url", None)
    return None if address is None else str(address)


def _server(address: str | None) -> dict[str, Any]:
    parts = urlsplit(address or "")
    if not parts.hostname:
        return {}
    port = parts.port or (80 if parts.scheme == "http" else 443)
    return {"server.address": parts.hostname, "server.port": port}


def _output_type(request: Request) -> str | None:
    wanted = request.response_format
    if wanted is None:
        return None
    kind = wanted.get("type") if isinstance(wanted, dict) else "json"
    return "text" if kind == "text" else "json"


def _parts(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    said = message.get("content")
    if message.get("role") == "tool":
        yield {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": said}
        return
    for part in said if isinstance(said, list) else [said] if said else []:
        yield _part(part)
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        called = {"name": function.get("name"), "arguments": function.get("arguments")}
        yield {"type": "tool_call", "id": call.get("id"), **called}


def _part(part: Any) -> dict[str, Any]:
    if not isinstance(part, dict):
        return {"type": "text", "content": str(part)}
    if part.get("type") == "text":
        return {"type": "text", "content": part.get("text")}
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if isinstance(url, str) and not url.startswith("data:"):
        return {"type": "uri", "modality": "image", "uri": url}
    # The bytes of a picture or sound would outweigh everything else that is traced.
    return {"type": str(part.get("type")), "left_out": "bytes"}


def _text_of(holder: Any, name: str) -> str | None:
    value = holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)
    return value if isinstance(value, str) else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__
