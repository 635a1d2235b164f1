"""What may go wrong with a provider, and what comes of it: one table.

`tests/llm/test_faults.py` makes each row happen to each client; `tests/docs/test_asking.py`
holds that `docs/asking.md` shows this table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from opto.errors import ModelRefused, ModelUnavailable
from opto.llm import Reply
from tests.support.faulty_server import Fault, completion

__all__ = ["BIG", "ROWS", "Row", "table"]

# Places that are no server: a name that nobody knows, a door that nobody opens.
NOWHERE, CLOSED, PLAIN = "nowhere", "closed", "plain"
BIG = 40_000_000


def error(message: str = "as the test wants it", code: Any = None) -> bytes:
    """The body of an error, as OpenAI's API writes it."""
    said = {"message": message, "type": "error", "param": None, "code": code}
    return json.dumps({"error": said}).encode()


@dataclass(frozen=True)
class Row:
    """One thing that may go wrong.

    Args:
        what: what happens.
        fault: what the server does, or where there is none.
        result: what the program gets: an exception, or a `Reply`.
        again: whether the request is sent again.
        paid: whether the answer may have been paid for all the same.
        says: what the message of the exception, or the reply, says of it.
        timeout: seconds that an attempt may take, in the test.
        waits: seconds that lie between two attempts at least.
    """

    what: str
    fault: Fault | str
    result: type
    again: bool
    paid: bool
    says: str
    timeout: float = 10.0
    waits: float = 0.0


def passes(what: str, fault: Fault | str, says: str, *, paid: bool = False, **how: Any) -> Row:
    """What may pass: it is tried again."""
    return Row(what, fault, ModelUnavailable, again=True, paid=paid, says=says, **how)


def garbled(what: str, body: bytes, **headers: str) -> Row:
    """A response with status 200 that is no answer."""
    fault = Fault(body=body, headers=headers)
    return passes(what, fault, "what came is no answer of a model", paid=True)


def stays(what: str, fault: Fault | str, says: str) -> Row:
    """What no waiting heals: it is asked once."""
    return Row(what, fault, ModelRefused, again=False, paid=False, says=says)


def answers(what: str, body: bytes, says: str, **headers: str) -> Row:
    """What is a reply: it was written, and is paid for."""
    fault = Fault(body=body, headers=headers)
    return Row(what, fault, Reply, again=False, paid=True, says=says)


ROWS = (
    passes("DNS: nobody knows the server's name", NOWHERE, "nobody knows the server's name"),
    passes("connection refused", CLOSED, "nothing listens at that address"),
    stays("`https://` where the server speaks `http`", PLAIN, "is it http or https?"),
    passes(
        "connection reset in the middle of the answer",
        Fault(ending="reset"),
        "the connection broke off",
        paid=True,
    ),
    passes(
        "silence until `timeout`",
        Fault(ending="silent"),
        "`timeout=` gives it more time",
        paid=True,
        timeout=0.6,
    ),
    passes(
        "slow drip: bytes arrive in time, and never end, until `timeout`",
        Fault(body=b'{"id": "', ending="drip"),
        "`timeout=` gives it more time",
        paid=True,
        timeout=0.6,
    ),
    stays("400", Fault(400, error()), "the model does not take this request"),
    stays(
        "400, prompt too long",
        Fault(400, error(code="context_length_exceeded")),
        "the prompt is longer than this model reads",
    ),
    stays(
        "400, content filter",
        Fault(400, error(code="content_filter")),
        "the provider's content filter turned it down",
    ),
    stays(
        "400, and the body is no error as it should be",
        Fault(400, b'{"detail": [{"msg": "the field is missing"}]}'),
        "the field is missing",
    ),
    stays("401", Fault(401, error()), "the key is missing or wrong"),
    stays("402", Fault(402, error()), "the account has to be paid first"),
    stays("403", Fault(403, error()), "the key may not use this model"),
    stays("404", Fault(404, error()), "there is no such model or address"),
    passes("408", Fault(408, error()), "`timeout=` gives it more time", paid=True),
    passes("409", Fault(409, error()), "the provider was in the middle of something else"),
    stays("413", Fault(413, error()), "the request is too long"),
    stays("422", Fault(422, error()), "the model does not take this request"),
    passes("425", Fault(425, error()), "the provider was not ready"),
    passes("429", Fault(429, error()), "too many requests"),
    passes(
        "429, `Retry-After` in seconds",
        Fault(429, error(), {"Retry-After": "0.5"}),
        "it asks to wait 0.5 s",
        waits=0.5,
    ),
    passes(
        "429, `Retry-After-Ms`",
        Fault(429, error(), {"Retry-After-Ms": "400", "Retry-After": "9"}),
        "it asks to wait 0.4 s",
        waits=0.4,
    ),
    passes(
        "429, `Retry-After` as a date",
        Fault(429, error(), {"Retry-After": "in 2 seconds"}),
        "too many requests",
        waits=0.5,
    ),
    Row(
        "429, `Retry-After` beyond `patience`",
        Fault(429, error(), {"Retry-After": "3600"}),
        ModelUnavailable,
        again=False,
        paid=False,
        says="it asks to wait 3600 s",
    ),
    stays(
        "429, `insufficient_quota`",
        Fault(429, error(code="insufficient_quota"), {"Retry-After": "1"}),
        "the account has no credit left",
    ),
    passes("500", Fault(500, error()), "the provider failed"),
    passes(
        "500, and the body is no error as it should be",
        Fault(500, b'["out of memory", 1]'),
        "out of memory",
    ),
    passes(
        "502, with a page of a gateway",
        Fault(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}),
        "the provider failed",
    ),
    passes("503", Fault(503, error()), "the provider is overloaded or down"),
    passes("504", Fault(504, error()), "the provider took too long", paid=True),
    passes("529", Fault(529, error()), "the provider is overloaded"),
    garbled("200, invalid JSON", completion()[:60]),
    garbled("200, not UTF-8", completion("@").replace(b"@", b"\xff")),
    garbled("200, an empty body", b""),
    garbled("200, a compressed body that is none", b"what", **{"Content-Encoding": "gzip"}),
    garbled(
        "200, the wrong content type: a login page",
        b"<html><body>Please log in</body></html>",
        **{"Content-Type": "text/html"},
    ),
    garbled("200, JSON of another shape", b'{"answer": 42}'),
    garbled("200, no choices", completion(choices=[])),
    garbled("200, choices of the wrong type", completion(choices={"0": "ok"})),
    garbled("200, a choice without a message", completion(choices=[None])),
    garbled("200, an error in the place of an answer", error()),
    answers(
        "200, JSON with the content type of a plain text",
        completion("as it should be"),
        "as it should be",
        **{"Content-Type": "text/plain"},
    ),
    answers("truncated by length", completion('{"cut', "length"), 'finish_reason == "length"'),
    answers(
        "content filter, after the question was read",
        completion(None, "content_filter"),
        'finish_reason == "content_filter"',
    ),
    answers(
        "wrong schema: the text is JSON, but not as it was asked for",
        completion('{"verdict": "none of the names"}'),
        '{"verdict": "none of the names"}',
    ),
    answers("a reply of 40 MB", completion("x" * BIG), "x" * BIG),
)


def table() -> str:
    """The rows, as the page shows them."""
    head = (
        "| what happens | what you get | asked again | may cost | it says |\n|---|---|---|---|---|"
    )
    return "\n".join([head, *map(_line, ROWS)])


def _line(row: Row) -> str:
    again = "yes" if row.again else "no"
    if row.waits:
        again = "yes, after that time"
    paid = "yes" if row.paid else "no"
    says = f"`{row.says}`" if row.result is Reply else row.says
    if len(says) > 100:
        says = "the whole text"
    return f"| {row.what} | `{row.result.__name__}` | {again} | {paid} | {says} |"
