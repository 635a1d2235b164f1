"""Who wrote the code that a parameter holds: the user, or an optimizer or a file.

The user's own code runs in the process. What others wrote runs as `opto.sandbox` says. A code
parameter and its copies remember together which texts are not the user's, so that a text that
is taken back, kept as the best so far, or moved from copy to copy, stays what it is.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.trace.registry import SERIALS
from opto.trace.tape import STEP, left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["Answered", "Foreign", "Held", "held", "is_foreign", "level_of", "mark", "steps"]


@dataclass(frozen=True, slots=True)
class Foreign:
    """Code that the user did not write, and the place where it is to run.

    Attributes:
        text: the code.
        name: the function wanted from it.
        label: what the code belongs to, for messages.
        original: the user's own text of the function.
        like: the function whose place it takes.
        scope: further names, for what neither the closure nor the globals of `like` have.
        owner: the class whose method it is, or None.
        policy: what the user said of this function, or None.
        takes_nodes: whether it works on nodes, and not on their values.
        define: makes the function here, in the process.
    """

    text: str
    name: str
    label: str
    original: str
    like: Callable[..., Any]
    scope: Mapping[str, Any]
    owner: type | None
    policy: Any
    takes_nodes: bool
    define: Callable[[], Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a call of foreign code.

    Attributes:
        value: what it returned.
        level: how it was held.
        asked: the nodes of what functions of the user's answered it on its way.
    """

    value: Any
    level: str
    asked: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of an error of foreign code, which was raised elsewhere.

    Attributes:
        level: how the code was held.
        text: the code.
        name: the function that was called.
        lines: the lines of the code that the error came through, the innermost last.
        said: the kind of the error in parentheses, and its message.
        asked: the nodes of what functions of the user's answered it on its way.
    """

    level: str
    text: str
    name: str
    lines: tuple[int, ...]
    said: str
    asked: tuple[Any, ...] = ()


def held(error: BaseException) -> Held | None:
    """What is known of an error of foreign code; None for an error that was raised here."""
    found = getattr(error, "__foreign__", None)
    return found if isinstance(found, Held) else None


def level_of(node: Any) -> str | None:
    """How foreign code was held that made a node; ``"none"`` if it ran as the user's own.

    None where the user's own code made it.
    """
    if node._extras.sandbox is not None or node._op is None:
        level: str | None = node._extras.sandbox
        return level
    return "none" if getattr(node._op.function, "__foreign__", None) == "none" else None


@dataclass(frozen=True, slots=True)
class _Step:
    """An optimizer's step: what parameters held when it began, and when that was."""

    before: Mapping[int, Any]
    serial: int


def mark(code: Any, text: Any = None) -> None:
    """Remember that a text was not written by the user.

    Args:
        code: a parameter; nothing is done where it holds no code, or is none.
        text: a text that is proposed for it; what it holds by default.
    """
    text = code._data if text is None else text
    if _holds_code(code) and isinstance(text, str):
        code._extras.written.add(hash(text))


def _holds_code(parameter: Any) -> bool:
    return getattr(getattr(parameter, "_extras", None), "written", None) is not None


def is_foreign(code: Any) -> bool:
    """Whether somebody else than the user wrote what the parameter `code` holds."""
    written = code._extras.written
    if written is None or not isinstance(code._data, str):
        return False
    if written and hash(code._data) in written:
        return True
    step = STEP.get()
    if step is None or code._data in step.before.values():
        return False
    # However a step sets it, `_data` included, it is the optimizer who does.
    return id(code) in step.before or code._serial > step.serial


@contextmanager
def steps(parameters: Iterable[Any]) -> Iterator[None]:
    """What changes `parameters` in this block is an optimizer, and not the user.

    Args:
        parameters: those that the optimizer may change.

    Example:
        >>> from opto.trace import bundle
        >>> @bundle(trainable=True)
        ... def f(x):
        ...     return x
        >>> with steps([f.parameter]):
        ...     f.parameter._set("def f(x): return x + 1")
        >>> f.parameter.foreign
        True
    """
    codes = [p for p in parameters if _holds_code(p)]
    outer: _Step = STEP.get() or _Step({}, next(SERIALS))
    before = {id(p): p._data for p in codes}
    token = STEP.set(_Step({**before, **outer.before}, outer.serial))
    try:
        yield
    finally:
        # What is as it was when the outermost step began, is whose it was.
        changed = [code for code in codes if code._data is not before[id(code)]]
        for code in filter(is_foreign, changed):
            mark(code)
        left(STEP, token)
