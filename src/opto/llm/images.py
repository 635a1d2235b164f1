"""How many tokens a picture has, by the rule that OpenAI gives for its models."""

from __future__ import annotations

from base64 import b64decode
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["least_and_most", "tiles"]

A_PICTURE, A_TILE = 85, 170
# Some models count a picture much higher than this rule (gpt-4o-mini, 33 times as high).
MOST = 48_169
LARGEST, SHORTER_SIDE, TILE = 2048, 768, 512
HEADER = 64  # characters of base64 that hold the size in a PNG or GIF


def least_and_most(part: Mapping[str, Any]) -> tuple[int, int]:
    """The tokens of a picture by rule, and the most that any model counts for one.

    With ``detail: low`` a picture has 85 tokens. Else it is fitted into 2048 pixels, its
    shorter side into 768, and has 85 tokens and 170 for each square of 512. A picture of
    unknown size (an address; a format other than PNG or GIF) counts as the largest: 8 squares.

    Args:
        part: the part of a message, in the form of OpenAI's API.

    Example:
        >>> picture = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
        >>> least_and_most(picture)
        (1445, 48169)
        >>> picture["image_url"]["detail"] = "low"
        >>> least_and_most(picture)[0]
        85

    Source: OpenAI, "Images and vision", calculating costs.
    """
    inner = part.get("image_url")
    inner = inner if isinstance(inner, dict) else {"url": inner, **part}
    if inner.get("detail") == "low":
        return A_PICTURE, MOST
    size = _size(str(inner.get("url") or ""))
    return A_PICTURE + A_TILE * (tiles(*size) if size else 8), MOST


def tiles(width: int, height: int) -> int:
    """The squares of 512 pixels that cover a picture after it was made to fit.

    Example:
        >>> tiles(1024, 1024), tiles(2048, 4096), tiles(100, 100)
        (4, 6, 1)
    """
    scale = min(1.0, LARGEST / max(width, height))
    scale *= min(1.0, SHORTER_SIDE / (min(width, height) * scale))
    return ceil(round(width * scale) / TILE) * ceil(round(height * scale) / TILE)


def _size(url: str) -> tuple[int, int] | None:
    """Width and height of a PNG or GIF that is given as data."""
    start, comma, data = url.partition(";base64,")
    if not comma or not start.startswith("data:image/"):
        return None
    try:
        head = b64decode(data[:HEADER], validate=True)
    except ValueError:  # it is no base64
        return None
    if head.startswith(b"\x89PNG") and len(head) >= 24:
        size = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    elif head.startswith(b"GIF8") and len(head) >= 10:
        size = int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    else:
        return None
    return size if min(size) > 0 else None
