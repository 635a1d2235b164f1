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
    from opto.llm.configs import auto_construct_oai_config_list_from_env
    from opto.llm.litellm import LiteLLM
    from opto.llm.local.backend import LocalLLM
    from opto.llm.openai import CustomLLM, OpenAILLM
    from opto.llm.replay import ReplayLLM

__all__ = [
    "LLM",
    "AbstractModel",
    "AutoGenLLM",
    "Choice",
    "CustomLLM",
    "DummyLLM",
    "LLMFactory",
    "LiteLLM",
    "LocalLLM",
    "Message",
    "OpenAILLM",
    "ReplayLLM",
    "Reply",
    "Request",
    "ScriptedLLM",
    "Usage",
    "as_llm",
    "auto_construct_oai_config_list_from_env",
]

# A program uses one of these at most, so each is imported when it is asked for.
BACKENDS = {
    "AutoGenLLM": "opto.llm.autogen",
    "CustomLLM": "opto.llm.openai",
    "LiteLLM": "opto.llm.litellm",
    "LocalLLM": "opto.llm.local.backend",
    "OpenAILLM": "opto.llm.openai",
    "ReplayLLM": "opto.llm.replay",
    "auto_construct_oai_config_list_from_env": "opto.llm.configs",
}


def __getattr__(name: str) -> Any:
    if name not in BACKENDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(BACKENDS[name]), name)
