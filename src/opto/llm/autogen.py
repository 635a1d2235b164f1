"""Several models of which the first that can answers, as AutoGen is configured."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError, ModelError, ModelMissing
from opto.llm.configs import found_configs, passing
from opto.llm.failures import Failure, scrub
from opto.llm.litellm import LiteLLM
from opto.llm.openai import OpenAILLM
from opto.llm.port import LLM
from opto.llm.retry import Retry
from opto.llm.types import Reply
from opto.llm.wrapper import Wrapper, suits, wrapper_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opto.llm.types import Request

__all__ = ["AutoGenLLM"]

# Names of a configuration that AutoGen reads and no provider does.
AUTOGENS_OWN = frozenset({"api_type", "cache", "cache_seed", "price", "tags"})
# Arguments of a question that only AutoGen understands.
ITS_ARGUMENTS = frozenset({"agent", "allow_format_str_template", "context", "filter_func"})
# What AutoGen takes and this does not, and why.
REFUSED = {
    "api_rate_limit": "LLM(governor=Governor(requests_per_minute=...)) paces questions",
    "cache": "AutoGen's cache unpickles whatever lies in its folder (CVE-2025-69872); "
    "LLM(cache=True) remembers answers as plain data",
    "model_client_cls": "a model of your own is a subclass of opto.llm.LLM",
}
# AutoGen's names of providers where LiteLLM has another.
PROVIDERS = {"google": "gemini", "together": "together_ai"}


class AutoGenLLM(LLM):
    """The models of a configuration list: the first one that can answers.

    Where AutoGen 0.2 is installed and all of the models speak OpenAI's API, it is AutoGen's
    ``OpenAIWrapper`` that asks. Else, and where the text is wanted in pieces (AutoGen prints
    those), they are asked through OpenAI's client, or through LiteLLM where ``api_type`` is
    another provider's.

    Args:
        config_list: configurations such as ``{"model": ..., "api_key": ..., "base_url":
            ...}``; None for those of ``OAI_CONFIG_LIST`` or of the keys that are set. With
            ``"price": [a, b]``, dollars for 1000 tokens read and written, costs are known.
        filter_dict: names and the values of them that are wanted, such as
            ``{"model": ["gpt-4o"]}``.
        reset_freq: seconds after which clients are made anew; None for never.
        max_retries: how often the whole list is tried again, when no model of it answered
            and the last one may yet.
        base_delay: seconds before the first retry; later ones wait longer.
        patience: seconds after the first attempt at which no further one starts.
        **settings: further settings of every model, such as ``temperature=0.0``.

    Raises:
        ModelMissing: no configuration is there, or none passes the filter.
        StoreError: the configurations that are there cannot be read.
        ArgumentError: a configuration asks for what AutoGen has and this has not.

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
        base_delay: float = 1.0,
        patience: float = 120.0,
        **settings: Any,
    ) -> None:
        configs = found_configs() if config_list is None else config_list
        chosen = passing(configs, filter_dict or {})
        if not chosen:
            raise ModelMissing(f"no configured model passes the filter {dict(filter_dict or {})}")
        full = [{**settings, **config} for config in chosen]
        self.models = tuple(_model(config, reset_freq) for config in full)
        self.retry = Retry(max_retries, base_delay, patience=patience)
        self._prices = tuple(_price(config.get("price")) for config in full)
        self._wrapper = Wrapper(reset_freq)

    @property
    def enforces_schema(self) -> bool:
        """Whether all of the models can be held to a JSON schema."""
        return all(model.enforces_schema for model in self.models)

    def answer(self, request: Request) -> Reply:
        """The answer of the first model that gives one.

        Raises:
            ModelError: none of them did; it is the error of the last one.
        """
        _refuse(request.extra, "a question")
        extras = {name: request.extra[name] for name in ITS_ARGUMENTS if name in request.extra}
        own = ITS_ARGUMENTS | AUTOGENS_OWN
        extra = {name: value for name, value in request.extra.items() if name not in own}
        asked = replace(request, extra=extra)
        once = self._way(asked, extras)
        if once.func == self._in_turn and not self.retry.max_retries:
            return once()  # its errors are those of the models, said in our words already
        names = ", ".join(repr(getattr(model, "model_name", model)) for model in self.models)
        who = f"{type(self).__name__} of {names}"
        return self.retry.run(once, judge=self._judge, who=who, live=request.live)

    def _way(self, request: Request, extras: Mapping[str, Any]) -> partial[Reply]:
        wrapper = wrapper_class() if suits(self.models, request) else None
        if wrapper is not None:
            return partial(self._by_autogen, wrapper, request, extras)
        if extras:
            raise ArgumentError(
                f"{', '.join(sorted(extras))}: understood by AutoGen alone, which does not "
                f"ask here: it is not installed, or the list has models of other providers, "
                f"or the text is wanted in pieces"
            )
        return partial(self._in_turn, request)

    def _by_autogen(self, wrapper: Any, request: Request, extras: Mapping[str, Any]) -> Reply:
        models: Any = self.models
        answer = self._wrapper.ask(wrapper, models, request, extras)
        return self._priced(Reply.read(answer, request.digest), answer.config_id)

    def _in_turn(self, request: Request) -> Reply:
        *before, last = range(len(self.models))
        for number in before:
            try:
                return self._priced(self.models[number].answer(request), number)
            except ModelError:
                continue
        return self._priced(self.models[last].answer(request), last)

    def _priced(self, reply: Reply, number: int) -> Reply:
        price = self._prices[number]
        if price is None:
            return reply
        used = reply.usage
        cost = (price[0] * used.prompt_tokens + price[1] * used.completion_tokens) / 1000
        return replace(reply, usage=replace(used, cost_usd=cost))

    def _judge(self, error: BaseException) -> Failure:
        if isinstance(error, ModelError):
            return Failure.behind(error)
        held: Any = self.models
        secrets = [secret.value for model in held for secret in model._secrets.values()]
        scrub(error, secrets)
        return Failure.of(error, secrets=secrets)


def _model(config: dict[str, Any], reset_freq: float | None) -> LLM:
    _refuse(config, "a configuration")
    provider = config.get("api_type") or "openai"
    dropped = AUTOGENS_OWN | set(REFUSED)
    settings = {name: value for name, value in config.items() if name not in dropped}
    settings |= {"reset_freq": reset_freq, "max_retries": 0}
    if provider == "openai":
        return OpenAILLM(**settings)
    settings["model"] = f"{PROVIDERS.get(provider, provider)}/{settings['model']}"
    if "base_url" in settings:
        settings["api_base"] = settings.pop("base_url")
    return LiteLLM(**settings)


def _refuse(said: Mapping[str, Any], where: str) -> None:
    for name, why in REFUSED.items():
        if said.get(name):
            raise ArgumentError(f"{name!r} in {where} of AutoGenLLM is not taken: {why}")


def _price(said: Any) -> tuple[float, float] | None:
    if said is None:
        return None
    both = (said, said) if isinstance(said, (int, float)) else tuple(said)
    if len(both) != 2:
        raise ArgumentError(
            f"the price of a model is two numbers, dollars for 1000 tokens read and written, "
            f"not {said!r}"
        )
    return float(both[0]), float(both[1])
