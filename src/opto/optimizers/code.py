"""What a new version of a trainable function must keep, whatever a model makes of it.

The name and the parameters stay, since the calls in the program do. Helper functions,
classes, imports and constants may come along; statements that would do something when
the code is read are left out.

Source: SPEC 3.6 and the decision "trainable code".
"""

from __future__ import annotations

import ast
import re
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

from opto._legible import illegible
from opto.errors import AnswerError, ModelMissing
from opto.formats.bars import CODE, RUN
from opto.optimizers.render import shown
from opto.trace.projections import BlackCodeFormatter

__all__ = ["Head", "new_version"]

_DEF = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
_BAR = re.compile(rf"(?P<run>{RUN})(?P<code>{CODE}(?=[ \t]*$))?", re.MULTILINE)
# Longer than any function. A model's text is read in this process, where nothing interrupts it.
LONGEST = 100_000
LINE = 200
# To format a longer text takes seconds, and is a courtesy.
FORMATTED = 32_768


@dataclass(frozen=True, slots=True)
class Head:
    """The first lines of a function, up to its body: what a new version keeps.

    Args:
        name: the name of the function.
        parameters: its parameters with their defaults, without annotations.
        is_async: whether it is a coroutine function.
        docstring: what its first lines say of it.
    """

    name: str
    parameters: str
    is_async: bool = False
    docstring: str | None = field(default=None, compare=False)

    @classmethod
    def of(cls, constraint: str | None, code: Any) -> Head | None:
        """The head of the function that a code parameter holds.

        Args:
            constraint: the parameter's constraint, where bundle wrote down the head.
            code: the present value, for parameters without it: its first function.

        Returns:
            None where neither of them shows a function.
        """
        for text in (constraint, code):
            start = _DEF.search(text) if isinstance(text, str) else None
            if start is None or text is None:
                continue
            head = dedent(text[start.start() :])
            for whole in (head, f"{head}\n    ...", f"{head} ..."):
                tree = _parsed(whole)
                found = _definition(tree, start[1]) if isinstance(tree, ast.Module) else None
                if found is not None:
                    with suppress(RecursionError):
                        return cls._from(found)
        return None

    @classmethod
    def _from(cls, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Head:
        is_async = isinstance(node, ast.AsyncFunctionDef)
        return cls(node.name, _parameters(node.args), is_async, ast.get_docstring(node))

    def __str__(self) -> str:
        return f"{'async ' if self.is_async else ''}def {self.name}({self.parameters})"


def _parameters(given: ast.arguments) -> str:
    """The parameters as they are written, without their annotations."""

    def bare(argument: ast.arg | None) -> ast.arg | None:
        return argument and ast.arg(argument.arg)

    def all_bare(arguments: list[ast.arg]) -> list[ast.arg]:
        return [ast.arg(argument.arg) for argument in arguments]

    return ast.unparse(
        ast.arguments(
            posonlyargs=all_bare(given.posonlyargs),
            args=all_bare(given.args),
            vararg=bare(given.vararg),
            kwonlyargs=all_bare(given.kwonlyargs),
            kw_defaults=given.kw_defaults,
            kwarg=bare(given.kwarg),
            defaults=given.defaults,
        )
    )


def new_version(value: Any, head: Head | None) -> tuple[str, tuple[str, ...]]:
    r"""The code that an answer gives, brought into form, and the liberties that this took.

    Args:
        value: what the answer gave.
        head: what the code must keep; None if that is not known.

    Raises:
        AnswerError: it is no Python, or not a version of the function.

    Example:
        >>> answer = "```python\ndef f(x):\n    return x\n\nprint(f(1))\n```"
        >>> new_version(answer, Head("f", "x"))
        ('def f(x):\n    return x', ('a fence round the code', 'a trial call after the code'))
    """
    if not isinstance(value, str):
        raise AnswerError(f"it must be the source of a function, not {shown(value)}")
    if why := illegible(value, LONGEST):
        raise AnswerError(f"it cannot be read: {why}")
    text, repairs = _unfenced(value)
    tree = _parsed(text)
    if isinstance(tree, str):
        raise AnswerError(f"it is no Python: {tree}")
    if head is not None:
        _check(tree, head)
        without = _without_trials(text, tree, head.name)
        repairs += ["a trial call after the code"] if without != text else []
        text, whole = without, _with_docstring(without, head)
        repairs += ["the docstring put back"] if whole != text else []
        text = whole
    return _formatted(text), tuple(repairs)


def _unfenced(value: str) -> tuple[str, list[str]]:
    """The code without a fence round it, and without words round the fence."""
    whole = _whole(value.strip())
    if whole is not None:
        return _trimmed(whole), ["a fence round the code"]
    blocks = _blocks(value)
    if len(blocks) == 1 and isinstance(_parsed(_trimmed(value)), str):
        return _trimmed(blocks[0]), ["a fence round the code", "words round the code"]
    return _trimmed(value), []


def _whole(text: str) -> str | None:
    """What stands between the fence that a text begins with and the one that it ends with."""
    bar, (_, newline, inside) = _BAR.match(text), text.partition("\n")
    if bar is None or not newline:
        return None
    run, code = bar["run"], bar["code"]
    if code and inside.endswith(run + code):
        return inside.removesuffix(run + code)
    long = len(inside) - len(inside.rstrip(run[0]))
    return inside[: -min(long, len(run))] if long >= 3 else None


def _blocks(text: str) -> list[str]:
    """What stands in fences: all of the first two, however often there is a bar."""
    found: list[str] = []
    at = 0
    while len(found) < 2 and (bar := _BAR.search(text, at)):
        begin = text.find("\n", bar.end()) + 1
        at = bar.end()
        # It is closed by the same bar, or at least by one of its kind.
        for closing in dict.fromkeys([bar[0], bar["run"], bar["run"][:3]]):
            if begin and (end := text.find(closing, begin)) >= 0:
                found.append(text[begin:end])
                at = end + len(closing)
                break
    return found


def _trimmed(code: str) -> str:
    return dedent(code).strip("\n").rstrip()


def _check(tree: ast.Module, head: Head) -> None:
    found = _definition(tree, head.name)
    if found is None:
        others = [n.name for n in tree.body if isinstance(n, ast.FunctionDef)]
        instead = f"; it defines {', '.join(others)}" if others else ""
        raise AnswerError(f"it must define the function {head.name}{instead}")
    try:
        new = Head._from(found)
    except RecursionError as cause:
        raise AnswerError("a default of its parameters is nested too deeply") from cause
    if new != head:
        raise AnswerError(f"it must keep the head `{head}`; it has `{new}`")


def _parsed(text: str) -> ast.Module | str:
    """The syntax tree, or what is wrong with the text."""
    if why := illegible(text):
        return why
    try:
        with warnings.catch_warnings():
            # Of a text that is not used yet; when it is, Python will say it again.
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            compile(tree, "<answer>", "exec", dont_inherit=True)
            return tree
    except SyntaxError as error:
        if "nonlocal" in error.msg:  # the variables around the function are not here
            return tree
        line = (error.text or "").strip()[:LINE]
        return f"{error.msg} in line {error.lineno}" + (f": {line}" if line else "")
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or "it is nested too deeply"


def _definition(tree: ast.Module, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in tree.body if isinstance(node, kinds) and node.name == name]
    return found[-1] if found else None


def _without_trials(text: str, tree: ast.Module, name: str) -> str:
    """The code without the statements at its end that only try the function out."""
    lines = text.split("\n")
    body = list(tree.body)
    while body and _is_trial(body[-1], name):
        trial = body.pop()
        if body and body[-1].end_lineno == trial.lineno:  # behind a semicolon
            break
        del lines[trial.lineno - 1 :]
    return "\n".join(lines).rstrip()


def _with_docstring(text: str, head: Head) -> str:
    """The code with the docstring of `head`, where the function came without one.

    It says what the function is for: without it, the next step would not know.
    """
    tree = _parsed(text)
    found = None if isinstance(tree, str) else _definition(tree, head.name)
    if found is None or head.docstring is None or ast.get_docstring(found) is not None:
        return text
    first, lines = found.body[0], text.split("\n")
    if first.lineno == found.lineno:  # all on one line
        return text
    indent = " " * first.col_offset
    quoted = f'"""{head.docstring}\n"""' if "\n" in head.docstring else f'"""{head.docstring}"""'
    if "\\" in quoted or '"""' in head.docstring or head.docstring.endswith('"'):
        quoted = repr(head.docstring)
    # A decorated first statement begins at its decorator.
    start = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", ()))])
    lines[start - 1 : start - 1] = [f"{indent}{line}".rstrip() for line in quoted.split("\n")]
    return "\n".join(lines)


def _is_trial(node: ast.stmt, name: str) -> bool:
    if not isinstance(node, ast.Expr | ast.Assert):
        return False
    return not {name, "print"}.isdisjoint(n.id for n in ast.walk(node) if isinstance(n, ast.Name))


def _formatted(text: str) -> str:
    if len(text) > FORMATTED:
        return text
    try:
        formatted: str = BlackCodeFormatter()(text)
    except (ModelMissing, RecursionError):  # black is not installed, or gives up
        return text
    return formatted
