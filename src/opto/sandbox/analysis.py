"""What a text of Python needs from outside, by its syntax alone: nothing of it is run."""

from __future__ import annotations

import ast
import inspect
import symtable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

from opto._legible import illegible
from opto.errors import SandboxError, SourceError
from opto.trace.syntax import Def, definition_in, tree_of, undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LONGEST", "Facts", "Kind", "facts_of", "free_of"]

Kind: TypeAlias = Literal["function", "coroutine", "generator", "async generator"]

# Parsing takes much more memory than the text, and happens in the host.
LONGEST = 128 * 1024

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a function's text.

    Attributes:
        free: names that it uses and does not define, builtins among them, sorted.
        own: names that it defines beside the function's.
        imports: packages and modules that it imports, by the first part of their names.
        kind: what calling the function gives.
        decorated: whether decorators stand on the function.
        first: the name of the function's first parameter, or None.
        attributes: what is read of the first parameter, sorted; None where it is used in
            another way than by its attributes, so that anything may be read of it.
        signature: how the function is called; None where a default is no plain constant.
    """

    free: tuple[str, ...]
    own: frozenset[str]
    imports: frozenset[str]
    kind: Kind
    decorated: bool
    first: str | None
    attributes: tuple[str, ...] | None
    signature: inspect.Signature | None


@lru_cache(maxsize=256)
def facts_of(text: str, name: str) -> Facts:
    r"""The facts about the function `name` that `text` defines.

    Raises:
        SyntaxError: `text` is no Python.
        SourceError: it does not define the function.
        SandboxError: it is too long or too deep to be read.

    Example:
        >>> facts = facts_of("import math\ndef area(r):\n    return math.pi * scale(r)", "area")
        >>> facts.free, facts.kind, str(facts.signature)
        (('scale',), 'function', '(r)')
    """
    if why := illegible(text, LONGEST):
        raise SandboxError(f"the code cannot be read: {why}")
    try:
        tree = tree_of(text)
        found = _defined(tree, name)
        return Facts(
            free=free_of(text),
            own=_names_of(text)[0] - {name},
            imports=_imports(tree),
            kind=_kind(found),
            decorated=bool(found.decorator_list),
            first=next((arg.arg for arg in _positional(found)), None),
            attributes=_attributes(found),
            signature=_signature(found),
        )
    except (RecursionError, MemoryError) as cause:
        raise SandboxError("the code is nested too deeply to be read") from cause
    except SourceError:
        raise
    except ValueError as cause:  # a null byte, or half a character
        raise SandboxError(f"the code cannot be read: {cause}") from cause


@lru_cache(maxsize=256)
def free_of(text: str) -> tuple[str, ...]:
    r"""The names that `text` uses and does not define, builtins among them, sorted.

    Raises:
        SyntaxError: `text` is no Python.
        SandboxError: it is too long to be read.

    Example:
        >>> free_of("def f(x):\n    return [scale(y) for y in x]")
        ('scale',)
    """
    if why := illegible(text, LONGEST):
        raise SandboxError(f"the code cannot be read: {why}")
    return tuple(sorted(_names_of(text)[1]))


def _defined(tree: ast.Module, name: str) -> Def:
    try:
        return definition_in(tree, name)
    except SourceError:
        # It may stand within an `if` or a `try`, where a program may define it just as well.
        inside = [n for n in _statements(tree) if isinstance(n, Def) and n.name == name]
        if not inside:
            raise
        return inside[-1]


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All that is run when the text is: not what lies in functions and classes."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, _SCOPES):
            yield from _statements(node)


@lru_cache(maxsize=256)
def _names_of(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names that `text` defines, and those that it uses and does not define."""
    # Annotations are not evaluated in a worker: what they name is not needed.
    whole = text if "__future__" in text else f"from __future__ import annotations\n{text}"
    table = undisturbed(lambda: symtable.symtable(whole, "<code>", "exec"))
    top = table.get_symbols()
    own = {s.get_name() for s in top if s.is_assigned() or s.is_imported() or s.is_namespace()}
    used = {s.get_name() for s in top if s.is_referenced()}
    todo = list(table.get_children())
    while todo:
        inner = todo.pop()
        todo += inner.get_children()
        used |= {s.get_name() for s in inner.get_symbols() if s.is_global()}
    return frozenset(own) - {"annotations"}, frozenset(used - own)


def _imports(tree: ast.Module) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return frozenset(name.partition(".")[0] for name in found)


def _kind(found: Def) -> Kind:
    own = [n for line in found.body for n in (line, *_statements(line)) if not _is_scope(line)]
    yields = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own)
    if isinstance(found, ast.AsyncFunctionDef):
        return "async generator" if yields else "coroutine"
    return "generator" if yields else "function"


def _is_scope(node: ast.AST) -> bool:
    return isinstance(node, _SCOPES)


def _positional(found: Def) -> list[ast.arg]:
    return [*found.args.posonlyargs, *found.args.args]


def _attributes(found: Def) -> tuple[str, ...] | None:
    """What is read of the first parameter, if nothing else is done with it."""
    positional = _positional(found)
    if not positional:
        return ()
    first, read, met = positional[0].arg, set(), 0
    for node in ast.walk(found):
        if isinstance(node, ast.Attribute) and _is_name(node.value, first):
            read.add(node.attr)
            met += 1
        elif isinstance(node, ast.Name) and node.id == first:
            met -= 1
    return tuple(sorted(read)) if met == 0 else None


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _signature(found: Def) -> inspect.Signature | None:
    """The signature, by the text; defaults are those that can be read without running it."""
    given = found.args
    positional = _positional(found)
    try:
        late = [ast.literal_eval(default) for default in given.defaults]
        named = [
            inspect.Parameter.empty if d is None else ast.literal_eval(d) for d in given.kw_defaults
        ]
    except (ValueError, TypeError):
        return None
    defaults = [inspect.Parameter.empty] * (len(positional) - len(late)) + late
    kinds = inspect._ParameterKind
    made = []
    for place, (arg, default) in enumerate(zip(positional, defaults, strict=True)):
        only = place < len(given.posonlyargs)
        kind = kinds.POSITIONAL_ONLY if only else kinds.POSITIONAL_OR_KEYWORD
        made.append(inspect.Parameter(arg.arg, kind, default=default))
    if given.vararg:
        made.append(inspect.Parameter(given.vararg.arg, kinds.VAR_POSITIONAL))
    for arg, default in zip(given.kwonlyargs, named, strict=True):
        made.append(inspect.Parameter(arg.arg, kinds.KEYWORD_ONLY, default=default))
    if given.kwarg:
        made.append(inspect.Parameter(given.kwarg.arg, kinds.VAR_KEYWORD))
    return inspect.Signature(made)
