"""Projections: constraints that are enforced on a proposed value before it is taken.

A projection returns the value, brought into form where that loses nothing, and raises
`NodeError` with the reason where the value does not fit. The reason goes back to the model.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
from abc import ABC, abstractmethod
from enum import EnumMeta
from numbers import Integral
from typing import TYPE_CHECKING, Any

from opto._legible import illegible
from opto.errors import ModelMissing, NodeError
from opto.trace.schemas import checked_schema, violations

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BlackCodeFormatter",
    "Check",
    "Choices",
    "DocstringProjection",
    "Pattern",
    "Projection",
    "Range",
    "Schema",
]


class Projection(ABC):
    """A rule that a parameter's value keeps; a subclass writes `project`.

    Example:
        >>> class Lower(Projection):
        ...     def project(self, x):
        ...         return x.lower()
        >>> Lower()("ABC")
        'abc'
    """

    @abstractmethod
    def project(self, x: Any) -> Any:
        """The value that is taken when `x` is proposed.

        Args:
            x: the proposed value.

        Returns:
            `x` itself where it fits, or the same thing in the form that is asked for.

        Raises:
            NodeError: `x` does not fit; the message is written for who proposed it.
        """

    def __call__(self, x: Any) -> Any:
        """What `project` returns."""
        return self.project(x)


class Range(Projection):
    """Numbers between two bounds, both allowed.

    Args:
        low: the smallest number, or None.
        high: the largest number, or None.
        clip: take the nearest bound for a number outside, in place of refusing it.

    Raises:
        NodeError: the bounds leave no number between them.

    Example:
        >>> Range(0, 10)(7)
        7
        >>> Range(0, 10, clip=True)(70)
        10
    """

    def __init__(
        self, low: float | None = None, high: float | None = None, *, clip: bool = False
    ) -> None:
        self.low: float = -math.inf if low is None else low
        self.high: float = math.inf if high is None else high
        self.clip = clip
        if not self.low <= self.high:
            raise NodeError(f"Range({low!r}, {high!r}) has no number in it; give the lower first")

    def project(self, x: Any) -> Any:
        """`x`, if it is a number within the bounds, or the nearest bound when clipping."""
        if isinstance(x, bool | str) or not hasattr(x, "__float__"):
            raise NodeError(f"{x!r} is not a number; give one from {self.low} to {self.high}")
        if self.low <= x <= self.high:
            return x
        if self.clip and not math.isnan(x):
            return self._nearest(x)
        raise NodeError(f"{x!r} is not between {self.low} and {self.high}")

    def _nearest(self, x: Any) -> Any:
        """The bound that is nearest to `x`, as a number of the same type."""
        whole = isinstance(x, Integral)
        if x < self.low:
            made = type(x)(math.ceil(self.low) if whole else self.low)
        else:
            made = type(x)(math.floor(self.high) if whole else self.high)
        # Rounded to the type, a bound may lie outside: no whole number is between 0.2 and 0.8.
        if not self.low <= made <= self.high:
            raise NodeError(f"{x!r} is not between {self.low} and {self.high}")
        return made


class Choices(Projection):
    """One of a few values.

    Text that differs from exactly one choice only in case or in spaces and quotes
    around it is taken as that choice.

    Args:
        options: the values to choose from, or one list or enum of them.

    Raises:
        NodeError: there is nothing to choose from.

    Example:
        >>> Choices("red", "green")(" Red")
        'red'
        >>> Choices(["red", "green"])("green")
        'green'
    """

    def __init__(self, *options: Any) -> None:
        if len(options) == 1 and isinstance(options[0], list | tuple | set | range | EnumMeta):
            options = tuple(options[0])  # alone, it is no choice
        if not options:
            raise NodeError('Choices() needs values to choose from: Choices("red", "green")')
        self.options = options

    def project(self, x: Any) -> Any:
        """The choice that `x` names."""
        for option in self.options:
            if type(option) is type(x) and option == x:
                return option
        # True == 1 for Python, but nobody who writes Choices(0, 1) means it.
        alike = [o for o in self.options if isinstance(o, bool) == isinstance(x, bool) and o == x]
        if isinstance(x, str):
            alike = [o for o in self.options if isinstance(o, str) and _folded(o) == _folded(x)]
        if len(alike) == 1:
            return alike[0]
        raise NodeError(f"{x!r} is none of {', '.join(map(repr, self.options))}")


def _folded(text: str) -> str:
    return text.strip().strip("\"'`").strip().casefold()


class Pattern(Projection):
    """Text that a regular expression matches from end to end.

    Spaces and line ends around it are taken off where it matches without them.

    Args:
        pattern: the regular expression.
        flags: flags of `re`.

    Raises:
        NodeError: `pattern` is not a regular expression.

    Example:
        >>> Pattern(r"[a-z]+")("abc ")
        'abc'
    """

    def __init__(self, pattern: str, flags: int = 0) -> None:
        try:
            self.pattern: re.Pattern[str] = re.compile(pattern, flags)
        except re.error as cause:
            raise NodeError(f"{pattern!r} is not a regular expression: {cause}") from cause

    def project(self, x: Any) -> Any:
        """`x`, if it matches."""
        if isinstance(x, str):
            for text in (x, x.strip()):
                if self.pattern.fullmatch(text):
                    return text
        raise NodeError(f"{x!r} does not match the pattern {self.pattern.pattern}")


class Schema(Projection):
    """Values that a JSON schema takes.

    Records (dataclasses, models of pydantic) count as objects, members of enums as their
    values, tuples, sets and arrays as lists. A text counts as itself, or as the JSON that
    stands in it where the schema wants something else than a text. Models that can be held
    to a schema are held to it.

    Args:
        schema: the schema, of any draft, or a class of pydantic. What it refers to stands in
            it: nothing is fetched.

    Raises:
        NodeError: it is no schema.
        ModelMissing: the package ``jsonschema`` is not installed.

    Example:
        >>> port = Schema({"type": "object", "properties": {"port": {"maximum": 65535}}})
        >>> port({"port": 80})
        {'port': 80}
        >>> port({"port": 70000})
        Traceback (most recent call last):
            ...
        opto.errors.NodeError: at $.port: 70000 is greater than the maximum of 65535
    """

    def __init__(self, schema: Any) -> None:
        self.schema: dict[str, Any] = checked_schema(schema)

    def project(self, x: Any) -> Any:
        """`x`, if the schema takes it."""
        wrong = violations(self.schema, x)
        if wrong:
            raise NodeError("; ".join(wrong))
        return x


class Check(Projection):
    """Values that a function accepts.

    Args:
        function: takes a value. What it returns refuses the value if it is false (but not
            None), or a text that says what is wrong; what it raises refuses it as well.
        words: what is asked of a value, for the model; else the function's docstring.

    Raises:
        NodeError: `function` cannot be called.

    Example:
        >>> Check(lambda x: x % 2 == 0, "an even number")(4)
        4
        >>> Check(lambda x: x % 2 == 0, "an even number")(5)
        Traceback (most recent call last):
            ...
        opto.errors.NodeError: 5 is not what it must be: an even number
    """

    def __init__(self, function: Callable[[Any], Any], words: str | None = None) -> None:
        if not callable(function):
            raise NodeError(f"Check() takes a function of the value, not {function!r}")
        self.function = function
        self.words: str | None = words or inspect.getdoc(function)

    def project(self, x: Any) -> Any:
        """`x`, if the function accepts it."""
        said = self.function(x)
        if isinstance(said, str) and said:
            raise NodeError(said)
        if said is not None and not said and not isinstance(said, str):
            told = repr(x)
            short = told if len(told) <= 100 else f"{told[:60]} ... {told[-30:]}"
            asked = self.words or f"accepted by {getattr(self.function, '__name__', 'the check')}"
            raise NodeError(f"{short} is not what it must be: {asked}")
        return x


class BlackCodeFormatter(Projection):
    """Python code in the form that the package ``black`` gives it.

    Meant for code parameters and exported files. Text that is not valid Python, and
    anything that is not text, is returned as it is: it is not for a formatter to refuse it.

    Args:
        line_length: the longest line, in characters.

    Raises:
        ModelMissing: ``black`` is not installed (raised when code is formatted).

    Example:
        >>> BlackCodeFormatter()("Answer in English by default.")
        'Answer in English by default.'
    """

    def __init__(self, line_length: int = 88) -> None:
        self.line_length = line_length

    def project(self, x: Any) -> Any:
        """`x` formatted; a last line without an end stays without one."""
        if not isinstance(x, str) or _parsed(x) is None:
            return x
        try:
            # lazy: an optional package, and 150 ms to import.
            import black
        except ImportError as cause:
            raise ModelMissing(
                "BlackCodeFormatter needs the package black; install it: pip install black"
            ) from cause
        mode = black.Mode(line_length=self.line_length)
        try:
            text = black.format_str(x, mode=mode)
        except black.InvalidInput:  # syntax newer than the installed black
            return x
        return text if x.endswith("\n") else text.removesuffix("\n")


class DocstringProjection(Projection):
    """Code whose function keeps a given docstring, whatever is done to the rest.

    Signature, body, comments and decorators stay as proposed. Text that is not valid
    Python or defines no function is returned as it is.

    Args:
        docstring: the words, without quotes; indented to fit.

    Example:
        >>> print(DocstringProjection("Double it.")("def f(x): return 2 * x"))
        def f(x):
            \"\"\"Double it.\"\"\"
            return 2 * x
    """

    def __init__(self, docstring: str) -> None:
        self.docstring = docstring

    def project(self, x: Any) -> Any:
        """`x` with the docstring put in, or in the place of another."""
        tree = _parsed(x) if isinstance(x, str) else None
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        found = next((s for s in tree.body if isinstance(s, functions)), None) if tree else None
        return x if found is None else _with_docstring(x, found, self.docstring)


def _parsed(text: str) -> ast.Module | None:
    if illegible(text):
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # ValueError: a null byte
        return None


def _with_docstring(
    code: str, function: ast.FunctionDef | ast.AsyncFunctionDef, docstring: str
) -> str:
    raw = code.encode()
    first = function.body[0]
    start = _offset(raw, _first_line(first), first.col_offset)
    lead = raw[raw.rfind(b"\n", 0, start) + 1 : start].decode()
    on_own_line = not lead.strip()
    margin = lead if on_own_line else " " * (function.col_offset + 4)
    words = _quoted(docstring, margin)
    if ast.get_docstring(function, clean=False) is not None:
        head, rest = raw[:start], raw[_offset(raw, first.end_lineno, first.end_col_offset) :]
        return head.decode() + words + rest.decode()
    head = raw[:start] if on_own_line else raw[:start].rstrip() + f"\n{margin}".encode()
    return f"{head.decode()}{words}\n{margin}{raw[start:].decode()}"


def _first_line(statement: ast.stmt) -> int:
    """Where a statement begins, its decorators counted in."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(d.lineno for d in decorators)])


def _offset(raw: bytes, line: int | None, column: int | None) -> int:
    """The position in `raw` of a place that the syntax tree counts in bytes of a line."""
    lines = raw.splitlines(keepends=True)
    return sum(map(len, lines[: (line or 1) - 1])) + (column or 0)


# What cannot stand in a source text as it is, or would end the docstring.
_ESCAPES = {"\\": "\\\\", '"""': '\\"\\"\\"', "\r": "\\r", "\0": "\\x00"}


def _quoted(docstring: str, margin: str) -> str:
    words = text = inspect.cleandoc(docstring)
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    if words.endswith('"') and not words.endswith('"""'):
        # It would run into the closing quotes.
        text = text[:-1] + '\\"'
    first, *lines = text.split("\n")
    if not lines:
        return f'"""{first}"""'
    body = "\n".join([first, *(margin + line if line else "" for line in lines)])
    return f'"""{body}\n{margin}"""'
