"""Long feedback in fewer words: what was said of many outputs, and what has many lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opto.llm.redact import cleaned
from opto.optimizers.fit.ranges import ranges
from opto.optimizers.render import cut

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["examples", "shortened", "telling"]

OUTPUT, EXAMPLE = "About {}: ", "ID [{}]: "
# As `Feedback` writes what was said of several outputs, and `batchify` what of examples.
_FORMS = {
    OUTPUT: re.compile(r"^About (\S+): ", re.MULTILINE),
    EXAMPLE: re.compile(r"^ID \[([0-9]{1,18})\]: ", re.MULTILINE),
}
RANGES = 8
# Characters of a remark below which it is not cut while whole remarks can be left out.
REMARK = 120
LINES = 8
# Characters of a note about what is left out.
NOTE = 40


def shortened(text: str, limit: int, outputs: Collection[str]) -> str:
    r"""Feedback in some `limit` characters.

    What was said alike of several outputs, or examples, is said once, of all of them. Then
    remarks and lines in the middle are left out whole, so that those that stay can be read,
    and what is left is cut in its middle.

    Args:
        text: the feedback.
        limit: characters.
        outputs: the names that a remark may be about.

    Example:
        >>> said = "\n".join(f"About y{i}: {'ok' if i % 9 else 'wrong'}" for i in range(1, 9))
        >>> print(shortened(said, 50, {f"y{i}" for i in range(1, 9)}))
        About y1 to y8: ok
    """
    if len(text) > limit:
        text = cleaned(text)  # a part of a secret would not be found later
    if len(text) <= limit:
        return text
    form, said = _alike(text, outputs)
    if said:
        each = max(REMARK, limit // len(said))
        remarks = [form.format(ranges(n, RANGES)) + cut(w, each) for w, n in said.items()]
        return _some(remarks, limit, "remarks")
    lines = text.splitlines()
    if len(lines) >= LINES and max(map(len, lines)) <= limit // 4:
        return _some(lines, limit, "lines")
    return cut(text, limit)


def telling(text: str, outputs: Collection[str], failed: Collection[str]) -> list[str]:
    r"""The outputs, the most telling first: what failed, then one of each that is said alike.

    Example:
        >>> said = "\n".join(f"About y{i}: {'ok' if i != 3 else 'wrong'}" for i in range(5))
        >>> telling(said, [f"y{i}" for i in range(5)], {"y1"})
        ['y1', 'y3', 'y0', 'y2', 'y4']
    """
    found = [name for name in outputs if name in failed]
    # What was said seldom is what the user would look at.
    form, said = _alike(text, outputs)
    if form == OUTPUT:
        found += [names[0] for names in sorted(said.values(), key=len)]
    return list(dict.fromkeys([*found, *outputs]))


def examples(text: str) -> list[int]:
    r"""The numbers of examples of a batch, the most telling first: one of each that is said alike.

    Example:
        >>> examples("\n".join(f"ID [{i}]: {'ok' if i != 3 else 'wrong'}" for i in range(5)))
        [3, 0]
    """
    form, said = _alike(text, ())
    return [int(names[0]) for names in sorted(said.values(), key=len)] if form == EXAMPLE else []


def _alike(text: str, outputs: Collection[str]) -> tuple[str, dict[str, list[str]]]:
    """What remarks begin with, and whom they are about, by what is said; of other texts nothing."""
    for form, pattern in _FORMS.items():
        found = [m for m in pattern.finditer(text) if form == EXAMPLE or m[1] in outputs]
        if len(found) > 1 and not text[: found[0].start()].strip():
            ends = [*(match.start() for match in found[1:]), len(text)]
            alike: dict[str, list[str]] = {}
            for match, end in zip(found, ends, strict=True):
                alike.setdefault(text[match.end() : end].strip("\n"), []).append(match[1])
            return form, alike
    return "", {}


def _some(parts: list[str], limit: int, what: str) -> str:
    """The first and the last of `parts`, as many as there is room for."""
    if sum(map(len, parts)) + len(parts) <= limit or len(parts) == 1:
        return cut("\n".join(parts), limit)
    head, tail, room = 0, 0, limit - NOTE
    while head + tail < len(parts):
        at = head if head <= tail else -1 - tail
        room -= len(parts[at]) + 1
        if room < 0:
            break
        head, tail = (head + 1, tail) if head <= tail else (head, tail + 1)
    if head + tail == 0:
        return cut("\n".join(parts), limit)
    missing = len(parts) - head - tail
    note = f"[{missing:,} {what} left out]"
    return "\n".join([*parts[:head], note, *parts[len(parts) - tail :]])
