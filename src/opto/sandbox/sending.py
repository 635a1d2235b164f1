"""A task as the bytes that a child reads, with all it is to know, and the chance it is given."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from importlib.util import find_spec
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from opto.sandbox.wire import ARGUMENTS, Unsendable, pieces
from opto.sandbox.worker import frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opto.sandbox.policy import Policy
    from opto.sandbox.task import Task

__all__ = ["MOST_TEXT", "Sender", "Sent", "is_async", "with_numpy"]

MOST_TEXT = 256 * 1024
# Of so many calls it is remembered how often each was made; of each piece of it, so many bytes.
CALLS, DIGESTED = 4096, 1 << 16


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes to a child.

    Attributes:
        frames: all of it, in pieces.
        granted: the host functions that it may call, by name.
        chance: where its chance begins.
    """

    frames: list[bytes]
    granted: Mapping[str, Callable[..., Any]]
    chance: str


# Where in a task something lies that does not travel, and what lies around it.
_PLACE = re.compile(r" at \['k?w?args'\]\[(\w+|'\w+')\](?=(.))")


def _said(found: re.Match[str]) -> str:
    place = str(int(found[1]) + 1) if found[1].isdigit() else found[1]
    return f" in argument {place}, at " if found[2] == "[" else f" as argument {place}"


class Sender:
    """Makes tasks into bytes, and counts equal ones."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: OrderedDict[bytes, int] = OrderedDict()
        _SENDERS.add(self)

    def sent(self, task: Task, policy: Policy) -> Sent:
        """The bytes of a task.

        Raises:
            Unsendable: an argument is no plain data.
            TooLarge: there is too much of it.
        """
        granted = _granted(task, policy)
        try:
            body = pieces(_plain(task, policy, granted), ARGUMENTS)
        except Unsendable as error:
            raise Unsendable(_PLACE.sub(_said, str(error))) from None
        chance = self._chance(body, policy.seed)
        seed = frames.packed(frames.SEED, chance.encode())
        return Sent([seed, *frames.framed(frames.TASK, body)], granted, chance)

    def _chance(self, body: list[bytes], seed: int) -> str:
        """Where chance begins: another place for each repetition of a call."""
        hashed = blake2b(str(list(map(len, body))).encode(), digest_size=16)
        for piece in body:
            hashed.update(memoryview(piece)[:DIGESTED])
        digest = hashed.digest()
        with self._lock:
            before = self._made.pop(digest, 0)
            self._made[digest] = before + 1
            if len(self._made) > CALLS:
                self._made.popitem(last=False)
        return f"{seed}:{digest.hex()}:{before}"


def _granted(task: Task, policy: Policy) -> dict[str, Callable[..., Any]]:
    granted = {**policy.host, **task.names.host}
    if task.names.self_view is not None:
        granted |= {_of_view(name): f for name, f in task.names.self_view.host.items()}
    return granted


def _of_view(name: str) -> str:
    # A method may be called as a function is; no name in a text has a dot.
    return f"self.{name}"


def _plain(task: Task, policy: Policy, granted: Mapping[str, Any]) -> dict[str, Any]:
    names, view = task.names, None
    awaited = {name: is_async(f) for name, f in granted.items()}
    if names.self_view is not None:
        seen = names.self_view
        view = {
            "parameter": seen.parameter,
            "owner": seen.owner,
            "values": dict(seen.values),
            "host": {name: awaited.pop(_of_view(name)) for name in seen.host},
            "left_out": dict(seen.left_out),
        }
    return {
        "text": task.text,
        "name": task.name,
        "args": tuple(task.args),
        "kwargs": dict(task.kwargs),
        "label": task.label,
        "flags": task.flags,
        "modules": dict(names.modules),
        "values": dict(names.values),
        "sources": dict(names.sources),
        "host": awaited,
        "view": view,
        # Paths in what may be read mean over there what they mean here.
        "folder": os.getcwd() if policy.read else "",  # noqa: PTH109 - a plain text travels
        "output": policy.output,
        "result": policy.result,
    }


def is_async(function: Callable[..., Any]) -> bool:
    """Whether what a function of the host gives is to be awaited."""
    made = inspect.unwrap(function) if inspect.isfunction(function) else function
    return inspect.iscoroutinefunction(made) or inspect.iscoroutinefunction(
        getattr(made, "__call__", None)  # noqa: B004 - of an object with an async `__call__`
    )


def with_numpy(task: Task, policy: Policy) -> tuple[str, ...]:
    """The modules to preload, NumPy among them if the task needs it: it takes 0.1 s to import."""
    preload = policy.preload
    if "numpy" in preload or not (_names_numpy(task) or _has_array(task)) or not _installed():
        return preload
    return (*preload, "numpy")


@lru_cache(maxsize=1)
def _installed() -> bool:
    return find_spec("numpy") is not None


def _names_numpy(task: Task) -> bool:
    texts = (task.text, *task.names.sources.values(), *task.names.modules.values())
    return any("numpy" in text for text in texts)


def _has_array(task: Task) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return False
    kinds = (numpy.ndarray, numpy.generic)
    outer = [*task.args, *task.kwargs.values(), *task.names.values.values()]
    return any(isinstance(x, kinds) for value in outer for x in (value, *_inside(value)))


def _inside(value: Any) -> Iterable[Any]:
    """The first of what a container holds: enough to tell."""
    if type(value) is dict:
        return islice(value.values(), 50)
    return islice(value, 50) if type(value) in {list, tuple} else ()


# All there are, because a fork copies them while another thread may be holding a lock.
_SENDERS: WeakSet[Sender] = WeakSet()


def _after_fork() -> None:
    for sender in list(_SENDERS):
        sender._lock = Lock()


if hasattr(os, "register_at_fork"):  # where there is fork
    os.register_at_fork(after_in_child=_after_fork)
