"""What a failed call means: whether to ask again, how long to wait, what to tell the user."""

from __future__ import annotations

import re
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Any

from opto.errors import AnswerError, ModelError, ModelRefused, ModelUnavailable, OptoError
from opto.llm.scrub import held, scrub
from opto.llm.secret import hide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Failure", "may_cost", "scrub", "sent_back"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What all failures of one kind have in common.

    Args:
        again: whether asking again can help.
        paid: whether the answer may have been paid for all the same.
        meaning: what it is and what to do about it.
    """

    again: bool
    paid: bool
    meaning: str


# By HTTP status. A provider that sends an error charges nothing; a gateway that did not wait
# for the answer leaves a model behind that may have gone on.
STATUSES: dict[int, Kind] = {
    400: Kind(False, False, "the model does not take this request"),
    401: Kind(False, False, "the key is missing or wrong: look at `api_key=`, and at the variable"),
    402: Kind(False, False, "the account has to be paid first"),
    403: Kind(False, False, "the key may not use this model"),
    404: Kind(False, False, "there is no such model or address: look at `model` and the base URL"),
    408: Kind(True, True, "it took too long; `timeout=` gives it more time"),
    409: Kind(True, False, "the provider was in the middle of something else"),
    413: Kind(False, False, "the request is too long: ask for less, or another model"),
    422: Kind(False, False, "the model does not take this request"),
    425: Kind(True, False, "the provider was not ready"),
    429: Kind(True, False, "too many requests: a `Governor` paces them"),
    500: Kind(True, False, "the provider failed"),
    502: Kind(True, False, "the provider failed"),
    503: Kind(True, False, "the provider is overloaded or down"),
    504: Kind(True, True, "the provider took too long"),
    524: Kind(True, True, "the provider took too long"),
    529: Kind(True, False, "the provider is overloaded"),
}
NO_CREDIT = Kind(False, False, "the account has no credit left: waiting does not help")
FILTERED = Kind(False, False, "the provider's content filter turned it down: say it otherwise")
TOO_LONG = Kind(False, False, "the prompt is longer than this model reads: ask for less")
# By the code in the body of an error, where that says more than the status.
CODES: dict[Any, Kind] = {
    "insufficient_quota": NO_CREDIT,
    "content_filter": FILTERED,
    "content_policy_violation": FILTERED,
    "context_length_exceeded": TOO_LONG,
}
# LiteLLM has read as much out of what other providers say.
LITELLMS_OWN = {
    "ContentPolicyViolationError": "content_filter",
    "ContextWindowExceededError": "context_length_exceeded",
}
NO_ANSWER = Kind(
    True, True, "what came is no answer of a model: look at the base URL, and what stands there"
)
BROKE_OFF = Kind(True, True, "the connection broke off before the answer was whole")
NO_TIME = Kind(True, True, STATUSES[408].meaning)
NOT_CONNECTED = Kind(True, False, "no connection was made: look at the base URL and your network")
# Of httpx, and of aiohttp, which carries LiteLLM's questions.
UNCONNECTED = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ClientConnectorError"})
# By the name of a class, of Python's or of some client's; the first one that is found tells most.
CLASSES: dict[str, Kind] = {
    "gaierror": Kind(
        True, False, "nobody knows the server's name: look at the base URL and your network"
    ),
    "SSLCertVerificationError": Kind(
        False, False, "the server's certificate is not trusted: look at the base URL and proxies"
    ),
    "SSLError": Kind(
        False, False, "the server does not speak TLS: look at the base URL, is it http or https?"
    ),
    "ConnectionRefusedError": Kind(
        True, False, "nothing listens at that address: start the server, or look at the base URL"
    ),
    "ModuleNotFoundError": Kind(False, False, "the client needs a package: install it"),
    **dict.fromkeys(sorted(UNCONNECTED), NOT_CONNECTED),
    **dict.fromkeys(
        (
            "NoCompletionError",
            "JSONDecodeError",
            "UnicodeDecodeError",
            "DecodingError",
            "APIResponseValidationError",
        ),
        NO_ANSWER,
    ),
}
# Characters of what was said that are searched for keys; a small part of them is quoted.
LOOKED_AT = 20_000
# How clients say it that look for a key before they send anything.
KEYLESS = re.compile(r"\bmissing (?:credentials|[\w ]{0,30}api key)\b", re.IGNORECASE)
NO_KEY = Kind(False, False, "there is no key: give `api_key=`, or set the provider's variable")
UNSENT = Kind(False, False, "the client did not send the request")


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
                garbled response, beside those that are known here.
            secrets: keys that must not be quoted, beside those of the environment.
        """
        links = list(_causes(error))
        kind = _kind(links) or (BROKE_OFF if isinstance(error, transient) else UNSENT)
        return cls(kind.again, kind.meaning, _said(links, secrets), _asked_wait(links))

    @classmethod
    def behind(cls, error: BaseException) -> Failure:
        """Understand what a model raised that made one attempt."""
        links = list(_causes(error))
        inner = links[1:] or links
        said, kind = _said(inner, ()), _kind(links)
        if not isinstance(error, ModelUnavailable):
            return cls(False, kind.meaning if kind else "the model refused the request", said)
        return cls(True, kind.meaning if kind else "no answer came", said, _asked_wait(links))

    def as_error(self, who: str, attempts: int, seconds: float) -> ModelError:
        """The exception for the user of a model that finally failed."""
        tried = f" after {attempts} attempts in {seconds:.0f} s" if attempts > 1 else ""
        later = f"; it asks to wait {round(self.wait, 1):g} s" if self.wait else ""
        kind, verb = (
            (ModelUnavailable, "did not answer")
            if self.transient
            else (ModelRefused, "refused the request")
        )
        hint = "; `patience=` and `max_retries=` give it more time" if self.transient else ""
        return kind(f"{who} {verb}{tried}: {self.meaning}{later} ({_brief(self.said)}){hint}")


def may_cost(error: BaseException) -> bool:
    """Whether a call that failed like this may have been paid for all the same.

    It was not where no connection was made, or where the provider sent back an error.
    It may have been where an answer did not come, or not whole: nobody told the provider
    to stop.

    Example:
        >>> may_cost(ConnectionRefusedError()), may_cost(TimeoutError())
        (False, True)
    """
    kind = _kind(list(_causes(error)))
    if kind is not None:
        return kind.paid
    return isinstance(error, (ModelUnavailable, AnswerError)) or not isinstance(error, Exception)


def sent_back(error: BaseException) -> tuple[int | None, Mapping[str, str]]:
    """The HTTP status and the headers that a server sent with an error.

    Args:
        error: what a client or a model raised.

    Returns:
        None and nothing where no server sent an error, whatever the client calls it.

    Example:
        >>> sent_back(TimeoutError())
        (None, {})
    """
    links = list(_causes(error))
    seen = [link for link in links if _is_http(link)]
    found = (held(held(link, "response"), "headers") for link in (*seen, *links))
    return _status(links), next((headers for headers in found if headers), {})


def _kind(links: list[BaseException]) -> Kind | None:
    """What it is; None where nothing in it is known."""
    status = _status(links)
    code = next(filter(None, map(_code, links)), None)
    if code in CODES and (status is None or status < 500):
        return CODES[code]
    if status is not None:
        return STATUSES.get(status) or Kind(status >= 500, False, f"HTTP status {status}")
    return _unanswered(links)


def _unanswered(links: list[BaseException]) -> Kind | None:
    """What it is where no server sent an error."""
    names = {kind.__name__ for link in links for kind in type(link).__mro__}
    for name, kind in CLASSES.items():
        # What TLS finds wrong later on broke a connection off that there was.
        if name in names and (name != "SSLError" or names & UNCONNECTED):
            return kind
    if any("Timeout" in name for name in names):
        return NO_TIME
    if any(map(_is_connection, links)):
        return BROKE_OFF
    if any(KEYLESS.search(str(link)) for link in links):
        return NO_KEY
    # What LiteLLM gives a status without having got one is an answer that it could not read.
    return NO_ANSWER if any(map(_is_of_litellm, links)) else None


def _status(links: list[BaseException]) -> int | None:
    """The HTTP status that a server sent; None where none was, or only a client made one up."""
    # What the transport saw goes before what a client made of it.
    seen = [
        getattr(held(link, "response"), "status_code", None) for link in links if _is_http(link)
    ]
    told = [
        status
        for link in links
        if isinstance(status := getattr(link, "status_code", None), int)
        and not (_is_of_litellm(link) and (status == 408 or status >= 500))
    ]
    return next((status for status in (*seen, *told) if status and status >= 400), None)


def _is_http(link: BaseException) -> bool:
    return type(link).__name__ == "HTTPStatusError"


def _is_of_litellm(link: object) -> bool:
    return type(link).__module__.startswith("litellm")


def _is_connection(link: BaseException) -> bool:
    # Their names are those of httpx, of which clients carry copies of their own.
    names = {kind.__name__ for kind in type(link).__mro__}
    return isinstance(link, ConnectionError) or bool(names & {"TransportError", "NetworkError"})


def _is_of_system(link: BaseException) -> bool:
    return isinstance(link, OSError) and type(link).__module__ in {"builtins", "socket", "ssl"}


def _code(link: BaseException) -> Any:
    if type(link).__name__ in LITELLMS_OWN:
        return LITELLMS_OWN[type(link).__name__]
    body = getattr(link, "body", None)
    return body.get("code") if isinstance(body, dict) else None


def _said(links: list[BaseException], secrets: Iterable[Any]) -> str:
    """What was said: by the provider, else by the network, else by the client."""
    first = links[0]
    # "Connection error." tells nothing; what stands behind it does, deepest in the system.
    telling = next((link for link in reversed(links) if _is_of_system(link)), None)
    telling = telling or next((link for link in links if type(link).__name__ in CLASSES), None)
    telling = telling or next((link for link in links if _is_connection(link)), first)
    said = [str(telling)[:LOOKED_AT]]
    if (_is_of_system(telling) or _is_connection(telling)) and (where := _where(links)):
        said.insert(0, f"{where}:")
    body = getattr(first, "body", None)
    if body and not (isinstance(body, dict) and str(body.get("message")) in said[-1]):
        said.append(str(body)[:LOOKED_AT])
    return hide(" ".join(said), *secrets)


def _where(links: list[Any]) -> str:
    """Host and port of the server; no more of its address, which may hold a key."""
    for link in reversed(links):  # LiteLLM gives its own errors an address of its making
        url = held(held(link, "request"), "url")
        if hasattr(url, "host"):
            return f"{url.host}:{url.port}" if url.port else str(url.host)
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it.

    What Python hides is followed, too: httpcore hides why it has no connection. But an
    error that is raised while another is being handled has that as its context, and did not
    come of it: another model's failure, and whatever stands behind a time limit of ours.
    """
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if type(link) is TimeoutError else link.__context__)
        if isinstance(link, OptoError):
            return


def _asked_wait(links: list[BaseException]) -> float | None:
    for link in links:
        headers = getattr(getattr(link, "response", None), "headers", None) or {}
        if "retry-after-ms" in headers or "retry-after" in headers:
            return _wait_in(headers)
    return None


def _wait_in(headers: Mapping[str, str]) -> float | None:
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return max(0.0, float(headers["retry-after"]))
    except ValueError:
        return _until(headers.get("retry-after", ""))


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
