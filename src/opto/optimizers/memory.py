"""What was tried before: the last few rounds of values and feedback, as text."""

from __future__ import annotations

import re
from collections import deque
from json import dumps
from math import isfinite
from sys import maxsize
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from opto.errors import OptimizerError, StoreError
from opto.formats import visible
from opto.optimizers.render import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Episode", "FIFOBuffer", "Memory"]

T = TypeVar("T")

# A number that was said, about one output, about several, or about the examples of a batch.
_SCORE = re.compile(
    r"(?:About \S+:\s)?\s*(?:ID \[\d+\]: )?\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"
)


class FIFOBuffer(Generic[T]):
    """Keeps the last `size` items that were added; with size 0, none; with None, all.

    Args:
        size: how many.

    Raises:
        OptimizerError: `size` is no whole number from 0 on.

    Example:
        >>> buffer = FIFOBuffer(2)
        >>> for item in "abc":
        ...     buffer.add(item)
        >>> list(buffer), len(buffer)
        (['b', 'c'], 2)
    """

    def __init__(self, size: Any = 0) -> None:
        self.size: int | None = None if size is None else _count(size)
        # More than there can be are all that there are.
        self.buffer: deque[T] = deque(maxlen=size if size is None or size <= maxsize else None)

    def add(self, item: T) -> None:
        """Keep `item`, and forget the oldest one if there are too many."""
        self.buffer.append(item)

    def __iter__(self) -> Iterator[T]:
        return iter(self.buffer)

    def __len__(self) -> int:
        return len(self.buffer)


class Episode(NamedTuple):
    """One round: the values by name, as numbers or text, and what was said about the outputs."""

    variables: dict[str, Any]
    feedback: str

    @property
    def score(self) -> float | None:
        r"""The number that the feedback is; the mean, where it is of several outputs or examples.

        None where it is in words.

        Example:
            >>> Episode({}, "0.5").score, Episode({}, "About a: 1\nAbout b: 2").score
            (0.5, 1.5)
            >>> Episode({}, "too small").score is None
            True
        """
        found = [_SCORE.fullmatch(line) for line in self.feedback.strip().splitlines()]
        scores = [float(line[1]) for line in found if line]
        return sum(scores) / len(scores) if scores and len(scores) == len(found) else None

    @classmethod
    def of(cls, variables: Mapping[str, Any], feedback: Any) -> Episode:
        """The round in which the program ran with these values.

        Texts are kept in place of all values but plain numbers, so that a memory holds no
        program alive, and can be written down whatever the values are.
        """
        return cls({name: _plain(v) for name, v in variables.items()}, safe_text(feedback))

    def __str__(self) -> str:
        # JSON on one line: in it, no text can pretend to be another part of the prompt.
        return visible(dumps(self._asdict(), ensure_ascii=False))


class Memory(FIFOBuffer[Episode]):
    """The last rounds of an optimizer, and the best of those before.

    Args:
        size: how many of the last rounds; None for all.
        best: how many of the older ones: those whose feedback is the highest score.

    Example:
        >>> memory = Memory(1, best=1)
        >>> for score in (3, 9, 5, 4):
        ...     memory.add(Episode.of({"x0": score}, score))
        >>> [episode.feedback for episode in memory]
        ['9', '4']
    """

    def __init__(self, size: Any = 0, best: Any = 0) -> None:
        super().__init__(size)
        self.best: int = _count(best)
        self.kept: list[Episode] = []

    def add(self, item: Episode | tuple[Mapping[str, Any], Any]) -> None:
        """Keep `item`; what is neither among the last nor the best is forgotten.

        Args:
            item: a round, or the pair that it is.
        """
        item = item if isinstance(item, Episode) else Episode.of(*item)
        older = (
            item if self.size == 0 else self.buffer[0] if len(self.buffer) == self.size else None
        )
        super().add(item)
        if self.best and older is not None and older.score is not None:
            rounds = [*self.kept, older]
            # Of equal ones the later; what stays does so in the order of time.
            ranked = sorted(range(len(rounds)), key=lambda i: (rounds[i].score or 0.0, i))
            self.kept = [rounds[i] for i in sorted(ranked[-self.best :])]

    def __iter__(self) -> Iterator[Episode]:
        return iter([*self.kept, *self.buffer])

    def __len__(self) -> int:
        return len(self.kept) + len(self.buffer)

    def to_data(self) -> dict[str, Any]:
        """The memory as plain data."""
        return {
            "size": self.size,
            "best": self.best,
            "kept": [episode._asdict() for episode in self.kept],
            "episodes": [episode._asdict() for episode in self.buffer],
        }

    @classmethod
    def of_data(cls, data: Any) -> Memory:
        """The memory that `to_data` gave.

        Raises:
            StoreError: `data` is something else.
        """
        try:
            memory = cls(data["size"], data.get("best", 0))
            memory.kept = list(map(_episode, data.get("kept", ())))
            memory.buffer.extend(map(_episode, data["episodes"]))
        except (KeyError, TypeError, AttributeError, OptimizerError) as cause:
            raise StoreError(f"this is no memory of an optimizer: {cause!r} is wrong") from cause
        return memory


def _plain(value: Any) -> Any:
    if type(value) is float and isfinite(value):
        return value
    # Larger ones are no numbers to JSON's readers, and Python writes none of 5000 digits.
    return value if type(value) in (bool, int) and abs(value) < 2**63 else safe_text(value)


def _episode(data: Any) -> Episode:
    variables: Iterable[tuple[str, Any]] = data["variables"].items()
    return Episode.of(dict(variables), data["feedback"])


def _count(size: Any) -> int:
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise OptimizerError(
            f"the size of a memory is how many steps it holds: 0, 1, 2, ..., not {size!r}"
        )
    return size
