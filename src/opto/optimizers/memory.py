"""What was tried before: the last few rounds of values and feedback, as text."""

from __future__ import annotations

from collections import deque
from json import dumps
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from opto.errors import OptimizerError, StoreError
from opto.optimizers.render import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Episode", "FIFOBuffer", "Memory"]

T = TypeVar("T")


class FIFOBuffer(Generic[T]):
    """Keeps the last `size` items that were added; with size 0, none.

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
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise OptimizerError(
                f"the size of a memory is how many steps it holds: 0, 1, 2, ..., not {size!r}"
            )
        self.size: int = size
        self.buffer: deque[T] = deque(maxlen=size)

    def add(self, item: T) -> None:
        """Keep `item`, and forget the oldest one if there are too many."""
        self.buffer.append(item)

    def __iter__(self) -> Iterator[T]:
        return iter(self.buffer)

    def __len__(self) -> int:
        return len(self.buffer)


class Episode(NamedTuple):
    """One round: the values, as text by name, and what was said about the outputs."""

    variables: dict[str, str]
    feedback: str

    @classmethod
    def of(cls, variables: Mapping[str, Any], feedback: Any) -> Episode:
        """The round in which the program ran with these values.

        Texts are kept in place of values, so that a memory holds no program alive, and
        can be written down whatever the values are.
        """
        return cls({name: safe_text(v) for name, v in variables.items()}, safe_text(feedback))

    def __str__(self) -> str:
        # JSON: in it, no text can pretend to be another part of the prompt.
        return dumps(self._asdict(), ensure_ascii=False)


class Memory(FIFOBuffer[Episode]):
    """The last rounds of an optimizer."""

    def to_data(self) -> dict[str, Any]:
        """The memory as plain data."""
        return {"size": self.size, "episodes": [episode._asdict() for episode in self]}

    @classmethod
    def of_data(cls, data: Any) -> Memory:
        """The memory that `to_data` gave.

        Raises:
            StoreError: `data` is something else.
        """
        try:
            memory = cls(data["size"])
            for episode in data["episodes"]:
                variables: Iterable[tuple[str, Any]] = episode["variables"].items()
                memory.add(Episode.of(dict(variables), episode["feedback"]))
        except (KeyError, TypeError, AttributeError, OptimizerError) as cause:
            raise StoreError(f"this is no memory of an optimizer: {cause!r} is wrong") from cause
        return memory
