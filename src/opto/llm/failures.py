"""What a failed call means: whether to ask again, how long to wait, what to tell the user."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import time
from typing import TYPE_CHECKING, Any

from opto.errors import AnswerError, ModelError, ModelRefused, ModelUnavailable
from opto.llm.secret import hide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Failure", "may_cost", "scrub"]

# HTTP status -> whether asking again can help, and what to say about it.
STATUSES: dict[int, tuple[bool, str]] = {
    400: (False, "the model does not take this request"),
    401: (False, "the key is missing or wrong"),
    402: (False, "the account has to be paid first"),
    403: (False, "the key may not use this model"),
    404: (False, "there is no such model or address: look at `model` and the base URL"),
    408: (True, "it took too long; `timeout=` gives it more time"),
    409: (True, "the provider was in the middle of something else"),
    413: (False, "the request is too long"),
    422: (False, "the model does not take this request"),
    425: (True, "the provider was not ready"),
    429: (True, "too many requests"),
    500: (True, "the provider failed"),
    502: (True, "the provider failed"),
    503: (True, "the provider is overloaded or down"),
    504: (True, "the provider took too long"),
    529: (True, "the provider is overloaded"),
}
# Classes of clients for a connection that was never made, ...
NOT_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "PoolTimeout", "gaierror"}
)
# ... and for a response that broke off or made no sense.
BROKEN = frozenset({"APIConnectionError", "JSONDecodeError", "NoCompletionError"})
# Statuses of gateways that did not wait for the answer: the model may have gone on.
GAVE_UP = frozenset({408, 504, 524})
# A 429 that no waiting heals.
NO_CREDIT = "insufficient_quota"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed call, understood.

    Args:
        transient: whether asking again can help.
        meaning: what it is, in our words.
        said: what the provider said, without keys.
        wait: seconds that the provider asks to wait; None where it does not say.
    """

    transient: bool
    meaning: str
    said: str
    wait: float | None = None

    @classmethod
    def of(
        cls,
        error: BaseException,
        transient: tuple[type[BaseException], ...] = (),
        secrets: Iterable[Any] = (),
    ) -> Failure:
        """Understand what a client raised.

        Args:
            error: the exception.
            transient: classes of the client that stand for a broken connection or a
                garbled response, beside those of Python.
            secrets: keys that must not be quoted.
        """
        said = hide(str(error), *secrets)
        if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
            return cls(True, STATUSES[408][1], said, _asked_wait(error))
        if isinstance(error, (ConnectionError, *transient)):
            return cls(True, "the connection failed, or what came over it was broken", said)
        status = getattr(error, "status_code", None)
        if not isinstance(status, int):
            return cls(False, "the client did not send the request", said)
        body = getattr(error, "body", None)
        if isinstance(body, dict) and body.get("code") == NO_CREDIT:
            return cls(False, "the account has no credit left", said)
        again, meaning = STATUSES.get(status, (status >= 500, f"HTTP status {status}"))
        return cls(again, meaning, said, _asked_wait(error))

    @classmethod
    def behind(cls, error: BaseException) -> Failure:
        """Understand what a model raised that made one attempt."""
        cause = error.__cause__ or error
        if not isinstance(error, ModelUnavailable):
            return cls(False, "the model refused the request", hide(str(cause)))
        has_status = isinstance(getattr(cause, "status_code", None), int)
        return replace(cls.of(cause, () if has_status else (type(cause),)), transient=True)

    def as_error(self, who: str, attempts: int, seconds: float) -> ModelError:
        """The exception for the user of a model that finally failed."""
        tried = f" after {attempts} attempts in {seconds:.0f} s" if attempts > 1 else ""
        later = f"; it asks to wait {self.wait:.0f} s" if self.wait else ""
        kind, verb = (
            (ModelUnavailable, "did not answer")
            if self.transient
            else (ModelRefused, "refused the request")
        )
        return kind(f"{who} {verb}{tried}: {self.meaning}{later} ({_brief(self.said)})")


def may_cost(error: BaseException) -> bool:
    """Whether a call that failed like this may have been paid for all the same.

    It was not where no connection was made, or where the provider sent back an error.
    It may have been where an answer did not come, or not whole: nobody told the provider
    to stop.

    Example:
        >>> may_cost(ConnectionRefusedError()), may_cost(TimeoutError())
        (False, True)
    """
    links = list(_chain(error))
    names = {type(link).__name__ for link in links}
    if names & NOT_SENT:
        return False
    statuses = {getattr(link, "status_code", None) for link in links}
    # LiteLLM gives broken connections a status of its own making.
    if names & BROKEN or statuses & GAVE_UP or any("Timeout" in name for name in names):
        return True
    if any(isinstance(status, int) for status in statuses):
        return False
    return isinstance(error, (ModelUnavailable, AnswerError)) or not isinstance(error, Exception)


def scrub(error: BaseException, secrets: Iterable[Any]) -> None:
    """Take keys out of what `error`, and what caused it, say of themselves."""
    secrets = tuple(secrets)
    for link in _chain(error):
        link.args = tuple(hide(a, *secrets) if isinstance(a, str) else a for a in link.args)
        if isinstance(getattr(link, "message", None), str):
            link.message = hide(link.message, *secrets)  # type: ignore[attr-defined]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _asked_wait(error: BaseException) -> float | None:
    headers: Mapping[str, str] = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return max(0.0, float(headers["retry-after"]))
    except KeyError:
        return None
    except ValueError:
        return _until(headers["retry-after"])


def _until(date: str) -> float | None:
    # lazy: 20 ms of import, for a form of the header that few providers use
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time())
    except ValueError:
        return None


def _brief(text: str, limit: int = 400) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."
