"""Ask a language model: one protocol, several backends, and frozen questions and answers.

``LLM()`` chooses a backend by the environment; every backend takes the calls that
programs for the original make, and answers with a `Reply`. This room knows nothing
of the rest of the library, and imports no vendor's package before the first call.
"""

from opto.llm.abstract import AbstractModel
from opto.llm.adapt import as_llm
from opto.llm.choice import LLMFactory
from opto.llm.port import LLM
from opto.llm.scripted import DummyLLM, ScriptedLLM
from opto.llm.types import Choice, Message, Reply, Request, Usage

__all__ = [
    "LLM",
    "AbstractModel",
    "Choice",
    "DummyLLM",
    "LLMFactory",
    "Message",
    "Reply",
    "Request",
    "ScriptedLLM",
    "Usage",
    "as_llm",
]
