"""A class as text that holds what its objects have learned."""

from __future__ import annotations

import ast
import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opto.errors import StoreError
from opto.trace.containers import members, trainable_method
from opto.trace.export.literals import holds_parameters, literal, plain
from opto.trace.export.meaning import Function, unwrapped
from opto.trace.export.rewrite import Rewriter
from opto.trace.export.text import Text, indented
from opto.trace.nodes import ParameterNode
from opto.trace.syntax import last_bundle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Part", "TrainedClass", "first_line", "trained_code", "with_comments"]

_CALL = """\
def __call__(self, *args, **kwargs):
    return self.forward(*args, **kwargs)"""

_ADVICE = "give the objects classes of their own, or save() them"


@dataclass(frozen=True, slots=True)
class Part:
    """A statement beside the function in a code parameter: an import, a helper, a value.

    Args:
        node: the statement.
        text: its text, without the library.
    """

    node: ast.stmt = field(compare=False)
    text: str


class TrainedClass(Rewriter):
    """A `Rewriter` that knows the objects whose class it reads.

    Args:
        text: the text of the file.
        names: what the names in it stand for.
        what: the name of the class, for messages.
        known: what stands under the attributes of the objects.
        objects: the objects of the class whose learning is to be written down.
        owner: the class.
    """

    def __init__(
        self,
        text: Text,
        names: Mapping[str, Any],
        what: str,
        known: Mapping[str, Any] = types.MappingProxyType({}),
        objects: Sequence[Any] = (),
        owner: type | None = None,
    ) -> None:
        super().__init__(text, names, what, known)
        self.objects: Sequence[Any] = objects
        self.owner: type | None = owner
        self.written: set[str] = set()
        self.helpers: list[Part] = []
        self._inside: Function | None = None
        self._definitions: dict[str, Function] = {}

    def mangled(self, attribute: str) -> str:
        """Two underscores in front hide an attribute under the name of its class."""
        hidden = attribute.startswith("__") and not attribute.endswith("__")
        owner = self.owner.__name__.lstrip("_") if self.owner else ""
        return f"_{owner}{attribute}" if hidden and owner else attribute

    def current(self, attribute: str, margin: str) -> str:
        """The value of an attribute as text.

        Raises:
            StoreError: the objects of the class do not agree on it.
        """
        where = f"{self.what}.{attribute}"
        texts = {literal(plain(members(o).get(attribute)), where, margin) for o in self.objects}
        if len(texts) > 1:
            raise StoreError(
                f"{len(texts)} objects of the class {self.what} hold different values of "
                f"{attribute}, and a class can be written with one; {_ADVICE}"
            )
        return texts.pop()

    # -- the class -----------------------------------------------------------------------

    def trained(self, found: ast.ClassDef, *, calls: bool) -> None:
        """Visit the class; with `calls`, make its objects call `forward` when called."""
        self.decorators(found)
        self.bases(found)
        self._definitions = {f.name: f for f in found.body if isinstance(f, Function)}
        for statement in found.body:
            if not isinstance(statement, Function):
                self.visit(statement)
                continue
            stands = vars(self.owner).get(self.mangled(statement.name)) if self.owner else None
            if (
                trainable_method(unwrapped(stands))
                and statement is self._definitions[statement.name]
            ):
                self._learned(statement, unwrapped(stands))
            else:
                self.method(statement, static=isinstance(stands, staticmethod | classmethod))
        if calls:
            end = self.text.line((found.end_lineno or 0) + 1)
            self.replace(end, end, f"\n{indented(_CALL, self.text.margin(found.body[0]))}\n")

    def method(self, found: Function, *, static: bool = False) -> None:
        """Visit a method, with its first argument standing for the object."""
        arguments = [*found.args.posonlyargs, *found.args.args]
        before = self.me, self._inside
        self.me = arguments[0].arg if arguments and not static else None
        self._inside = found
        self.visit_FunctionDef(found)
        self.me, self._inside = before

    def _learned(self, found: Function, function: Any) -> None:
        """Put the code that was learned in the place of a method."""
        texts = {self._code(found.name, function, thing) for thing in self.objects or [None]}
        if len(texts) > 1:
            raise StoreError(
                f"{len(texts)} objects of the class {self.what} hold different code of "
                f"{found.name}, and a class can be written with one; {_ADVICE}"
            )
        code, helpers = texts.pop()
        self.helpers += helpers
        # Decorators below bundle stand in the code; those above it stand here only.
        above = found.decorator_list[: max(last_bundle(found, self.names, function._line), 0)]
        margin = self.text.margin(found)
        shown = "".join(
            f"{margin}@{self.text.between(self.text.start(d), self.text.end(d))}\n"
            for d in above
            if not self.library(d)
        )
        start = self.text.line(first_line(found))
        end = self.text.line((found.end_lineno or 0) + 1)
        self.replace(start, end, f"{shown}{indented(code, margin)}\n")

    def _code(self, name: str, function: Any, thing: Any) -> tuple[str, tuple[Part, ...]]:
        shared = isinstance(vars(self.owner)[self.mangled(name)], staticmethod | classmethod)
        # Asked of the function itself, since a subclass may have put another in its place.
        method = function if shared or thing is None else function.__get__(thing)
        what = f"{self.what}.{name}"
        original = self.text, self._definitions[name]
        return trained_code(
            method.parameter, name, what, original, self.names, self.members, self.owner
        )

    # -- assignments ---------------------------------------------------------------------

    def visit_Assign(self, found: ast.Assign) -> None:  # noqa: N802 - named by ast
        """Where a parameter is made, its present value is written."""
        pairs = list(_pairs(found))
        for target, value in pairs:
            self._assigned(target, value, self.text.margin(found))
        self.visit_each(found.targets)
        if not pairs:
            self.visit(found.value)

    def visit_AnnAssign(self, found: ast.AnnAssign) -> None:  # noqa: N802 - named by ast
        """As `visit_Assign`."""
        if found.value is None or not self._takes(found.target, found.value):
            super().visit_AnnAssign(found)
            return
        if self.library(found.annotation):
            self.replace(self.text.end(found.target), self.text.end(found.annotation))
        self._assigned(found.target, found.value, self.text.margin(found))

    def _assigned(self, target: ast.expr, value: ast.expr, margin: str) -> None:
        attribute = self._takes(target, value)
        if attribute is None:
            self.visit(value)
            return
        self.written.add(attribute)
        text = self.current(attribute, margin)
        self.replace(self.text.start(value), self.text.end(value), text)

    def _takes(self, target: ast.expr, value: ast.expr) -> str | None:
        """The attribute whose present value belongs in the place of `value`."""
        if not self.objects:
            return None
        if self._inside is None and isinstance(target, ast.Name):
            attribute = self.mangled(target.id)
            held = vars(self.owner).get(attribute)
            hidden = self.members.get(attribute) is not held
            return attribute if holds_parameters(held) and not hidden else None
        if not (isinstance(target, ast.Attribute) and self.is_me(target.value)):
            return None
        attribute, held = self.mangled(target.attr), self.members.get(self.mangled(target.attr))
        making = self._inside is not None and self._inside.name == "__init__"
        if isinstance(held, ParameterNode):
            return attribute if making or self.makes_node(value) else None
        # A collection may be filled by further statements; then it is written at the end.
        once = making and self._mentions(target.attr) == 1
        return attribute if once and holds_parameters(held) else None

    def _mentions(self, attribute: str) -> int:
        return sum(
            isinstance(n, ast.Attribute) and n.attr == attribute and self.is_me(n.value)
            for n in ast.walk(self._inside or ast.Pass())
        )

    def at_the_end(self, init: Function, attributes: Iterable[str]) -> None:
        """Assign attributes that nothing else in the class assigns, last in ``__init__``.

        Raises:
            StoreError: ``__init__`` returns before its end.
        """
        arguments = [*init.args.posonlyargs, *init.args.args]
        if not arguments or _returns(init.body):
            raise self.refuse(
                init,
                f"parameters ({', '.join(attributes)}) are made elsewhere than in plain "
                f"assignments of an __init__(self, ...) without return",
            )
        body, end = init.body[0], self.text.line((init.end_lineno or 0) + 1)
        margin = self.text.margin(body)
        start = self.text.start(body)
        if self.text.between(self.text.line(body.lineno), start).strip():
            # The body stands on the line of the `def`.
            lead = self.text.raw[:start].rstrip()
            self.replace(len(lead), start, f"\n{margin}")
        me = arguments[0].arg
        lines = [f"{margin}{me}.{a} = {self.current(a, margin)}\n" for a in attributes]
        self.replace(end, end, "".join(lines))


def first_line(found: Function | ast.ClassDef) -> int:
    """The line on which a definition begins, decorators counted in."""
    return min([found.lineno, *(d.lineno for d in found.decorator_list)])


def _returns(body: Iterable[ast.AST]) -> bool:
    """Whether a function with this body may end before its last line."""
    own = (part for part in body if not isinstance(part, Function | ast.ClassDef | ast.Lambda))
    return any(isinstance(part, ast.Return) or _returns(ast.iter_child_nodes(part)) for part in own)


def _pairs(found: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What is assigned to what, where that can be told."""
    several = ast.Tuple | ast.List
    if len(found.targets) != 1:
        return
    target, value = found.targets[0], found.value
    if isinstance(target, several) and isinstance(value, several):
        if len(target.elts) == len(value.elts) and not any(
            isinstance(e, ast.Starred) for e in [*target.elts, *value.elts]
        ):
            yield from zip(target.elts, value.elts, strict=True)
    elif not isinstance(target, several):
        yield target, value


def trained_code(
    parameter: ParameterNode[Any],
    name: str,
    what: str,
    original: tuple[Text, ast.AST],
    names: Mapping[str, Any],
    known: Mapping[str, Any] = types.MappingProxyType({}),
    owner: type | None = None,
) -> tuple[str, tuple[Part, ...]]:
    """The definition in a code parameter, and what stands around it.

    Args:
        parameter: the code.
        name: the function that it defines.
        what: what it is the code of, for messages.
        original: the text and the node of the function as it was written.
        names: what names in it stand for.
        known: what stands under the attributes of the object whose method it is.
        owner: the class whose method it is.

    Raises:
        StoreError: it does not define the function, or is no Python.
    """
    code = parameter._data
    try:
        tree = ast.parse(code)
    except (SyntaxError, TypeError, ValueError) as cause:
        raise StoreError(
            f"the code of {what} in {parameter.name} is no valid Python, so it cannot be exported: "
            f"{cause}"
        ) from cause
    text = Text(code)
    found = [n for n in tree.body if isinstance(n, Function) and n.name == name]
    if not found:
        raise StoreError(
            f"the code of {what} in {parameter.name} does not define {name}, so it cannot be "
            f"exported"
        )
    reader = TrainedClass(text, names, what, known, owner=owner)
    if isinstance(original[1], Function):
        _keep_defaults(reader, found[-1], original[0], original[1])
    parts: list[Part] = []
    code = ""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        if node is found[-1] and owner:
            reader.method(found[-1])
        else:
            reader.visit(node)
        line = first_line(node) if isinstance(node, Function | ast.ClassDef) else node.lineno
        start, end = text.line(with_comments(text, line)), text.line((node.end_lineno or 0) + 1)
        shown = text.edited(start, end, reader.edits).strip("\n")
        if node is found[-1]:
            code = shown
        elif shown != "pass":  # what is left of an import of the library
            parts.append(Part(node, shown))
    return code, tuple(parts)


def with_comments(text: Text, line: int) -> int:
    """The first of the comment lines right above `line`."""
    while line > 1 and text.lines[line - 2].lstrip().startswith("#"):
        line -= 1
    return line


def _keep_defaults(reader: Rewriter, new: Function, text: Text, old: Function) -> None:
    """Give arguments the defaults that calls of a rewritten function use: the original ones."""
    before, now = _defaults(old), _defaults(new)
    for argument in [*new.args.posonlyargs, *new.args.args, *new.args.kwonlyargs]:
        kept, given = before.get(argument.arg), now.get(argument.arg)
        if kept is None or (given is not None and ast.dump(kept) == ast.dump(given)):
            continue
        words = text.between(text.start(kept), text.end(kept))
        if given is not None:
            reader.replace(reader.text.start(given), reader.text.end(given), words)
        else:
            end = reader.text.end(argument)
            reader.replace(end, end, f" = {words}" if argument.annotation else f"={words}")


def _defaults(function: Function) -> dict[str, ast.expr]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    last = named[len(named) - len(arguments.defaults) :]
    found = {a.arg: value for a, value in zip(last, arguments.defaults, strict=True)}
    only = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return found | {a.arg: value for a, value in only if value is not None}
