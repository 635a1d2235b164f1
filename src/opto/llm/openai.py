"""Any server that speaks OpenAI's chat API, through OpenAI's own client."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opto.errors import ModelMissing, ModelRefused
from opto.llm.packages import needed
from opto.llm.remote import RemoteLLM
from opto.llm.renewed import Renewed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["CustomLLM", "OpenAILLM"]

OFFICIAL = "https://api.openai.com/v1"
DEFAULT_MODEL = "gpt-4o"
PATH = "/chat/completions"
# What is said of a request to the client, by the names that the client has for it.
OPTIONS = {"extra_headers": "headers", "extra_query": "params", "timeout": "timeout"}


class OpenAILLM(RemoteLLM):
    """A model at OpenAI, or at any server that speaks its chat API.

    The package ``openai`` is imported at the first question.

    Args:
        model: the model's name; None for ``OPENAI_MODEL``, else "gpt-4o".
        reset_freq: seconds after which the client is made anew; None for never.
        cache: accepted for programs of the original; `LLM(cache=True)` is what caches.
        base_url: the server's address; None for ``OPENAI_BASE_URL``, else OpenAI's own.
        api_key: the key, or a function that gives it; None for ``OPENAI_API_KEY``.
            It shows in no repr, error or pickle.
        timeout: seconds that one attempt may take; None for no limit.
        max_retries: how often a failed call is tried again at most.
        base_delay: seconds before the first retry; later ones wait longer.
        patience: seconds after the first attempt at which no further one starts.
        enforces_schema: whether the server can hold an answer to a JSON schema; None
            for yes at OpenAI's own address, and no elsewhere.
        **settings: defaults for the arguments of every request, such as
            ``temperature=0.0``. What OpenAI's API does not know is sent along as it is.

    Example:
        >>> OpenAILLM("llama", base_url="http://127.0.0.1:8080/v1", temperature=0.0)
        OpenAILLM('llama', base_url='http://127.0.0.1:8080/v1', temperature=0.0)
    """

    _key_variable = "OPENAI_API_KEY"

    def __init__(
        self,
        model: str | None = None,
        reset_freq: float | None = None,
        cache: bool = True,
        *,
        base_url: str | None = None,
        api_key: str | Callable[[], str] | None = None,
        timeout: float | None = 60.0,
        max_retries: int = 10,
        base_delay: float = 1.0,
        patience: float = 120.0,
        enforces_schema: bool | None = None,
        **settings: Any,
    ) -> None:
        needed("openai", type(self).__name__)
        super().__init__(
            model or os.environ.get("OPENAI_MODEL") or DEFAULT_MODEL,
            timeout=timeout,
            max_retries=max_retries,
            base_delay=base_delay,
            patience=patience,
            api_key=api_key,
            enforces_schema=enforces_schema,
            settings=settings,
        )
        self.cache = cache
        self.base_url = base_url
        self._client = Renewed(self._connect, reset_freq, per_process=True)

    @property
    def _address(self) -> str:
        return self.base_url or os.environ.get("OPENAI_BASE_URL") or OFFICIAL

    def _is_official(self) -> bool:
        return self._address.startswith("https://api.openai.com")

    def _connect(self) -> _Connected:
        import openai  # lazy: a vendor's SDK, 0.5 s

        key = self._secret("api_key") or os.environ.get(self._key_variable)
        if key is None and self._is_official():
            raise ModelRefused(
                "OpenAI wants a key: set OPENAI_API_KEY, or give api_key=... (which does not "
                "travel in a pickle); for a server of your own give base_url=..., and for a "
                'model without any server take LLM(backend="Local")'
            )
        # The client insists on a key; most servers of one's own do not.
        key = "unused" if callable(key) or not key else key
        client = openai.AsyncOpenAI(
            base_url=self._address, api_key=key, max_retries=0, http_client=_carrier()
        )
        return _Connected(client)

    def _sender(self, arguments: dict[str, Any]) -> Callable[[], Awaitable[Any]]:
        connected, route, options = self._client.get(), _route(arguments), _options(arguments)
        key = self._secret("api_key")
        if self._is_official() and "max_tokens" in arguments:
            # The newer name; OpenAI's reasoning models refuse the older one.
            arguments["max_completion_tokens"] = arguments.pop("max_tokens")
        body = {**arguments, **(arguments.pop("extra_body", None) or {})}

        async def send() -> Any:
            way = {"api_key": await _to_thread(key), **route} if callable(key) else route
            client = connected.client.with_options(**way) if way else connected.client
            if "stream" in body:
                return await self._whole_or_stream(await connected.begin(client, body, options))
            return await connected.ask(client, body, options)

        return send

    async def _whole_or_stream(self, stream: Any) -> Any:
        """The stream, or the whole answer of a server that does not stream."""
        headers = stream.response.headers
        if headers.get("content-type", "").startswith("application/json"):
            await stream.response.aread()
            return _with_headers(self._answer_of(stream.response.json()), headers)
        stream._response_headers = headers
        return stream

    def _answer_of(self, data: dict[str, Any]) -> Any:
        from openai.types.chat import ChatCompletion  # lazy: a vendor's SDK

        return ChatCompletion.model_construct(**data)

    def _can_enforce(self) -> bool:
        return self._is_official()


class CustomLLM(OpenAILLM):
    """A model behind a server of one's own, for example a LiteLLM proxy.

    Args:
        model: the model's name; None for ``TRACE_CUSTOMLLM_MODEL``, else "gpt-4o".
        reset_freq: seconds after which the client is made anew; None for never.
        cache: accepted for programs of the original; `LLM(cache=True)` is what caches.
        base_url: the server's address; None for ``TRACE_CUSTOMLLM_URL``.
        **settings: as of `OpenAILLM`; the key is ``TRACE_CUSTOMLLM_API_KEY`` if none is given.

    Raises:
        ModelMissing: nobody said where the server is.

    Example:
        >>> CustomLLM("llama", base_url="http://127.0.0.1:4000")
        CustomLLM('llama', base_url='http://127.0.0.1:4000')

    Source: SPEC 8.2.
    """

    _key_variable = "TRACE_CUSTOMLLM_API_KEY"

    def __init__(
        self,
        model: str | None = None,
        reset_freq: float | None = None,
        cache: bool = True,
        *,
        base_url: str | None = None,
        **settings: Any,
    ) -> None:
        address = base_url or os.environ.get("TRACE_CUSTOMLLM_URL")
        if not address:
            raise ModelMissing(
                "CustomLLM does not know its server: set TRACE_CUSTOMLLM_URL to its address, "
                "such as http://127.0.0.1:4000/v1, or give base_url=..."
            )
        super().__init__(
            model or os.environ.get("TRACE_CUSTOMLLM_MODEL") or DEFAULT_MODEL,
            reset_freq,
            cache,
            base_url=address,
            **settings,
        )


class _Connected:
    """A client whose connections are closed when nobody holds this any more.

    It is asked by ``post``, as for an address that it does not know. Its method for this
    one goes through all arguments, part by part, for values that it would have to
    translate: ours are plain, and it would take a fifth of the time of a call.
    """

    def __init__(self, client: Any) -> None:
        import openai  # lazy: a vendor's SDK
        from openai.types.chat import ChatCompletion, ChatCompletionChunk  # lazy: a vendor's SDK

        from opto.llm.loop import here  # lazy: asyncio, 30 ms of import

        self.client = client
        self._whole = openai.AsyncAPIResponse[ChatCompletion]
        self._parts = {
            "cast_to": ChatCompletion,
            "stream": True,
            "stream_cls": openai.AsyncStream[ChatCompletionChunk],
        }
        here().adopt(client.close, self)

    async def ask(self, client: Any, body: Any, options: Any) -> Any:
        response = await client.post(PATH, cast_to=self._whole, body=body, options=options)
        return _with_headers(await response.parse(), response.headers)

    async def begin(self, client: Any, body: Any, options: Any) -> Any:
        return await client.post(PATH, body=body, options=options, **self._parts)


def _carrier() -> Any:
    """What the client sends by: aiohttp, where it is installed, takes half the time of httpx."""
    import openai  # lazy: a vendor's SDK

    with suppress(ImportError, RuntimeError):  # not installed, or too old
        # lazy: an optional package
        import aiohttp  # noqa: F401 - whether it is there

        return openai.DefaultAioHttpClient()
    return None


def _with_headers(answer: Any, headers: Any) -> Any:
    """The answer, with the headers where LiteLLM keeps them: they tell limits."""
    if not isinstance(answer, str):  # else it is no completion
        answer._response_headers = headers
    return answer


async def _to_thread(key: Callable[[], str]) -> str:
    from asyncio import to_thread  # lazy: asyncio, 30 ms of import

    return await to_thread(key)  # it may ask somebody for the key


def _options(arguments: dict[str, Any]) -> dict[str, Any]:
    said = {theirs: arguments.pop(ours, None) for ours, theirs in OPTIONS.items()}
    # Without a limit is said by None; everything else is then left out.
    return {name: value for name, value in said.items() if value is not None or name == "timeout"}


def _route(arguments: dict[str, Any]) -> dict[str, Any]:
    """Where one request says itself that it goes, as LiteLLM's calls may."""
    if "headers" in arguments:
        arguments["extra_headers"] = arguments.pop("headers")
    names = {"api_key": "api_key", "base_url": "base_url", "api_base": "base_url"}
    return {ours: arguments.pop(name) for name, ours in names.items() if name in arguments}
