"""Long feedback in fewer words: what was said of many outputs, and what has many lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opto.llm.redact import cleaned
from opto.optimizers.fit.ranges import ranges
from opto.optimizers.render import cut

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["Remarks"]

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


@dataclass(frozen=True, slots=True)
class Remarks:
    """Feedback, taken apart once.

    Args:
        text: all of it, without secrets.
        form: what each remark begins with; empty where the text is no list of remarks.
        alike: whom remarks are about, by what is said.
    """

    text: str
    form: str
    alike: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, text: str, outputs: Collection[str]) -> Remarks:
        """The remarks in a text.

        Args:
            text: the feedback.
            outputs: the names that a remark may be about.
        """
        text = cleaned(text)  # a part of a secret would not be found later
        return cls(text, *_alike(text, outputs))

    def shortened(self, limit: int) -> str:
        r"""The feedback in some `limit` characters.

        What was said alike of several outputs, or examples, is said once, of all of them. Then
        remarks and lines in the middle are left out whole, so that those that stay can be
        read, and what is left is cut in its middle.

        Example:
            >>> said = "\n".join(f"About y{i}: {'ok' if i % 9 else 'wrong'}" for i in range(1, 9))
            >>> print(Remarks.of(said, {f"y{i}" for i in range(1, 9)}).shortened(50))
            About y1 to y8: ok
        """
        text = self.text
        if len(text) <= limit:
            return text
        if self.alike:
            each = max(REMARK, limit // len(self.alike))
            return _some(list(self._remarks(each)), limit, "remarks")
        lines = text.splitlines()
        if len(lines) >= LINES and max(map(len, lines)) <= limit // 4:
            return _some(lines, limit, "lines")
        return cut(text, limit)

    def _remarks(self, each: int) -> Iterator[str]:
        for words, names in self.alike.items():
            yield self.form.format(ranges(names, RANGES)) + cut(words, each)

    def telling(self, outputs: Collection[str], failed: Collection[str]) -> list[str]:
        r"""The outputs, the most telling first: what failed, then one of each that is said alike.

        Example:
            >>> said = "\n".join(f"About y{i}: {'ok' if i != 3 else 'wrong'}" for i in range(5))
            >>> outputs = [f"y{i}" for i in range(5)]
            >>> Remarks.of(said, outputs).telling(outputs, {"y1"})
            ['y1', 'y3', 'y0', 'y2', 'y4']
        """
        found = [name for name in outputs if name in failed]
        if self.form == OUTPUT:
            found += self._one_of_each()
        return list(dict.fromkeys([*found, *outputs]))

    def examples(self) -> list[int]:
        r"""The numbers of examples of a batch, the most telling first: one of each said alike.

        Example:
            >>> said = "\n".join(f"ID [{i}]: {'ok' if i != 3 else 'wrong'}" for i in range(5))
            >>> Remarks.of(said, ()).examples()
            [3, 0]
        """
        return [int(number) for number in self._one_of_each()] if self.form == EXAMPLE else []

    def _one_of_each(self) -> list[str]:
        # What was said seldom is what the user would look at.
        return [names[0] for names in sorted(self.alike.values(), key=len)]


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
