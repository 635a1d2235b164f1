"""From a text to the function that it defines, in the place of the one that stood there.

A new version of a function must behave as if it had been written where the first
one was: see the same globals, the same variables of the functions around it, the
same class. Python's own compiler works all of that out when the text is compiled
inside look-alikes of those scopes, which are then thrown away.
"""

from __future__ import annotations
import __future__

import ast
import importlib
import keyword
import linecache
import weakref
from dataclasses import dataclass
from itertools import islice
from types import CellType, CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from opto.errors import SourceError
from opto.trace.syntax import Def, last_bundle, tree_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["define"]

# Not names that a program can have, so that they hide nothing from the text.
_SCOPE, _SHELL, _BODY = "<scope>", "<shell>", "<module>"

_FUTURES = {
    feature: getattr(__future__, feature).compiler_flag for feature in __future__.all_feature_names
}

_OUTSIDE = {ast.Return: "return", ast.Yield: "yield", ast.YieldFrom: "yield"}


def define(
    text: str,
    name: str,
    like: Callable[..., Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    label: str = "",
) -> Callable[..., Any]:
    r"""The function called `name` that the code `text` defines.

    The code runs where `like` was written: with the same globals, the same variables of
    the functions around it (both live: what is rebound later is seen, what the code
    rebinds stays rebound), the same class for ``super()`` and ``__private`` names, and the
    same ``from __future__`` imports. Imports, helper functions, classes and decorators in
    the text work, and belong to this function alone; a ``bundle`` decorator is left out.

    Args:
        text: Python code.
        name: the function wanted from it.
        like: the function whose place it takes; `Source.function` is the best choice.
        extra: further names, for what neither `like`'s closure nor its globals have.
        label: what the code belongs to, such as the name of a parameter; part of the
            file name that tracebacks show.

    Raises:
        SyntaxError: `text` is no Python.
        SourceError: `text` does not define a function `name`.
        Exception: whatever the top level of `text` raises.

    Example:
        >>> define("import math\ndef area(r): return math.pi * r * r", "area")(1.0)
        3.141592653589793
    """
    place = _Place.of(like, name, extra or {})
    file = _file_name(text, name, label)
    code = _compile(text, file, name, place)
    if not {name, f"_{place.owner.lstrip('_')}{name}"} & {*code.co_varnames, *code.co_cellvars}:
        raise SourceError(f"the code must define a function named {name}; it does not")
    _show(text, file, next((c for c in _codes(code) if c.co_name == name), code))
    # `super()` in a function that had no class around it fails when it runs, as it should.
    closure = tuple(place.cells.get(free, CellType()) for free in code.co_freevars)
    made = FunctionType(code, place.names, closure=closure)()
    made = made.__func__ if isinstance(made, staticmethod | classmethod) else made
    if not callable(made):
        raise SourceError(f"{name} must be a function, but the code makes it {made!r}")
    return made


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a function stands: its globals, the variables around it, its class, its flags."""

    names: dict[str, Any]
    cells: dict[str, CellType]
    prefix: str = ""
    flags: int = 0

    @classmethod
    def of(cls, like: Any, name: str, extra: Mapping[str, Any]) -> _Place:
        plain = [layer for layer in layers(like) if isinstance(layer, FunctionType)]
        # Decorators below bundle stand in the text: what they wrapped is the place.
        named = [function for function in plain if function.__code__.co_name == name]
        function = next(iter(named or plain), None)
        names = {"__name__": "__trace__"} if function is None else function.__globals__
        cells = {
            key: CellType(value)
            for key, value in extra.items()
            if key.isidentifier() and not keyword.iskeyword(key) and key not in names
        }
        if function is None:
            return cls(names, cells)
        code, qualname = function.__code__, function.__qualname__
        cells |= zip(code.co_freevars, function.__closure__ or (), strict=True)
        prefix = qualname[: len(qualname) - len(qualname.rpartition(".")[2])]
        return cls(names, cells, prefix, code.co_flags)

    @property
    def owner(self) -> str:
        """The class whose name private names get; an underscore (which adds nothing) if none."""
        owner = self.prefix.rstrip(".").rpartition(".")[2]
        return owner if owner.isidentifier() else "_"


def layers(fun: Any) -> Iterator[Any]:
    """`fun` and what it wraps, outermost first; a ring of wrappers ends somewhere."""

    def chain(layer: Any) -> Iterator[Any]:
        while layer is not None:
            yield layer
            layer = getattr(layer, "__wrapped__", None)

    return islice(chain(fun.__func__ if isinstance(fun, MethodType) else fun), 100)


def inner_code(code: CodeType) -> CodeType:
    """The first function or class body among the constants of `code`."""
    return next(_codes(code))


def _file_name(text: str, name: str, label: str) -> str:
    # lazy: a shared library, needed only when code is defined
    from zlib import crc32

    # The same in every run, as it is quoted in tracebacks that models are shown.
    number = crc32(text.encode(errors="surrogatepass"))
    return f"<trace {f'{label} of ' if label else ''}{name} {number:08x}>"


def _codes(code: CodeType) -> Iterator[CodeType]:
    return (const for const in code.co_consts if isinstance(const, CodeType))


def _compile(text: str, file: str, name: str, place: _Place) -> CodeType:
    """The top level of `text` as a function body inside the scopes where it belongs.

    Nothing but this innermost body is ever run. The function outside makes the names of
    `place.cells` variables of an enclosing function; the class makes private names come
    out as in the original one; the class around *that* hides its name from the text,
    since the names in a class body are invisible to the functions in it.
    """
    tree: Any = tree_of(text, file)
    _refuse_outside(tree, text, file)
    flags = place.flags & sum(_FUTURES.values()) | _take_futures(tree, file)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            node.names = [ast.alias(public) for public in _public(node, place.names)]
        if isinstance(node, Def) and node.name == name:
            del node.decorator_list[: last_bundle(node, place.names) + 1]
    around: Any = tree_of("def _():\n class _:\n  class _:\n   def _(): return _")
    scope = around.body[0]
    scope.name, scope.args.args = _SCOPE, [ast.arg(key) for key in place.cells]
    shell = scope.body[0]
    shell.name = _SHELL
    shell.body[0].name = place.owner
    body = shell.body[0].body[0]
    body.name, body.body[0].value.id = _BODY, name
    body.body = [*tree.body, *body.body]
    code = compile(ast.fix_missing_locations(around), file, "exec", flags, dont_inherit=True)
    for _ in range(4):
        code = inner_code(code)
    path = f"{_SCOPE}.<locals>.{_SHELL}.{place.owner}.{_BODY}.<locals>."
    return _rename(code, path, place.prefix)


def _refuse_outside(tree: ast.Module, text: str, file: str) -> None:
    """Inside a function body Python would let pass what is wrong on the top level."""
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        if word := _OUTSIDE.get(type(node)):
            line = text.split("\n")[node.lineno - 1]  # type: ignore[attr-defined]
            where = (file, node.lineno, node.col_offset + 1, line)  # type: ignore[attr-defined]
            raise SyntaxError(f"{word!r} outside function", where)
        if not isinstance(node, Def | ast.ClassDef | ast.Lambda):
            left.extend(ast.iter_child_nodes(node))


def _take_futures(tree: ast.Module, file: str) -> int:
    """The flags of the ``from __future__`` imports in `tree`, which are taken out of it."""
    flags = 0
    for node in tree.body[:]:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            tree.body.remove(node)
            for alias in node.names:
                if alias.name not in _FUTURES:
                    words = f"future feature {alias.name} is not defined"
                    raise SyntaxError(words, (file, node.lineno, node.col_offset + 1, None))
                flags |= _FUTURES[alias.name]
    return flags


def _public(node: ast.ImportFrom, names: Mapping[str, Any]) -> list[str]:
    """The names that ``from ... import *`` brings; a function body cannot hold that line."""
    path = "." * node.level + (node.module or "")
    module = importlib.import_module(path, names.get("__package__"))
    return list(getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")]))


def _rename(code: CodeType, path: str, prefix: str) -> CodeType:
    """`code` with the qualified names of all that it defines as if it stood in its place."""

    def renamed(const: Any) -> Any:
        if isinstance(const, CodeType):
            return _rename(const, path, prefix)
        if isinstance(const, str) and const.startswith(path):
            return prefix + const[len(path) :]
        return const

    changes: dict[str, Any] = {"co_consts": tuple(map(renamed, code.co_consts))}
    if hasattr(code, "co_qualname"):  # 3.11 moved the name from the constants to here
        changes["co_qualname"] = renamed(code.co_qualname)
    return code.replace(**changes)


def _show(text: str, file: str, code: CodeType) -> None:
    """Let tracebacks and `inspect` see `text`, for as long as `code` lives."""
    entry = len(text), None, [line + "\n" for line in text.split("\n")], file
    linecache.cache[file] = entry
    # The code and not the function: a traceback can outlive the function.
    weakref.finalize(code, _hide, file, entry).atexit = False


def _hide(file: str, entry: tuple[Any, ...]) -> None:
    # The same text may have been defined again since.
    if linecache.cache.get(file) is entry:
        del linecache.cache[file]
