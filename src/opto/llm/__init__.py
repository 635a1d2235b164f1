"""Ask a language model: one protocol, several backends, and frozen questions and answers.

``LLM()`` chooses a backend by the environment; every backend takes the calls that
programs for the original make, and answers with a `Reply`. This room knows nothing
of the rest of the library, and imports no vendor's package before the first call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto._plugs import plug
from opto.llm.abstract import AbstractModel
from opto.llm.adapt import as_llm
from opto.llm.autogen import AutoGenLLM
from opto.llm.configs import auto_construct_oai_config_list_from_env
from opto.llm.factory import LLMFactory
from opto.llm.litellm import LiteLLM
from opto.llm.openai import CustomLLM, OpenAILLM
from opto.llm.port import LLM
from opto.llm.replay import ReplayLLM
from opto.llm.scripted import DummyLLM, ScriptedLLM
from opto.llm.types import Choice, Message, Reply, Request, Usage

if TYPE_CHECKING:
    from opto.llm.local.backend import LocalLLM

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


def __getattr__(name: str) -> Any:
    # The local model brings downloads and a server along: 50 ms for whoever asks for it.
    if name == "LocalLLM":
        return plug("llm.local")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
