"""The local model as a backend: its weights, its server, and the client that asks it."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError, ModelRefused
from opto.llm.local.server import Setup, running
from opto.llm.local.weights import locate, wanted
from opto.llm.openai import OpenAILLM
from opto.llm.port import LLM
from opto.llm.tokens import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opto.llm.local.server import Running
    from opto.llm.tokens import Count
    from opto.llm.types import Reply, Request

__all__ = ["LocalLLM"]

TOO_LONG = "exceed_context_size_error"


class LocalLLM(LLM):
    """A small model on this machine: no key, no account, nothing leaves the computer.

    The model is loaded at the first question (and its weights are downloaded then, where
    they are not there yet), stays loaded, and is shared by all instances of the process
    that want the same. JSON schemas are enforced while the answer is decoded.

    Args:
        model: "qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", or the path of a GGUF file; None
            for the environment variable `OPTO_LOCAL_MODEL`, or else the first of these.
        threads: inference threads. One is the safe choice where other programs run as
            well: several threads wait for each other at every layer of the model.
        context: tokens that the prompt and the answer may have together.
        max_tokens: the longest answer in tokens, whatever a request asks for: a small
            model that lost its thread would go on until the context is full.
        gpu_layers: layers of the model that a graphics card computes; -1 for all.
        **settings: defaults for the arguments of every request, such as
            ``temperature=0.2``.

    Raises:
        ModelMissing: `model` is neither a known name nor a GGUF file.
        ArgumentError: a number is below 1, or a setting is nearly one of these names.

    Example:
        >>> LocalLLM("qwen2.5-coder-0.5b", temperature=0.2)
        LocalLLM('qwen2.5-coder-0.5b', threads=1, context=4096, temperature=0.2)
    """

    enforces_schema = True

    def __init__(
        self,
        model: str | None = None,
        *,
        threads: int = 1,
        context: int = 4096,
        max_tokens: int = 1024,
        gpu_layers: int = 0,
        **settings: Any,
    ) -> None:
        own = [name for name in signature(LocalLLM).parameters if name != "settings"]
        if misspelt := [name for name in settings if get_close_matches(name, own, n=1, cutoff=0.8)]:
            raise ArgumentError.unknown("LocalLLM()", misspelt, own)
        numbers = {"threads": threads, "context": context, "max_tokens": max_tokens}
        if low := [name for name, number in numbers.items() if number < 1]:
            raise ArgumentError(f"LocalLLM: {low[0]} must be at least 1, not {numbers[low[0]]}")
        choice = wanted(model)
        self.model_name = str(choice) if isinstance(choice, Path) else choice.name
        self.threads = threads
        self.context = context
        self.max_tokens = max_tokens
        self.gpu_layers = gpu_layers
        self.defaults = settings

    def answer(self, request: Request) -> Reply:
        """Answer one request; the first one loads the model.

        Raises:
            ModelMissing: the runtime or the weights are not there and cannot be had.
            ModelRefused: the prompt is longer than the context, or the request cannot
                be taken; the message says which.
        """
        client = self._client()
        asked = request.over(self.defaults)
        extra = dict(asked.extra)
        # The server has one place, so several answers to one question come one by one.
        several = int(extra.pop("n", None) or 1)
        limit = min(asked.max_tokens or self.max_tokens, self.max_tokens)
        asked = replace(asked, model=client.model_name, max_tokens=limit, extra=extra)
        try:
            first, *rest = (client.answer(asked) for _ in range(several))
        except ModelRefused as refusal:
            raise self._explained(refusal) from refusal
        return replace(
            first,
            usage=sum((reply.usage for reply in rest), first.usage),
            request=request.digest,
            others=tuple(reply.text for reply in rest),
        )

    def count(self, messages: str | Sequence[Any] | Request, *, tools: Sequence[Any] = ()) -> Count:
        """The tokens that the model reads for a conversation, exactly; loads the model.

        Args:
            messages: a text, messages, or a request.
            tools: definitions of tools; None for the request's.

        Raises:
            ModelMissing: the runtime or the weights are not there and cannot be had.
        """
        name, _ = self._server()
        return count(messages, name, tools=tools)

    def _server(self) -> tuple[str, Running]:
        found = locate(self.model_name)
        setup = Setup(found.path, found.name, self.threads, self.context, self.gpu_layers)
        return found.name, running(setup)

    def _client(self) -> OpenAILLM:
        name, server = self._server()
        # A slow machine may take minutes for an answer, and nobody else stands in line.
        return OpenAILLM(name, base_url=server.url, api_key=server.key, timeout=None, max_retries=0)

    def _explained(self, refusal: ModelRefused) -> ModelRefused:
        said = getattr(refusal.__cause__, "body", None)
        if not isinstance(said, dict) or said.get("type") != TOO_LONG:
            return refusal
        length = said.get("n_prompt_tokens")
        return ModelRefused(
            f"The prompt has {length} tokens, and the local model was started with a context "
            f"of {self.context} for prompt and answer together. Send less (shorter values, a "
            f"smaller memory, fewer examples), or make it LocalLLM(context=...) with more than "
            f"{length}, which costs memory and time."
        )

    def __repr__(self) -> str:
        shown = {"threads": self.threads, "context": self.context, **self.defaults}
        rest = "".join(f", {name}={value!r}" for name, value in shown.items())
        return f"LocalLLM({self.model_name!r}{rest})"
