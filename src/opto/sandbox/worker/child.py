"""One process for one call: it locks itself in, reads the task, runs it and answers.

From the moment that the task is read, nothing here can be relied on: the code may change
whatever it finds. The host believes none of it.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
from typing import Any, NoReturn

from . import codec, frames, scene
from .bits import TooLarge, Unsendable
from .frames import End
from .printed import capture
from .talk import Talk

__all__ = ["main", "register_where", "work"]

PRINTED, TALK = 1, 3
TASK = codec.Limits(256 << 20, 4 << 30)
# Let go of when memory runs out, so that there is some left to say so.
RESERVE = 256 * 1024


def register_where() -> None:
    """On a signal, write to the host where the code is: from C, whatever holds the interpreter."""
    if hasattr(faulthandler, "register"):  # not on Windows
        faulthandler.register(signal.SIGUSR1, file=TALK, all_threads=True)


def main(talk: int, printed: int, prepared: Any) -> NoReturn:
    """Be a child: never returns."""
    os.dup2(talk, TALK)
    for stream in (PRINTED, PRINTED + 1):
        os.dup2(printed, stream)
    os.close(talk)
    os.close(printed)
    work(End.of(TALK), End.of(PRINTED), prepared)


def work(talk: End, printed: End, prepared: Any) -> NoReturn:
    """Lock oneself in, read the task, run it, answer and end."""
    try:
        prepared.lock()
    except BaseException as error:  # noqa: BLE001 - no code is run, and the host says why
        frames.send(talk, frames.BROKEN, codec.encode(f"{error!r}"[:4000], codec.Limits.of(8000)))
        os._exit(71)
    gc.disable()  # what is read and written here is no garbage
    _, seed = frames.receive(talk)
    _, body = frames.receive(talk)
    task = codec.decode(body, TASK)
    task["seed"] = seed.decode()
    del body
    flush = capture(printed.write, task["output"])
    answer = _answer(task, Talk(talk, task["result"]))
    flush()
    frames.send(talk, *answer)
    os._exit(0)


def _answer(task: dict[str, Any], talk: Talk) -> tuple[bytes, ...]:
    reserve = [bytearray(RESERVE)]
    try:
        frames.send(talk.end, frames.STARTED)
        gc.enable()
        drawn, value = scene.played(task, talk)
        gc.disable()
        return _returned(drawn, value, codec.Limits.of(task["result"]))
    except BaseException as error:  # noqa: BLE001 - whatever the code raised is its answer
        reserve.clear()
        told = scene.told(error, task["label"])
        BaseException.with_traceback(error, None)
        return frames.ERROR, codec.encode(told, codec.Limits.of(64 * 1024))


def _returned(drawn: bool, value: Any, limits: codec.Limits) -> tuple[bytes, ...]:
    try:
        return frames.VALUE, *codec.pieces((drawn, value), limits, scene.offered)
    except Unsendable as error:
        said = f"returned {error}".replace(" at [1]", " at result", 1)
        return _refused("refused", said.replace(f" {scene.MODULE}.", " ", 1))
    except TooLarge as error:
        return _refused("limit", f"returned too much: {error}")


def _refused(status: str, message: str) -> tuple[bytes, bytes]:
    return frames.REFUSED, codec.encode((status, message[:4000]), codec.Limits.of(64 * 1024))
