"""From how a call of foreign code ended to the error that stands for it in the host."""

from __future__ import annotations

import ast
import builtins
import warnings
from typing import TYPE_CHECKING, Any

from opto.errors import ForeignCodeError, SandboxError
from opto.trace.written import Held

if TYPE_CHECKING:
    from opto.sandbox.asking import Asked
    from opto.sandbox.outcome import Outcome

__all__ = ["error_of"]

# Of what comes out of a worker, nothing but what an error of this process may be.
_NO_RAISING = (StopIteration, StopAsyncIteration)


def error_of(outcome: Outcome, text: str, name: str, asked: Asked) -> Exception:
    """The error for a call that did not return.

    Args:
        outcome: how it ended.
        text: the code.
        name: the function that was called.
        asked: what it has asked of the host.

    Example:
        >>> from opto.sandbox import Outcome
        >>> from opto.sandbox.asking import Asked
        >>> error_of(Outcome("error", error="KeyError", message="'x'"), "", "f", Asked())
        KeyError('x')
    """
    error = _error(outcome)
    count = text.count("\n") + 1
    error.__foreign__ = Held(  # type: ignore[attr-defined]
        level=outcome.level,
        text=text,
        name=name,
        lines=tuple(line for line in outcome.lines if 0 < line <= count),
        said=_said(outcome),
        asked=tuple(asked.nodes),
    )
    return error


def _error(outcome: Outcome) -> Exception:
    if outcome.status == "refused":
        return SandboxError(_advised(outcome))
    kind: Any = getattr(builtins, outcome.error or "", None)
    told = _told(outcome)
    if outcome.status == "error" and _is_error(kind):
        try:
            error: Exception = kind(_unquoted(told) if kind is KeyError else told)
        except TypeError:
            # Errors of encodings and groups of errors are made of more than words.
            return ForeignCodeError(f"{outcome.error}: {told}", "error", outcome.error)
        return error
    words = f"{outcome.error}: {told}" if outcome.status == "error" else told
    return ForeignCodeError(words, outcome.status, outcome.error)


def _is_error(kind: object) -> bool:
    return (
        isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, _NO_RAISING)
    )


def _told(outcome: Outcome) -> str:
    """What happened, without the class of the error and its line, which are told beside."""
    if outcome.status != "error":
        return outcome.sentence
    if outcome.sentence.startswith("raised "):
        return outcome.message
    # The walls have refused something, and say what.
    return outcome.sentence.rpartition(" (")[0]


def _unquoted(message: str) -> object:
    """The key that was missing, of which the message is the `repr`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            key: object = ast.literal_eval(message)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        # A message may say anything, such as a key that is none, or a thousand signs.
        return message
    return key if isinstance(key, str | bytes | int | float | tuple | None) else message


def _said(outcome: Outcome) -> str:
    """The kind of what happened in parentheses, and what happened, for a model."""
    if outcome.status == "error":
        return f"({outcome.error}) {_told(outcome)}".rstrip()
    return f"({outcome.status}) {_advised(outcome)}"


def _advised(outcome: Outcome) -> str:
    if outcome.status != "refused":
        return outcome.sentence
    return (
        f"{outcome.sentence}. Give and return plain data (numbers, texts, lists, dicts, arrays); "
        f"grant what must be an object of your program as functions, by "
        f"bundle(sandbox=sandbox.Policy(host={{...}})); or run the code in your program by "
        f'sandbox="none", if you trust it'
    )
