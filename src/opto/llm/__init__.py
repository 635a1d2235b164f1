"""Ask a language model: one protocol, several backends, and frozen questions and answers.

``LLM()`` chooses a backend by the environment; every backend takes the calls that
programs for the original make, and answers with a `Reply`. This room knows nothing
of the rest of the library, and imports no vendor's package before the first call.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from opto.llm.abstract import AbstractModel
from opto.llm.adapt import as_llm
from opto.llm.factory import LLMFactory
from opto.llm.port import LLM
from opto.llm.scripted import DummyLLM, ScriptedLLM
from opto.llm.types import Choice, Message, Reply, Request, Usage

if TYPE_CHECKING:
    from opto.llm.autogen import AutoGenLLM
    from opto.llm.budget import Budget
    from opto.llm.budgeted import Budgeted
    from opto.llm.configs import auto_construct_oai_config_list_from_env
    from opto.llm.forecast import Estimate, estimate
    from opto.llm.governed import Governed
    from opto.llm.governor import Governor
    from opto.llm.litellm import LiteLLM
    from opto.llm.local.backend import LocalLLM
    from opto.llm.openai import CustomLLM, OpenAILLM
    from opto.llm.prices import FREE, Price, Prices
    from opto.llm.replay import ReplayLLM
    from opto.llm.shaped import Shaped
    from opto.llm.stream import AsyncStream, Stream
    from opto.llm.tokens import Count, count
    from opto.llm.vectors import embed

__all__ = [
    "FREE",
    "LLM",
    "AbstractModel",
    "AsyncStream",
    "AutoGenLLM",
    "Budget",
    "Budgeted",
    "Choice",
    "Count",
    "CustomLLM",
    "DummyLLM",
    "Estimate",
    "Governed",
    "Governor",
    "LLMFactory",
    "LiteLLM",
    "LocalLLM",
    "Message",
    "OpenAILLM",
    "Price",
    "Prices",
    "ReplayLLM",
    "Reply",
    "Request",
    "ScriptedLLM",
    "Shaped",
    "Stream",
    "Usage",
    "as_llm",
    "auto_construct_oai_config_list_from_env",
    "count",
    "embed",
    "estimate",
]

# A program uses few of these, so each is imported when it is asked for.
WHEN_ASKED = {
    "AsyncStream": "opto.llm.stream",
    "AutoGenLLM": "opto.llm.autogen",
    "Budget": "opto.llm.budget",
    "Budgeted": "opto.llm.budgeted",
    "Count": "opto.llm.tokens",
    "CustomLLM": "opto.llm.openai",
    "Estimate": "opto.llm.forecast",
    "FREE": "opto.llm.prices",
    "Governed": "opto.llm.governed",
    "Governor": "opto.llm.governor",
    "LiteLLM": "opto.llm.litellm",
    "LocalLLM": "opto.llm.local.backend",
    "OpenAILLM": "opto.llm.openai",
    "Price": "opto.llm.prices",
    "Prices": "opto.llm.prices",
    "ReplayLLM": "opto.llm.replay",
    "Shaped": "opto.llm.shaped",
    "Stream": "opto.llm.stream",
    "auto_construct_oai_config_list_from_env": "opto.llm.configs",
    "count": "opto.llm.tokens",
    "embed": "opto.llm.vectors",
    "estimate": "opto.llm.forecast",
}


def __getattr__(name: str) -> Any:
    if name not in WHEN_ASKED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(WHEN_ASKED[name]), name)
