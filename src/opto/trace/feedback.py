"""What was said about the outputs of a program, and how two sayings add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Feedback", "Remark"]


_PLAIN = frozenset((str, int, float, bool, list, tuple, dict))


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing said about one output.

    Attributes:
        output: the name of the node it was said about, such as ``"add0"``.
        content: what was said; words mostly, but any object may be feedback.
        score: how good the output was, where a number was given.
    """

    output: str
    content: Any
    score: float | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for two remarks that say the same about the same output."""
        # Other objects are themselves: some answer == with what has no truth value.
        said = _repr(self.content) if type(self.content) in _PLAIN else id(self.content)
        return self.output, type(self.content), said, self.score


@dataclass(frozen=True, slots=True)
class Feedback:
    """All that was said, in the order in which it was said.

    Example:
        >>> warm = Feedback((Remark("add0", "too small"),))
        >>> str(warm + warm)
        'too small'
        >>> print(warm + Feedback((Remark("add1", "fine"),)))
        About add0: too small
        About add1: fine
    """

    remarks: tuple[Remark, ...] = ()

    @classmethod
    def about(cls, node: Any, said: Any) -> Feedback:
        """What was said about `node`: words, any object, or a number as a score."""
        score = _number(said) if type(said) in (int, float) else None
        return cls((Remark("" if node is None else node.py_name, said, score),))

    @classmethod
    def total(cls, parts: Iterable[Feedback]) -> Feedback:
        """All of `parts`; what was said twice about one output stands there once."""
        distinct = list({id(part): part for part in parts if part.remarks}.values())
        if len(distinct) == 1:
            return distinct[0]
        remarks = {remark.key: remark for part in distinct for remark in part.remarks}
        return cls(tuple(remarks.values()))

    def __add__(self, other: Feedback) -> Feedback:
        return Feedback.total((self, other))

    def __bool__(self) -> bool:
        return bool(self.remarks)

    @property
    def content(self) -> Any:
        """The object itself if one thing was said, the text of all of it otherwise."""
        if not self.remarks:
            return None
        first = self.remarks[0]
        if all(remark.key[1:] == first.key[1:] for remark in self.remarks):
            return first.content
        return str(self)

    def __str__(self) -> str:
        outputs = {r.output for r in self.remarks}
        if len(outputs) <= 1:
            return "\n".join(_text(r.content) for r in self.remarks)
        return "\n".join(f"About {r.output}: {_text(r.content)}" for r in self.remarks)


def _repr(content: Any) -> Any:
    """What is in a plain container, as text; its place where something in it has none."""
    try:
        return repr(content)
    except Exception:  # noqa: BLE001 - the __repr__ of users' types may raise anything
        return id(content)


def _number(said: float) -> float | None:
    try:
        return float(said)
    except OverflowError:  # an integer beyond all floats is no score to reckon with
        return None


def _text(content: Any) -> str:
    try:
        return str(content)
    except Exception as cause:  # noqa: BLE001 - a user's __str__ may raise anything
        return f"<a {type(content).__name__} that has no text: {type(cause).__name__}>"
