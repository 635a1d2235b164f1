"""Any provider, through LiteLLM."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from opto.llm.packages import needed
from opto.llm.remote import RemoteLLM

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["LiteLLM"]

DEFAULT_MODEL = "gpt-4o"
# Without it, LiteLLM downloads its table of prices while it is imported.
PRICES_OFFLINE = "LITELLM_LOCAL_MODEL_COST_MAP"
# By it, users say themselves which of its two transports LiteLLM takes.
AIOHTTP_UNWANTED = "DISABLE_AIOHTTP_TRANSPORT"


class LiteLLM(RemoteLLM):
    """A model at any of LiteLLM's providers; its name says which, as in "anthropic/...".

    The package ``litellm`` is imported at the first question, without network access.
    For models named "azure/...", ``AZURE_TOKEN_PROVIDER_SCOPE`` asks for tokens
    from Azure's default credential instead of a key.

    Args:
        model: the model's name; None for ``TRACE_LITELLM_MODEL``, else
            ``DEFAULT_LITELLM_MODEL``, else "gpt-4o".
        reset_freq: accepted for programs of the original: LiteLLM keeps its own clients.
        cache: accepted for programs of the original; `LLM(cache=True)` is what caches.
        max_retries: how often a failed call is tried again at most.
        base_delay: seconds before the first retry; later ones wait longer.
        api_key: the key; None for what LiteLLM finds in the environment. It shows in
            no repr, error or pickle.
        timeout: seconds that one attempt may take; None for LiteLLM's own limit.
        patience: seconds after the first attempt at which no further one starts.
        enforces_schema: whether the model can be held to a JSON schema; None to ask
            LiteLLM's table when somebody wants to know.
        **settings: defaults for the arguments of every request, such as
            ``temperature=0.0`` or ``api_base=...``.

    Raises:
        ModelMissing: LiteLLM is not installed; the message has the command.

    Source: SPEC 8.2.
    """

    def __init__(
        self,
        model: str | None = None,
        reset_freq: float | None = None,
        cache: bool = True,
        max_retries: int = 10,
        base_delay: float = 1.0,
        *,
        api_key: str | None = None,
        timeout: float | None = 60.0,
        patience: float = 120.0,
        enforces_schema: bool | None = None,
        **settings: Any,
    ) -> None:
        needed("litellm", "LiteLLM")
        super().__init__(
            model
            or os.environ.get("TRACE_LITELLM_MODEL")
            or os.environ.get("DEFAULT_LITELLM_MODEL")
            or DEFAULT_MODEL,
            timeout=timeout,
            max_retries=max_retries,
            base_delay=base_delay,
            patience=patience,
            api_key=api_key,
            enforces_schema=enforces_schema,
            settings=settings,
        )
        self.reset_freq = reset_freq
        self.cache = cache

    def _sender(self, arguments: dict[str, Any]) -> Callable[[], Awaitable[Any]]:
        litellm = _load()
        arguments.setdefault("api_key", self._secret("api_key"))
        scope = os.environ.get("AZURE_TOKEN_PROVIDER_SCOPE")
        if scope and arguments["model"].startswith("azure/"):
            arguments.setdefault("azure_ad_token_provider", _azure_tokens(scope))
        arguments |= {"max_retries": 0, "num_retries": 0}
        return lambda: litellm.acompletion(**arguments)

    def _streams(self, arguments: dict[str, Any]) -> bool:
        # Of several answers, LiteLLM's streams tell no end but the first one's.
        return (arguments.get("n") or 1) == 1

    def _answer_of(self, data: dict[str, Any]) -> Any:
        litellm = _load()
        answer = litellm.ModelResponse(**data)
        with suppress(Exception):  # LiteLLM's own, for a model that is not in its table
            cost = litellm.completion_cost(answer, model=self.model_name)
            answer._hidden_params["response_cost"] = cost
        return answer

    def _can_enforce(self) -> bool:
        return bool(_load().supports_response_schema(self.model_name))


def _load() -> Any:
    from opto.llm.loop import here  # lazy: asyncio, 30 ms of import

    with _prices_offline():
        import litellm  # lazy: a vendor's SDK, 4 s and 185 MB

    if AIOHTTP_UNWANTED not in os.environ:
        # Through aiohttp, many of its releases leave the connection of a cancelled call open,
        # and take an answer that broke off for a whole one.
        litellm.disable_aiohttp_transport = True
    if close := getattr(litellm, "close_litellm_async_clients", None):  # not in all releases
        here().adopt(close)
    # Else it prints advice for its own bug tracker below every failure.
    litellm.suppress_debug_info = True
    return litellm


@contextmanager
def _prices_offline() -> Iterator[None]:
    if PRICES_OFFLINE in os.environ or "litellm" in sys.modules:
        yield
        return
    os.environ[PRICES_OFFLINE] = "True"
    try:
        yield
    finally:
        os.environ.pop(PRICES_OFFLINE, None)


def _azure_tokens(scope: str) -> Callable[[], str]:
    needed("azure.identity", "AZURE_TOKEN_PROVIDER_SCOPE")
    azure = import_module("azure.identity")  # a vendor's SDK that few have
    tokens: Callable[[], str] = azure.get_bearer_token_provider(
        azure.DefaultAzureCredential(), scope
    )
    return tokens
