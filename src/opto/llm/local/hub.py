"""Weights from the publisher's hub: one HTTP file, resumed where it broke off.

The client is the standard library's: `openai` brings `httpx` in some versions and `httpx2`
in others, and neither is ours to lean on for one GET.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING

from opto.errors import ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPResponse
    from pathlib import Path

    from opto.llm.local.pins import Weights

__all__ = ["fetch"]

CHUNK = 1 << 18
SILENCE = 10.0
"""Seconds without a byte, from the connection on, after which a stretch is given up."""
FRUITLESS = 3
"""Stretches in a row that may bring nothing once the first one brought something."""
PAUSE = 1.0
"""Seconds of rest for each fruitless stretch before it."""

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def fetch(weights: Weights, part: Path, tell: Callable[[int], None]) -> None:
    """Complete `part`, which holds the first bytes of the file (or none yet).

    Args:
        weights: the file wanted.
        part: the unfinished file; what is in it is kept and continued.
        tell: called with the length reached, again and again.

    Raises:
        ModelUnavailable: the hub cannot be reached or does not have the file.
            `part` keeps what came.
    """
    start = furthest = _length(part)
    fruitless = 0
    while _length(part) < weights.size:
        time.sleep(fruitless * PAUSE)
        failure = _stretch(weights, part, tell)
        reached = _length(part)
        fruitless = 0 if reached > furthest else fruitless + 1
        furthest = max(furthest, reached)
        # A hub that never gave a byte is not reachable from here: the next source is tried
        # at once instead of keeping the user waiting.
        if fruitless and (furthest == start or fruitless >= FRUITLESS):
            raise ModelUnavailable(f"{weights.url}: {failure or 'the file ends too early'}")


def _stretch(weights: Weights, part: Path, tell: Callable[[int], None]) -> str | None:
    """Append what one connection yields; say what ended it, if it was not the end."""
    have = _length(part)
    request = urllib.request.Request(weights.url)  # noqa: S310 - the address is our own pin's
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=SILENCE) as reply:  # noqa: S310 - as above
            _pour(reply, part, have, weights.size, tell)
    except urllib.error.HTTPError as error:
        if error.code not in PASSING:
            raise ModelUnavailable(f"{weights.url}: HTTP {error.code} {error.reason}") from error
        return f"HTTP {error.code} {error.reason}"
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _pour(
    reply: HTTPResponse, part: Path, have: int, size: int, tell: Callable[[int], None]
) -> None:
    # Without a 206 the server begins anew, whatever range it was asked for.
    resumed = reply.status == 206 and _offset(reply) == have
    with part.open("ab" if resumed else "wb") as target:
        done = target.tell()
        while done < size and (chunk := reply.read(min(CHUNK, size - done))):
            done += target.write(chunk)
            tell(done)


def _offset(reply: HTTPResponse) -> int:
    """Where the bytes of a 206 begin: ``Content-Range: bytes 100-199/200``."""
    unit, _, numbers = reply.headers.get("Content-Range", "").partition(" ")
    first = numbers.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else -1


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
