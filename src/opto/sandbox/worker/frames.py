"""What the two sides say to one another: a letter, a length, and that many bytes.

The host's words are `SEED`, `TASK`, `RESULT` and `FAILED`; those of the child `STARTED`, `CALL`,
`VALUE`, `ERROR` and `REFUSED`. Used by both sides; imports the standard library only.
"""

from __future__ import annotations

import os
import struct
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from .bits import Garbage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["End", "Incoming", "TooLong", "framed", "packed", "receive", "send"]

SEED, TASK, RESULT, FAILED = b"D", b"T", b"R", b"F"
STARTED, CALL, VALUE, ERROR, REFUSED = b"S", b"C", b"V", b"E", b"N"
SPEC, READY, BROKEN = b"P", b"Y", b"B"

HEADER = struct.Struct("<cxxxI")
CHUNK, LITTLE = 4 << 20, 1 << 16


class End(NamedTuple):
    """One end of a way to the other side, that waits.

    Attributes:
        read: some bytes, at most so many; none if the other side is gone.
        write: takes some of the bytes, and says how many.
    """

    read: Callable[[int], bytes]
    write: Callable[[memoryview], int]

    @classmethod
    def of(cls, fd: int) -> End:
        """The end that a descriptor is."""
        return cls(partial(os.read, fd), partial(os.write, fd))


def packed(kind: bytes, body: bytes = b"") -> bytes:
    """A frame as bytes."""
    return HEADER.pack(kind, len(body)) + body


def framed(kind: bytes, pieces: list[bytes]) -> list[bytes]:
    """A frame in pieces, the first of them with its head."""
    first, *others = pieces
    return [HEADER.pack(kind, sum(map(len, pieces))) + first, *others]


class Incoming:
    """Bytes of a side that is not believed, cut into frames.

    Args:
        most: for each letter that may come, how long its frames may be.
    """

    def __init__(self, most: Mapping[bytes, int]) -> None:
        self._most, self._held = most, bytearray()
        # A long frame gets its place when its head has come, and its bytes go there at once.
        self._kind, self._long, self._got = b"", bytearray(), 0

    @property
    def space(self) -> memoryview | None:
        """Where the next bytes belong, if that is known; say with `took` how many came."""
        return memoryview(self._long)[self._got :] if self._kind else None

    def took(self, many: int) -> None:
        """So many bytes were put into `space`."""
        self._got += many

    def feed(self, data: bytes) -> None:
        """Take bytes as they come."""
        self._held += data

    def next(self) -> tuple[bytes, bytes | bytearray] | None:
        """The next frame that is whole, if one is.

        Raises:
            Garbage: what comes is no frame.
            TooLong: it is one, and longer than it may be.
        """
        if self._kind:
            if self._got < len(self._long):
                return None
            frame = self._kind, self._long
            self._kind, self._long, self._got = b"", bytearray(), 0
            return frame
        if len(self._held) < HEADER.size:
            return None
        kind, length = HEADER.unpack_from(self._held)
        most = self._most.get(kind)
        if most is None:
            raise Garbage("what comes is no frame")
        if length > most:
            raise TooLong(kind, length, most)
        end = HEADER.size + length
        if len(self._held) < end:
            if length > LITTLE:
                self._long, self._got = bytearray(length), len(self._held) - HEADER.size
                self._long[: self._got] = memoryview(self._held)[HEADER.size :]
                self._kind, self._held = kind, bytearray()
            return None
        with memoryview(self._held) as held:
            body = bytes(held[HEADER.size : end])
        del self._held[:end]
        return kind, body

    @property
    def rest(self) -> bytes:
        """What came and was no whole frame yet, but a long one."""
        return bytes(self._held)


class TooLong(Garbage):
    """A frame is longer than its kind may be."""

    def __init__(self, kind: bytes, length: int, most: int) -> None:
        super().__init__(f"{length} bytes; at most {most}")
        self.kind = kind


def send(end: End, kind: bytes, *pieces: bytes) -> None:
    """Write a frame, and wait until it is gone."""
    for piece in framed(kind, list(pieces or (b"",))):
        left = memoryview(piece)
        while left:
            left = left[end.write(left) :]


def receive(end: End) -> tuple[bytes, bytes]:
    """Read a frame of a side that is believed.

    Raises:
        EOFError: the other side is gone.
    """
    kind, length = HEADER.unpack(_exactly(end, HEADER.size))
    return kind, _exactly(end, length)


def _exactly(end: End, many: int) -> bytes:
    parts = []
    while many:
        part = end.read(min(many, CHUNK))
        if not part:
            raise EOFError("the other side is gone")
        parts.append(part)
        many -= len(part)
    return b"".join(parts)
