"""What all models behind a network have in common: time limits, retries, kept secrets."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from difflib import get_close_matches
from inspect import signature
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError, ModelUnavailable
from opto.llm.assembled import Assembled
from opto.llm.completion import NoCompletionError, checked
from opto.llm.failures import Failure, scrub
from opto.llm.port import LLM
from opto.llm.retry import Retry
from opto.llm.secret import Secret, hide, is_secret
from opto.llm.types import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from opto.llm.live import Live

__all__ = ["RemoteLLM"]


class RemoteLLM(LLM):
    """A model that is reached through a vendor's client.

    A backend says how a request is sent (`_sender`); this class bounds its time,
    tries again, and turns what the client raises into this library's errors. The
    clients' own retries are switched off, so that nobody retries twice.

    Args:
        model: the model's name.
        timeout: seconds that one attempt may take; None for no limit.
        max_retries: how often a failed call is tried again at most.
        base_delay: seconds before the first retry; later ones wait longer.
        patience: seconds after the first attempt at which no further one starts.
        api_key: the key; None for what the client finds in the environment.
        enforces_schema: whether the model can be held to a JSON schema; None to find out.
        settings: defaults for the arguments of every request, by name.
    """

    base_url: str | None = None

    def __init__(
        self,
        model: str,
        *,
        timeout: float | None,
        max_retries: int,
        base_delay: float,
        patience: float,
        api_key: Any,
        enforces_schema: bool | None,
        settings: dict[str, Any],
    ) -> None:
        _refuse_misspelt(type(self), settings)
        self.model_name = model
        self.timeout = timeout
        self.retry = Retry(max_retries, base_delay, patience=patience)
        self.defaults = {k: v for k, v in settings.items() if not is_secret(k)}
        self._secrets = {k: Secret(v) for k, v in settings.items() if is_secret(k)}
        self._secrets["api_key"] = Secret(api_key)
        self._enforces = enforces_schema

    @property
    def enforces_schema(self) -> bool:
        """Whether the model can be held to a JSON schema while it answers."""
        return self._can_enforce() if self._enforces is None else self._enforces

    def answer(self, request: Request) -> Reply:
        """Send the request, and again where that can help.

        Raises:
            ModelUnavailable: no answer came in time; the cause is the client's last error.
            ModelRefused: the provider turned the request down; the cause says why. A
                400 may be about ``response_format``: asking without it can help.
            ModelMissing: the client's package is not installed.
            asyncio.CancelledError: nobody wants the answer any more; the connection is closed.
        """
        from opto.llm.loop import here  # lazy: asyncio, 30 ms of import

        live = request.live
        arguments: dict[str, Any] = {"model": self.model_name, "timeout": self.timeout}
        arguments |= {k: v.value for k, v in self._secrets.items() if k != "api_key"}
        arguments |= request.over(self.defaults).arguments()
        if arguments.pop("stream", False):
            raise ArgumentError(
                "a model answers with the whole text; for its pieces leave out stream=True and "
                "ask by LLM.stream(messages, ...)"
            )
        hears = live if live is not None and live.listens and self._streams(arguments) else None
        if hears is not None:
            arguments = _streamed(arguments, hears)
        who = f"{type(self).__name__} {arguments['model']!r}"
        limit = _with_grace(arguments["timeout"])
        # The package is imported by this, outside of the time that an attempt may take.
        send = self._sender(arguments)
        raw = self.retry.run(
            lambda: here().run(lambda: self._attempt(send, hears), seconds=limit, live=live),
            judge=self._judge,
            who=who,
            live=live,
        )
        return Reply.read(raw, request.digest)

    async def _attempt(self, send: Callable[[], Awaitable[Any]], live: Live | None) -> Any:
        raw = await send()
        # What a client has at hand, it may give as a whole although it was asked to stream.
        if live is None or not hasattr(raw, "__aiter__"):
            return checked(raw)
        before = live.given
        try:
            return checked(await self._told(raw, live))
        except BaseException:
            live.broken = live.given > before
            raise

    async def _told(self, stream: Any, live: Live) -> Any:
        """The whole answer, after its pieces were given to whoever listens."""
        whole = Assembled()
        try:
            async for chunk in stream:
                live.text(whole.add(chunk.model_dump()))
        except Exception as error:
            if self._judge(error).transient or hasattr(error, "status_code"):
                raise
            raise NoCompletionError(f"the stream broke off: {error}") from error
        finally:
            # A stream that is left as it is keeps its connection, and the model its work.
            await _closed(stream)
        data = whole.data()
        if not whole.ended:
            raise NoCompletionError("the stream ended, and the answer had not")
        answer = self._answer_of(data)
        with suppress(AttributeError):
            answer._response_headers = stream._response_headers
        return answer

    def _streams(self, arguments: dict[str, Any]) -> bool:  # noqa: ARG002 - some cannot stream all
        """Whether the client can stream the answer to this; else its text is one piece."""
        return True

    @abstractmethod
    def _sender(self, arguments: dict[str, Any]) -> Callable[[], Awaitable[Any]]:
        """What sends a request with these arguments, once.

        It returns the client's answer, or with the argument ``stream`` what iterates over
        the client's chunks and has ``aclose()``.
        """

    @abstractmethod
    def _answer_of(self, data: dict[str, Any]) -> Any:
        """The client's object for a whole answer, from plain data in OpenAI's form."""

    @abstractmethod
    def _can_enforce(self) -> bool:
        """Whether this model, at this provider, can be held to a JSON schema."""

    def _judge(self, error: BaseException) -> Failure:
        secrets = [secret.value for secret in self._secrets.values()]
        scrub(error, secrets)
        return Failure.of(error, secrets=secrets)

    def _secret(self, name: str) -> Any:
        """A secret argument, or None; it is None in a copy that came out of a pickle."""
        return self._secrets[name].value

    def __repr__(self) -> str:
        shown = {"base_url": self.base_url, **self.defaults}
        rest = "".join(f", {k}={v!r}" for k, v in shown.items() if v is not None)
        return hide(f"{type(self).__name__}({self.model_name!r}{rest})")


async def _closed(stream: Any) -> None:
    """Close a client's stream, by whichever name its release has for that."""
    # LiteLLM's older streams can only be closed within.
    for holder in (stream, getattr(stream, "completion_stream", None)):
        close = getattr(holder, "aclose", None) or getattr(holder, "close", None)
        if close is not None:
            await close()
            return


def _streamed(arguments: dict[str, Any], live: Live) -> dict[str, Any]:
    if live.broken:
        raise ModelUnavailable(
            "part of an answer was given before it broke off; another one would begin anew"
        )
    arguments = {"stream_options": {"include_usage": True}, **arguments, "stream": True}
    # As one leaves it out for a server that does not know it.
    return {k: v for k, v in arguments.items() if k != "stream_options" or v is not None}


def _with_grace(timeout: Any) -> float | None:
    # The client's own limit comes first: its error tells more than ours.
    return timeout * 1.1 + 0.1 if isinstance(timeout, (int, float)) else None


def _refuse_misspelt(backend: type[RemoteLLM], settings: Iterable[str]) -> None:
    """Anything may be an argument of a provider, except what is nearly one of ours."""
    classes = [c for c in backend.__mro__ if issubclass(c, RemoteLLM) and "__init__" in vars(c)]
    taken = {name for c in classes for name in signature(c.__init__).parameters}
    own = sorted(taken - {"self", "settings"})
    for name in settings:
        if get_close_matches(name, own, n=1, cutoff=0.8):
            raise ArgumentError.unknown(f"{backend.__name__}()", [name], own)
