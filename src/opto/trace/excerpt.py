"""What an error looked like, in the words that a language model is given.

Only code of the user's own is quoted: neither the library's nor the standard library's
nor an installed package's, and files by their names without the path to them.
"""

from __future__ import annotations

import inspect
import linecache
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opto.errors import ExecutionError, SourceError
from opto.trace.escaped import escaped
from opto.trace.source import text_of_code
from opto.trace.syntax import undisturbed
from opto.trace.written import held

if TYPE_CHECKING:
    from collections.abc import Iterator
    from traceback import TracebackException
    from types import CodeType, TracebackType

    from opto.trace.written import Held

__all__ = ["error_comment", "error_text", "qualified_name", "traceback_text"]

_WITHIN = "<--- The error was raised in a called function."
_LONGEST_MARK = 200
_LONGEST_WAY = 20
_EXPRESSIONS = frozenset({"<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>"})

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120 - pathlib costs 5 ms
# Programs that come with the library are users of it.
_PROGRAMS = f"{_PACKAGE}quickstart"
_STDLIB = os.__file__.removesuffix("os.py")
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))


def qualified_name(kind: type) -> str:
    """The name of a class with its module, which builtins do without.

    Example:
        >>> qualified_name(KeyError)
        'KeyError'
    """
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def error_text(error: BaseException) -> str:
    """The kind of the error in parentheses, and its message and notes if it has any.

    Example:
        >>> error_text(ValueError("no such city")), error_text(AssertionError())
        ('(ValueError) no such city', '(AssertionError)')
    """
    notes = getattr(error, "__notes__", ())
    foreign = held(error)
    if foreign is not None:
        return foreign.said
    return "\n".join([f"({qualified_name(type(error))}) {_message(error)}".rstrip(), *notes])


def error_comment(error: BaseException, text: str | None = None) -> str:
    """The source that failed, with the error written beside the lines it came through.

    Args:
        error: an exception that was raised and caught.
        text: the code that could not be defined, where `error` is about its syntax.

    Returns:
        Each function of the user's that the error passed, outermost first, with a mark on
        the line it passed; then `error_text`. All of it can be shown by a terminal.

    Example:
        >>> try:
        ...     compile("x = = 1", "code", "exec")
        ... except SyntaxError as wrong:
        ...     print(error_comment(wrong, "x = = 1"))
        x = = 1 <--- (SyntaxError) invalid syntax.
        <BLANKLINE>
        (SyntaxError) invalid syntax (code, line 1)
    """
    return escaped(_comment(_way(error), text))


def _comment(way: list[BaseException], text: str | None) -> str:
    error = way[-1]
    said = error_text(error)
    if text is not None and isinstance(error, SyntaxError) and error.lineno:
        mark = f"<--- ({qualified_name(type(error))}) {error.msg}."
        return f"{_marked(text, {error.lineno: mark})}\n\n{said}"
    steps = [step for link in way for step in _steps(link.__traceback__)]
    marks: dict[CodeType, dict[int, str]] = {}
    # Recursion passes one function many times: it is quoted once, with all its marks.
    for step in steps:
        marks.setdefault(step.code, {})[step.line] = _WITHIN
    foreign = held(error)
    if steps and foreign is None:
        marks[steps[-1].code][steps[-1].line] = f"<--- {_one_line(said)}"
    names = {step.code: step.names for step in steps}
    quoted = [_quote(code, names[code], lines) for code, lines in marks.items()]
    if foreign is not None:
        # It was raised in another process, where its frames have stayed.
        within = dict.fromkeys(foreign.lines, _WITHIN)
        last = {line: f"<--- {_one_line(said)}" for line in foreign.lines[-1:]}
        quoted.append(_marked(foreign.text, {**within, **last}))
        # What failed in the program is told to its user, and not to the code's author.
        return "\n\n".join([*quoted, said])
    return "\n\n".join([*quoted, "\n".join([said, *_causes(error)])])


def traceback_text(error: BaseException) -> str:
    """Python's traceback of `error`, without the frames and the paths of this machine.

    Frames of the library are left out; files are shown by their names alone.
    """
    # lazy: 3 ms to import, and needed only when something has failed
    from traceback import TracebackException, extract_tb

    *outer, error = _way(error)
    shown = TracebackException.from_exception(error)
    # From the nearest on: of an endless recursion the rest is more of the same.
    for link in outer[: -_LONGEST_WAY - 1 : -1]:
        shown.stack[:0] = extract_tb(link.__traceback__)
    _strip(shown)
    foreign = held(error)
    if foreign is not None:
        _add_lines(shown, foreign)
    # It looks for what to underline in syntax trees.
    return escaped("".join(undisturbed(lambda: list(shown.format()))))


def _add_lines(shown: TracebackException, foreign: Held) -> None:
    """The lines that the error came through where it was raised."""
    # lazy: 3 ms to import, and needed only when something has failed
    from traceback import FrameSummary

    lines, file = foreign.text.split("\n"), f"<{foreign.name}, {foreign.level}>"
    for number in foreign.lines:
        line = lines[number - 1]
        shown.stack.append(FrameSummary(file, number, foreign.name, lookup_line=False, line=line))


# -- the way that an error took -----------------------------------------------


def _way(error: BaseException) -> list[BaseException]:
    """The failures of calls that stand for one another, outermost first, then what failed.

    Each is told once: the text of one holds the story of those below it.
    """
    way = [error]
    while isinstance(error, ExecutionError) and error.__cause__ is not None:
        error = error.__cause__
        way.append(error)
    return way


@dataclass(frozen=True, slots=True)
class _Step:
    """A function of the user's that an error passed: where, and the names it sees."""

    code: CodeType
    line: int
    names: dict[str, Any]


def _steps(traceback: TracebackType | None) -> list[_Step]:
    steps: list[_Step] = []
    while traceback is not None:
        frame, line = traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next
        if not _is_users(frame.f_code.co_filename):
            continue
        if not steps or not _is_inside(frame.f_code, steps[-1].code):
            steps.append(_Step(frame.f_code, line, frame.f_globals))
        elif frame.f_code.co_name in _EXPRESSIONS:
            # It runs in a frame of its own, but no reader sees it so.
            steps[-1] = replace(steps[-1], line=line)
        else:
            # A function inside the one that called it: the text outside shows both.
            steps.append(replace(steps[-1], line=line))
    return steps


def _is_inside(code: CodeType, outer: CodeType) -> bool:
    # A module or class body is no function that could be quoted as a whole.
    return bool(outer.co_flags & inspect.CO_OPTIMIZED) and code in outer.co_consts


@lru_cache(maxsize=256)
def _is_users(file: str) -> bool:
    if file.startswith("<"):
        return not file.startswith("<frozen ")
    installed = any(folder in file for folder in _INSTALLED)
    return not (installed or file.startswith(_STDLIB) or _is_ours(file))


def _is_ours(file: str) -> bool:
    return file.startswith(_PACKAGE) and not file.startswith(_PROGRAMS)


def _causes(error: BaseException) -> Iterator[str]:
    """The errors that `error` was raised from, nearest first."""
    seen = {id(error)}
    cause = error.__cause__
    while cause is not None and id(cause) not in seen:
        yield f"caused by {error_text(cause)}"
        seen.add(id(cause))
        cause = cause.__cause__


# -- writing it down ----------------------------------------------------------


def _quote(code: CodeType, names: dict[str, Any], marks: dict[int, str]) -> str:
    if code.co_name == "<module>" and code.co_filename.startswith("<trace "):
        # The code of a parameter failed while it was defined: all of it was running.
        return _marked("".join(linecache.getlines(code.co_filename)).rstrip(), marks)
    try:
        source = text_of_code(code, names)
    except SourceError:
        # A script, a class body, or code that was made from a string.
        return "\n".join(f"{_line(code, line, names)} {mark}" for line, mark in marks.items())
    return _marked(source.text, {line - source.line + 1: mark for line, mark in marks.items()})


def _line(code: CodeType, line: int, names: dict[str, Any]) -> str:
    text = linecache.getline(code.co_filename, line, names).strip()
    return text or f"(line {line} of {code.co_name}, whose source cannot be read)"


def _marked(text: str, marks: dict[int, str]) -> str:
    lines = enumerate(text.split("\n"), start=1)
    return "\n".join(f"{line} {marks[row]}" if row in marks else line for row, line in lines)


def _one_line(said: str) -> str:
    first = said.partition("\n")[0]
    if len(first) > _LONGEST_MARK:
        return f"{first[:_LONGEST_MARK]}..."
    return first if first.endswith((".", "!", "?")) else f"{first}."


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - an error in a message must not hide the error
        return f"(its message cannot be shown: {type(broken).__name__})"


def _strip(shown: TracebackException) -> None:
    """Take the library's frames and all directories out of a traceback and its causes."""
    seen: set[int] = set()
    left: list[TracebackException | None] = [shown]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        left += [one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ())]
        one.stack[:] = [frame for frame in one.stack if not _is_ours(frame.filename)]
        for frame in one.stack:
            # Reading the line looks it up, which only works under the full name.
            _ = frame.line
            frame.filename = frame.filename.rpartition(os.sep)[2]
        if getattr(one, "filename", None):
            one.filename = one.filename.rpartition(os.sep)[2]
