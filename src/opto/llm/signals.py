"""What a provider says about its limits, beside the answer or in refusing it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.errors import ModelUnavailable
from opto.llm.failures import Failure, sent_back

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opto.llm.types import Reply

__all__ = ["Allowance", "Signals", "seconds_in"]

# Statuses by which a provider says: not so fast.
TOO_FAST = frozenset({429, 529})
SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Allowance:
    """One of a provider's limits, as its headers tell it; None where they do not.

    Args:
        limit: how many a minute. Some providers mean a day: they are understood as laxer
            than they are, and correct it when they refuse.
        left: how many of them are left now.
        reset: seconds until there are more.
    """

    limit: float | None = None
    left: float | None = None
    reset: float | None = None

    @property
    def used_up(self) -> float:
        """Seconds in which nothing is left; 0 where something is, or nobody says."""
        return self.reset or 0.0 if self.left is not None and self.left < 1 else 0.0


@dataclass(frozen=True, slots=True)
class Signals:
    """What one call taught about limits.

    Args:
        refused: the provider said that calls come too fast.
        answered: it gave an answer.
        wait: seconds that it asks to wait.
        requests: its limit of requests.
        tokens: its limit of tokens.
    """

    refused: bool = False
    answered: bool = False
    wait: float | None = None
    requests: Allowance = Allowance()
    tokens: Allowance = Allowance()

    @classmethod
    def of_reply(cls, reply: Reply) -> Signals:
        """From the headers of an answer, where its client kept them."""
        headers = getattr(reply.raw, "_response_headers", None) or {}
        return cls(
            answered=True, requests=_read(headers, "requests"), tokens=_read(headers, "tokens")
        )

    @classmethod
    def of_error(cls, error: BaseException) -> Signals:
        """From what a model raised that made one attempt."""
        status, headers = sent_back(error)
        if not isinstance(error, ModelUnavailable) or status not in TOO_FAST:
            return cls()
        return cls(
            refused=True,
            wait=Failure.behind(error).wait,
            requests=_read(headers, "requests"),
            tokens=_read(headers, "tokens"),
        )


def seconds_in(span: str) -> float | None:
    """Seconds in a span of time as headers write it; None where it is none.

    Example:
        >>> seconds_in("6m0.5s"), seconds_in("120ms"), seconds_in("30"), seconds_in("soon")
        (360.5, 0.12, 30.0, None)
    """
    if (number := _number(span)) is not None:
        return number
    parts = SPAN.findall(span)
    if not parts or "".join(map("".join, parts)) != span:
        return None
    return sum(float(amount) * UNITS[unit] for amount, unit in parts)


def _read(headers: Mapping[str, Any], what: str) -> Allowance:
    limit, left, reset = (
        headers.get(f"x-ratelimit-{name}-{what}") for name in ("limit", "remaining", "reset")
    )
    return Allowance(_number(limit), _number(left), None if reset is None else seconds_in(reset))


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
