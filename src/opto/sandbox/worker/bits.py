"""Bytes that are written and read in order: numbers, texts and blobs side by side.

A `Reader` believes nothing: it takes no memory for what is not there. Used by both sides.
"""

from __future__ import annotations

import struct
from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Garbage", "Reader", "TooLarge", "Unsendable", "Writer"]

_LENGTH = struct.Struct("<Q")
# What it takes to print long numbers grows by the square of their length: so much may all take.
WORK = 1 << 32
# To copy so many bytes costs more than to send them by themselves.
LONG = 1 << 16


class Unsendable(TypeError):
    """A value is no plain data; the message says what it is, and where."""


class TooLarge(ValueError):
    """A value is plain data, and more of it than a message may hold."""


class Garbage(ValueError):
    """Bytes are not what the other side was to send."""


class Writer:
    """Bytes, put one after another.

    Args:
        most: how many they may be.
    """

    __slots__ = ("_left", "_most", "_parts", "_work")

    def __init__(self, most: int) -> None:
        self._parts: list[bytes] = []
        self._most = self._left = most
        self._work = WORK

    def put(self, part: bytes) -> None:
        """Add bytes."""
        self._left -= len(part)
        if self._left < 0:
            raise TooLarge(f"more than {self._most} bytes")
        self._parts.append(part)

    def numbers(self, kind: str, numbers: Iterable[Any]) -> None:
        """Add numbers of one kind of `array`."""
        self.put(array(kind, numbers).tobytes())

    def texts(self, texts: list[str]) -> None:
        """Add texts: their lengths, and all of them as one."""
        self.numbers("I", map(len, texts))
        joined = "".join(texts)
        if len(joined) > self._left:
            raise TooLarge(f"more than {self._most} bytes")
        whole = joined.encode("utf-8", "surrogatepass")
        self.put(_LENGTH.pack(len(whole)))
        self.put(whole)

    def blobs(self, blobs: list[bytes]) -> None:
        """Add byte strings: their lengths, and all of them."""
        self.numbers("I", map(len, blobs))
        for blob in blobs:
            self.put(blob)

    def long_numbers(self, sizes: Iterable[int]) -> None:
        """Count numbers of so many bytes each; raises `TooLarge` if they are too many."""
        self._work -= sum(size * size for size in sizes)
        if self._work < 0:
            raise TooLarge("more long numbers than can be printed in a second")

    def pieces(self) -> list[bytes]:
        """All of it: what is long as it is, what is short joined to the short beside it."""
        made: list[bytes] = []
        few: list[bytes] = []
        for part in self._parts:
            if len(part) < LONG:
                few.append(part)
            else:
                made += (b"".join(few), part)
                few = []
        return [*made, b"".join(few)]


class Reader:
    """Bytes, taken one after another.

    Args:
        data: all there are.

    Raises:
        Garbage: by any method: there are fewer.
    """

    __slots__ = ("_at", "_data", "_work")

    def __init__(self, data: bytes | bytearray) -> None:
        self._data, self._at, self._work = memoryview(data), 0, WORK

    def take(self, many: int) -> memoryview:
        """The next bytes."""
        end = self._at + many
        if end > len(self._data):
            raise Garbage(f"{end - len(self._data)} bytes are missing")
        self._at, begin = end, self._at
        return self._data[begin:end]

    def numbers(self, kind: str, many: int) -> array[Any]:
        """The next numbers."""
        numbers: array[Any] = array(kind)
        numbers.frombytes(self.take(many * numbers.itemsize))
        return numbers

    def texts(self, many: int) -> list[str]:
        """The next texts."""
        lengths = self.numbers("I", many)
        (size,) = _LENGTH.unpack(self.take(8))
        whole = str(self.take(size), "utf-8", "surrogatepass")
        if sum(lengths) != len(whole):
            raise Garbage("lengths of texts that are not there")
        ends = accumulate(lengths)
        return [whole[end - length : end] for length, end in zip(lengths, ends, strict=True)]

    def blobs(self, many: int) -> list[bytes]:
        """The next byte strings."""
        return [bytes(self.take(length)) for length in self.numbers("I", many)]

    def long_numbers(self, sizes: Iterable[int]) -> None:
        """Count numbers of so many bytes each."""
        self._work -= sum(size * size for size in sizes)
        if self._work < 0:
            raise Garbage("more long numbers than can be printed in a second")

    def end(self) -> None:
        """Raise if something is left."""
        if self._at != len(self._data):
            raise Garbage(f"{len(self._data) - self._at} bytes too many")
