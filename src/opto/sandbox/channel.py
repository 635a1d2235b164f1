"""What the host holds of one call, and what it knows of a worker that is gone."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from weakref import WeakSet

__all__ = ["Channel", "Lost"]


class Lost(Exception):
    """The worker, or its way to us, is gone; another one can do the same.

    Args:
        why: what was seen of it.
        began: whether the code had begun to run.
        calls: how often it had called the host.
    """

    def __init__(self, why: str = "", *, began: bool = False, calls: int = 0) -> None:
        super().__init__(why)
        self.began, self.calls = began, calls


class Channel:
    """What the host holds of one call: two ways to the child, and the leash.

    Attributes:
        talk: the socket to the child.
        printed: where what it prints can be read.
        leash: as long as it is held the child may live; the worker reports its end there.
    """

    def __init__(self, talk: socket.socket, printed: socket.socket, leash: socket.socket) -> None:
        self.talk, self.printed, self.leash = talk, printed, leash
        self.talk.setblocking(False)
        self.printed.setblocking(False)
        _CHANNELS.add(self)

    def close(self) -> None:
        """Let go: whatever still runs at the other end is killed."""
        with suppress(OSError):
            # A fork of this process may hold a copy, so closing alone would not be noticed.
            self.leash.shutdown(socket.SHUT_RDWR)
        self.drop()

    def drop(self) -> None:
        """Close all descriptors of this process, and touch nothing else."""
        for end in (self.talk, self.printed, self.leash):
            end.close()


# All there are in this process, because a fork copies them: a child that held a leash would keep
# alive what its parent let go of.
_CHANNELS: WeakSet[Channel] = WeakSet()


def _after_fork() -> None:
    for channel in list(_CHANNELS):
        channel.drop()


if hasattr(os, "register_at_fork"):  # where there is fork
    os.register_at_fork(after_in_child=_after_fork)
