"""Old address of `opto.llm`."""

from opto.llm import (
    LLM,
    AbstractModel,
    AutoGenLLM,
    CustomLLM,
    DummyLLM,
    LiteLLM,
    LLMFactory,
    auto_construct_oai_config_list_from_env,
    embed,
)

__all__ = [
    "LLM",
    "AbstractModel",
    "AutoGenLLM",
    "CustomLLM",
    "DummyLLM",
    "LLMFactory",
    "LiteLLM",
    "auto_construct_oai_config_list_from_env",
    "embed",
]
