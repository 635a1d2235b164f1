"""Keys are taken out of all that an exception holds, and of what led to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.llm.redact import redacted
from opto.llm.secret import hide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["held", "scrub"]

# Characters that are kept of a text in an exception.
KEPT = 10_000
# What is searched in an exception.
PLAIN = (str, bytes, list, tuple, dict)


def scrub(error: BaseException, secrets: Iterable[Any] = ()) -> None:
    """Take keys out of what `error`, and what caused it, say of themselves.

    Args:
        error: what a client raised.
        secrets: keys, beside those of the environment.
    """
    unwanted = tuple(secret for secret in secrets if isinstance(secret, str))
    for link in _chain(error):
        link.args = redacted(_cut(link.args, unwanted), unwanted)
        # Bytes that were no text are in no `vars`.
        for name in (*vars(link), "object"):
            said = getattr(link, name, None)
            if isinstance(said, PLAIN):
                clean = redacted(_cut(said, unwanted), unwanted)
                if clean != said:
                    setattr(link, name, clean)
        for told in (held(link, "request"), held(link, "response")):
            _scrub_message(told, unwanted)
            _scrub_message(held(told, "request"), unwanted)


def _cut(value: Any, secrets: tuple[str, ...]) -> Any:
    """The value with its longest texts cut: an error of 40 MB is read by nobody.

    They are cut far behind what is kept of them, so that no half of a secret is left.
    """
    if isinstance(value, (str, bytes)) and len(value) > 2 * KEPT:
        return redacted(value[: 2 * KEPT], secrets)[:KEPT]
    if isinstance(value, dict):
        return {key: _cut(item, secrets) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_cut(item, secrets) for item in value)
    return value


def _scrub_message(message: Any, secrets: tuple[str, ...]) -> None:
    """Take keys out of a request or response of httpx, which has been sent or read already."""
    headers = held(message, "headers")
    if headers is None or not hasattr(message, "__dict__"):
        return
    for name, value in list(headers.items()):
        [clean] = redacted({name: value}, secrets).values()
        if clean != value:
            headers[name] = clean
    url = held(message, "url")
    if url is not None and (shown := hide(str(url), *secrets)) != str(url):
        message.url = type(url)(shown)
    inside = vars(message)
    if isinstance(body := inside.get("_content"), bytes):
        inside["_content"] = redacted(body, secrets)
    inside.pop("_text", None)


def held(holder: Any, name: str) -> Any:
    """What an object of a client holds under a name; None where it holds nothing."""
    try:
        return getattr(holder, name, None)
    except RuntimeError:  # httpx's way to say that it holds none
        return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """All errors that can be reached from this one, also what Python does not show."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [link.__cause__, link.__context__]
