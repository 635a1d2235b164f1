"""Questions through AutoGen's own client, whose connections are carried by our event loop."""

from __future__ import annotations

import os
import sys
from json import loads
from threading import Lock
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from opto.errors import ModelMissing
from opto.llm.completion import NoCompletionError, checked
from opto.llm.openai import OpenAILLM
from opto.llm.packages import installed
from opto.llm.renewed import Renewed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opto.llm.live import Live
    from opto.llm.types import Request

__all__ = ["Wrapper", "suits", "wrapper_class"]

# What a connection did to the bytes of an answer, which are given on as they were before.
ENCODED = frozenset({"content-encoding", "content-length", "transfer-encoding"})
# What completions are asked with by name; all else goes into the body as it is.
NAMED = frozenset({"extra_headers", "extra_query"})
_door = Lock()


def wrapper_class() -> Any:
    """AutoGen's ``OpenAIWrapper``; None where AutoGen 0.2 is not installed.

    Raises:
        ModelMissing: it is installed, and cannot be imported.
    """
    if not installed("autogen"):
        return None
    with _door:
        if "autogen" not in sys.modules:
            # A package that it stands on advises to install more of it.
            with catch_warnings():
                simplefilter("ignore")
                _import()
    return getattr(sys.modules["autogen"], "OpenAIWrapper", None)


def suits(models: Sequence[Any], request: Request) -> bool:
    """Whether AutoGen's client can ask these models this: it prints what it streams.

    A model at OpenAI without a key is left to `OpenAILLM`, which says what to do.
    """
    pieces = request.extra.get("stream") or (request.live is not None and request.live.listens)
    return not pieces and all(
        type(model) is OpenAILLM and (_key(model) or not model._is_official()) for model in models
    )


def _import() -> None:
    try:
        # lazy: a vendor's SDK, 1 s
        import autogen  # noqa: F401 - others find it in `sys.modules`
    except ImportError as error:
        raise ModelMissing(
            f"AutoGen is installed, and cannot be imported: {error}; "
            f'pip install "autogen-agentchat==0.2.40" repairs it, '
            f"and without it AutoGenLLM asks by itself"
        ) from error


class Wrapper:
    """Asks through ``autogen.OpenAIWrapper``: each configuration in turn, as AutoGen does.

    What AutoGen would do beyond that is switched off: its cache, which unpickles whatever
    lies in its folder (CVE-2025-69872), and its client's retries. A wrapper is made for each
    question, which takes less than 0.1 ms; the connections below it stay.

    Args:
        reset_freq: seconds after which connections are made anew; None for never.
    """

    def __init__(self, reset_freq: float | None = None) -> None:
        self._connected = Renewed(_Connected, reset_freq, per_process=True)

    def ask(
        self,
        wrapper: Any,
        models: Sequence[OpenAILLM],
        request: Request,
        extras: Mapping[str, Any],
    ) -> Any:
        """What the first of the models answers that can.

        Args:
            wrapper: AutoGen's class.
            models: what is asked, in turn.
            request: the question.
            extras: arguments that are AutoGen's own, such as ``filter_func``.

        Raises:
            Exception: what AutoGen or its client raises.
        """
        line = _Line(self._connected.get(), request.live)
        client = line.client()
        configs = [_config(wrapper, model, request, client) for model in models]
        messages = [dict(message) for message in request.messages]
        answer = wrapper(config_list=configs).create(messages=messages, **extras)
        # It holds the client, and with it a key.
        del answer.message_retrieval_function
        answer._response_headers = line.headers
        return answer


def _config(wrapper: Any, model: OpenAILLM, request: Request, client: Any) -> dict[str, Any]:
    """One entry of the list: a question's arguments go before the entry's, not after them.

    AutoGen lets an entry go before a question, against its own documentation; so the
    entries hold everything that is asked, and the question no more than its messages.
    """
    said: dict[str, Any] = {"model": model.model_name, "timeout": model.timeout}
    said |= {name: held.value for name, held in model._secrets.items() if name != "api_key"}
    said |= request.over(model.defaults).arguments()
    del said["messages"]
    if "headers" in said:
        said["extra_headers"] = said.pop("headers")
    if "api_base" in said:
        said["base_url"] = said.pop("api_base")
    if model._is_official() and "max_tokens" in said:
        said["max_completion_tokens"] = said.pop("max_tokens")
    known = NAMED | {"model"} | wrapper.openai_kwargs
    body = {n: said.pop(n) for n in list(said) if n not in known and n != "extra_body"}
    key = said.get("api_key") or _key(model)
    return {
        "base_url": model._address,
        **said,
        # The client insists on one; most servers of one's own do not.
        "api_key": key() if callable(key) else key or "unused",
        "extra_body": {**body, **(said.get("extra_body") or {})},
        "http_client": client,
        "max_retries": 0,
        "cache_seed": None,
        # What it has no price for, AutoGen calls free, and prints that it does.
        "price": (0.0, 0.0),
    }


def _key(model: OpenAILLM) -> Any:
    return model._secret("api_key") or os.environ.get(model._key_variable)


class _Connected:
    """Connections that are closed when nobody holds this any more."""

    def __init__(self) -> None:
        import openai  # lazy: a vendor's SDK, 0.5 s

        from opto.llm.loop import here  # lazy: asyncio, 30 ms of import

        self.carrier = openai.DefaultAsyncHttpxClient()
        # Which of the packages of that family OpenAI's client stands on depends on its version.
        base = openai.DefaultAsyncHttpxClient.__mro__[1]
        self.http: Any = sys.modules[base.__module__.partition(".")[0]]
        here().adopt(self.carrier.aclose, self)


class _Line:
    """Carries the requests of one question, in the place of a transport of the client's own.

    AutoGen's client blocks its thread in a socket, where nobody can call it back. Carried by
    the loop, a request ends with its time limit, and when the question is cancelled.
    """

    def __init__(self, connected: _Connected, live: Live | None) -> None:
        self.connected = connected
        self.live = live
        #: Of the last answer; they tell limits.
        self.headers: Any = {}

    def client(self) -> Any:
        """What OpenAI's client takes as its ``http_client``."""
        return self.connected.http.Client(transport=self)

    def handle_request(self, request: Any) -> Any:
        """The answer to one request, once it is there."""
        from opto.llm.loop import here  # lazy: asyncio, 30 ms of import

        http = self.connected.http
        limit = (request.extensions.get("timeout") or {}).get("read")
        seconds = None if limit is None else limit * 1.1 + 0.1
        try:
            got = here().run(
                lambda: self.connected.carrier.send(request), seconds=seconds, live=self.live
            )
        except TimeoutError as late:
            raise http.ReadTimeout(str(late), request=request) from late
        self.headers = got.headers
        if got.is_success:
            try:
                checked(_read(got.text))
            except NoCompletionError as none:
                # A kind that AutoGen's client knows, so that the next model is asked.
                raise http.RemoteProtocolError(str(none), request=request) from none
        headers = [pair for pair in got.headers.multi_items() if pair[0] not in ENCODED]
        return http.Response(got.status_code, headers=headers, content=got.content)

    def close(self) -> None:
        """The connections are not this question's alone."""


def _read(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        return text
