"""How a call of foreign code ended, and the sentence that tells a model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from opto.errors import SandboxError

__all__ = ["Outcome", "Status", "clean"]

Status: TypeAlias = Literal[
    "ok", "error", "timeout", "memory", "died", "refused", "limit", "garbage"
]

# Whole escape sequences first, so that nothing of them stays as text; then what else moves a
# terminal's cursor, or turns the direction of writing.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")
# What the walls say: a sentence, and the event of Python's that was refused.
_DENIED = re.compile(r"(.+) \([\w.]+\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one call ended.

    Attributes:
        status: ``ok``, or what went wrong: the code raised (``error``), took too long
            (``timeout``) or too much ``memory``, its process ``died``, something may not go in
            or out (``refused``), a ``limit`` of the policy was passed, or what came out of the
            process was no answer (``garbage``). The host saw it itself: code cannot claim to
            have timed out.
        value: what was returned, plain data; the items as a list, if `drawn`.
        error: class of the exception; only its name comes out of the sandbox.
        message: what it said, or what happened; at most 4 KB, free of control characters.
        lines: lines of the text that the exception passed through, or where the code was when
            it was stopped; the innermost last.
        printed: what was printed, up to the policy's limit.
        seconds: time of the code itself, without its calls to the host.
        host_calls: how often it called the host.
        level: the wall that really held: ``process`` or ``isolated``.
        drawn: the result was a generator, and `value` lists its items.
    """

    status: Status
    value: Any = None
    error: str | None = None
    message: str = ""
    lines: tuple[int, ...] = ()
    printed: str = ""
    seconds: float = 0.0
    host_calls: int = 0
    level: str = "process"
    drawn: bool = False

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.status == "ok"

    @property
    def sentence(self) -> str:
        """What happened, in plain words for an optimizer.

        Example:
            >>> Outcome("error", error="ValueError", message="too large", lines=(2, 7)).sentence
            'raised ValueError at line 7: too large'
        """
        if self.status == "ok":
            return "returned a value"
        if self.status != "error":
            return self.message
        where = f" at line {self.lines[-1]}" if self.lines else ""
        said = f": {self.message}" if self.message else ""
        if self.error == "PermissionError":
            if denied := _DENIED.fullmatch(self.message):
                return f"{denied[1]} ({self.error}{where})"
            if self.message.startswith("[Errno 1]"):
                return f"did what the sandbox does not allow ({self.error}{where})"
        return f"raised {self.error}{where}{said}"

    def value_or_raise(self) -> Any:
        """The value.

        Raises:
            SandboxError: there is none; the message is the `sentence`.
        """
        if self.ok:
            return self.value
        raise SandboxError(f"code in the sandbox {self.sentence}")


def clean(text: str, most: int) -> str:
    r"""Text of foreign code that a terminal, a log or a prompt can show.

    Args:
        text: anything.
        most: bytes of it that are kept, as UTF-8.

    Example:
        >>> clean("\x1b[31mred\x1b[0m\x07, bell", 1000)
        'red, bell'
    """
    text = text if len(text) <= most else text[:most]
    text = _CONTROLS.sub("", _ESCAPES.sub("", text))
    text = _SURROGATES.sub("\ufffd", text)
    cut = text.encode()[:most]
    return cut.decode(errors="ignore")
