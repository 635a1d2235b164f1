"""Several models of which the first that can answers, as AutoGen is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.errors import ModelError, ModelMissing
from opto.llm.configs import found_configs, passing
from opto.llm.litellm import LiteLLM
from opto.llm.openai import OpenAILLM
from opto.llm.port import LLM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opto.llm.types import Reply, Request

__all__ = ["AutoGenLLM"]

# Names of a configuration that AutoGen reads and no provider does.
AUTOGENS_OWN = frozenset({"api_type", "cache", "cache_seed", "price", "tags"})
# AutoGen's names of providers where LiteLLM has another.
PROVIDERS = {"google": "gemini", "together": "together_ai"}


class AutoGenLLM(LLM):
    """The models of a configuration list: the first one that can answers.

    AutoGen itself is not needed: the list is read here, and the models are asked
    through OpenAI's client, or through LiteLLM where ``api_type`` is another provider's.

    Args:
        config_list: configurations such as ``{"model": ..., "api_key": ..., "base_url":
            ...}``; None for those of ``OAI_CONFIG_LIST`` or of the keys that are set.
        filter_dict: names and the values of them that are wanted, such as
            ``{"model": ["gpt-4o"]}``.
        reset_freq: seconds after which clients are made anew; None for never.
        max_retries: how often a failed call is tried again before the next model is asked.
        **settings: further settings of every model, such as ``temperature=0.0``.

    Raises:
        ModelMissing: no configuration is there, or none passes the filter.
        StoreError: the configurations that are there cannot be read.

    Example:
        >>> AutoGenLLM([{"model": "llama", "base_url": "http://127.0.0.1:8080/v1"}]).models
        (OpenAILLM('llama', base_url='http://127.0.0.1:8080/v1'),)

    Source: SPEC 8.2.
    """

    def __init__(
        self,
        config_list: Iterable[Mapping[str, Any]] | None = None,
        filter_dict: Mapping[str, Sequence[Any]] | None = None,
        reset_freq: float | None = None,
        *,
        max_retries: int = 2,
        **settings: Any,
    ) -> None:
        configs = found_configs() if config_list is None else config_list
        chosen = passing(configs, filter_dict or {})
        if not chosen:
            raise ModelMissing(f"no configured model passes the filter {dict(filter_dict or {})}")
        settings |= {"reset_freq": reset_freq, "max_retries": max_retries}
        self.models = tuple(_model({**settings, **config}) for config in chosen)

    @property
    def enforces_schema(self) -> bool:
        """Whether all of the models can be held to a JSON schema."""
        return all(model.enforces_schema for model in self.models)

    def answer(self, request: Request) -> Reply:
        """The answer of the first model that gives one.

        Raises:
            ModelError: none of them did; it is the error of the last one.
        """
        *before, last = self.models
        for model in before:
            try:
                return model.answer(request)
            except ModelError:
                continue
        return last.answer(request)


def _model(config: dict[str, Any]) -> LLM:
    provider = config.get("api_type") or "openai"
    settings = {name: value for name, value in config.items() if name not in AUTOGENS_OWN}
    if provider == "openai":
        return OpenAILLM(**settings)
    settings["model"] = f"{PROVIDERS.get(provider, provider)}/{settings['model']}"
    if "base_url" in settings:
        settings["api_base"] = settings.pop("base_url")
    return LiteLLM(**settings)
