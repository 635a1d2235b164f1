"""Write `src/opto/trace/magic.pyi`: the types of what nodes can do, from the table.

    python tools/magic_stub.py            write it
    python tools/magic_stub.py --check    only say whether it is up to date

The result of an operator is what the type of the value says it is: `node(3) + 4` holds what
`int.__add__` gives. Where a type checker cannot know, it is a `Node[Any]`, never an error.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from opto.trace import magic
from opto.trace.table import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

STUB = Path(__file__).resolve().parents[1] / "src" / "opto" / "trace" / "magic.pyi"
WIDTH = 100

HEAD = """\
# Made by tools/magic_stub.py from the table of operations. Change those, then run it.

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, Literal, Protocol, SupportsIndex, TypeVar, final, overload

from opto.trace.table import Operation
from opto.trace.value import Node

{offered}

_D = TypeVar("_D")
_K = TypeVar("_K")
_R = TypeVar("_R")
_V = TypeVar("_V")
_Y = TypeVar("_Y")
_T_co = TypeVar("_T_co", covariant=True)
_R_co = TypeVar("_R_co", covariant=True)
_Y_contra = TypeVar("_Y_contra", contravariant=True)

# No value is of this type, so what passes for it is Any: nothing is known of the value.
@final
class _Unknown: ...
"""


class Form(NamedTuple):
    """One way to call a method: of which values, with what, and what the result holds."""

    of: str
    given: str
    result: str
    note: str = ""

    def line(self, name: str) -> str:
        """The form as a line of a stub, or three if it is too long for one."""
        me = f"self: Operators[{self.of}]" if self.of else "self"
        given = f"{me}, {self.given}" if self.given else me
        line = f"    def {name}({given}) -> Node[{self.result}]: ..."
        if len(line + self.note) <= WIDTH:
            return f"{line}{self.note}\n"
        return f"    def {name}({self.note}\n        {given}\n    ) -> Node[{self.result}]: ...\n"


# x < y is y > x where the type of x has no answer; of other operators there is an `__r...__`.
MIRROR = {"__lt__": "__gt__", "__gt__": "__lt__", "__le__": "__ge__", "__ge__": "__le__"}

# Asked both ways round, Python goes to the left side; mypy thinks of values that answer as both.
CROSSED = "  # type: ignore[misc]"

# An int to the power of an int is an int where the exponent is seen not to be negative.
POWERS = [
    Form("int", f"other: Literal[{', '.join(map(str, range(11)))}]", "int"),
    Form("int", "other: int | Node[int]", "Any"),
]

# What takes its arguments in a way of its own. The last form holds for every value; where
# there are others, it also comes first, for values of which nothing is known.
METHODS = {
    "__getitem__": [
        Form("_Getitem[_Y, _R]", "index: _Y | Node[_Y]", "_R"),
        Form("_Getitem[slice, _R]", "index: slice | Node[slice]", "_R"),
        Form("", "index: Any", "Any"),
    ],
    "__round__": [
        Form("_Round[_R]", "n: None = None", "_R"),
        Form("_RoundTo[_R]", "n: SupportsIndex | Node[SupportsIndex]", "_R"),
        Form("", "n: Any = None", "Any"),
    ],
    "__call__": [
        Form("Callable[..., Node[_R]]", "*args: Any, **kwargs: Any", "_R"),
        Form("Callable[..., _R]", "*args: Any, **kwargs: Any", "_R"),
        Form("", "*args: Any, **kwargs: Any", "Any"),
    ],
    # To pyright `divmod` asks for the first form alone, which int and float do not share.
    "__divmod__": [Form("", "other: Any", "tuple[Any, Any]")],
    "__rdivmod__": [Form("", "other: Any", "tuple[Any, Any]")],
    "eq": [Form("_Eq[_R]", "other: Any", "_R")],
    "neq": [Form("_Ne[_R]", "other: Any", "_R")],
    "getattr": [Form("", "key: str", "Any")],
    "call": [Form("", "fun: str, *args: Any, **kwargs: Any", "Any")],
    "len": [Form("", "", "int")],
    "append": [Form("", "item: Any", "Any")],
    "pop": [
        Form("_Pop[_Y, _R]", "index: _Y | Node[_Y] = ...", "_R"),
        Form("", "index: Any = -1", "Any"),
    ],
    "get": [
        Form("Mapping[_K, _V]", "key: _K | Node[_K], default: None = None", "_V | None"),
        Form("Mapping[_K, _V]", "key: _K | Node[_K], default: Node[_D]", "_V | _D"),
        Form("Mapping[_K, _V]", "key: _K | Node[_K], default: _D", "_V | _D"),
        Form("", "key: Any, default: Any = None", "Any"),
    ],
    "keys": [Form("Mapping[_K, Any]", "", "list[_K]"), Form("", "", "list[Any]")],
    "values": [Form("_Values[_V]", "", "list[_V]"), Form("", "", "list[Any]")],
    "split": [
        Form(
            "",
            "sep: str | Node[str | None] | None = None, maxsplit: int | Node[int] = -1",
            "list[str]",
        )
    ],
    "strip": [Form("", "chars: str | Node[str | None] | None = None", "str")],
    "replace": [
        Form("", "old: str | Node[str], new: str | Node[str], count: int | Node[int] = -1", "str")
    ],
    "join": [Form("", "seq: Iterable[str | Node[str]] | Node[Iterable[str]]", "str")],
    "format": [Form("", "/, *args: Any, **kwargs: Any", "str")],
}

# What is asked of a value, beside the operators.
ASKED = {
    "_Getitem": "__getitem__(self, index: _Y_contra, /) -> _R_co: ...",
    "_Round": "__round__(self) -> _R_co: ...",
    "_RoundTo": "__round__(self, n: SupportsIndex, /) -> _R_co: ...",
    "_Eq": "__eq__(self, other: Any, /) -> _R_co: ...  # type: ignore[override]",
    "_Ne": "__ne__(self, other: Any, /) -> _R_co: ...  # type: ignore[override]",
    "_Pop": "pop(self, index: _Y_contra, /) -> _R_co: ...",
    "_Values": "values(self) -> Iterable[_R_co]: ...",
}


def stub() -> str:
    """The text of the stub."""
    head = HEAD.format(offered=f"__all__ = {json.dumps(magic.__all__)}")
    nodes = "\nclass Operators(Generic[_T_co]):\n"
    return "".join([head, *_protocols(), "\n", *_helpers(), nodes, *_methods()])


def _methods() -> Iterator[str]:
    for name, (*forms, last) in signatures().items():
        if not forms:
            yield last.line(name)
            continue
        for form in [last._replace(of="_Unknown"), *forms, last]:
            yield f"    @overload\n{form.line(name)}"


def signatures() -> dict[str, list[Form]]:
    """Every recorded method of a node, and in which forms it can be called."""
    found = {}
    for dunder, asked in _operators():
        if _is_unary(dunder):
            found[dunder] = [Form(f"{_protocol(asked)}[_R]", "", "_R"), Form("", "", "Any")]
        elif _is_reflected(dunder):
            note = CROSSED if dunder == asked else ""
            found[dunder] = _reflected(asked, f"__{asked[3:]}", note)
        else:
            found[dunder] = _binary(asked, MIRROR.get(asked, f"__r{asked[2:]}"))
    for name, operation in OPERATIONS.items():
        if operation.method and operation.guard is str and len(operation.keys) == 1:
            found[name] = [Form("", "", "str")]
    return found | METHODS


def _operators() -> Iterator[tuple[str, str]]:
    """The operators of nodes, each with the method of a value that answers."""
    for operation in OPERATIONS.values():
        for dunder in operation.dunder:
            if dunder not in METHODS:
                # What Python 2 called __div__ is answered by __truediv__.
                yield dunder, operation.dunder[_is_reflected(dunder)]


def _binary(asked: str, mirrored: str) -> list[Form]:
    mine, theirs = f"{_protocol(asked)}[_Y, _R]", f"{_protocol(mirrored)}[_Y, _R]"
    return [
        Form("", "other: Node[_Unknown]", "Any"),
        *(POWERS if asked == "__pow__" else ()),
        Form(mine, "other: _Y | Node[_Y]", "_R"),
        Form("_Y", f"other: Node[{theirs}]", "_R"),
        # A node has the methods of a number, but is none.
        Form("", "other: Node[Any]", "Any"),
        Form("_Y", f"other: {theirs}", "_R", CROSSED if asked in MIRROR else ""),
        Form("", "other: Any", "Any"),
    ]


def _reflected(asked: str, mirrored: str, note: str) -> list[Form]:
    return [
        Form("", "other: Node[Any]", "Any"),
        Form("_Y", f"other: {_protocol(mirrored)}[_Y, _R]", "_R", note),
        Form(f"{_protocol(asked)}[_Y, _R]", "other: _Y", "_R"),
        Form("", "other: Any", "Any"),
    ]


def _protocols() -> Iterator[str]:
    asked = dict(ASKED)
    for _, dunder in _operators():
        given = "self" if _is_unary(dunder) else "self, other: _Y_contra, /"
        asked[_protocol(dunder)] = f"{dunder}({given}) -> _R_co: ..."
    for name, method in sorted(asked.items()):
        variables = "_Y_contra, _R_co" if "_Y_contra" in method else "_R_co"
        yield f"\nclass {name}(Protocol[{variables}]):\n    def {method}\n"


def _helpers() -> Iterator[str]:
    """The public functions of magic.py, as they are declared there."""
    for found in ast.parse(inspect.getsource(magic)).body:
        if isinstance(found, ast.FunctionDef) and not found.name.startswith("_"):
            result = ast.unparse(found.returns or ast.Name("None"))
            yield f"def {found.name}({ast.unparse(found.args)}) -> {result}: ...\n"


def _protocol(dunder: str) -> str:
    return f"_{dunder.strip('_').capitalize()}"


def _is_unary(dunder: str) -> bool:
    return any(dunder in op.dunder and len(op.keys) == 1 for op in OPERATIONS.values())


def _is_reflected(dunder: str) -> bool:
    return dunder.startswith("__r") and dunder != "__rshift__"


def main() -> int:
    """Write the stub, or say that it is not what it would be."""
    parser = argparse.ArgumentParser(description="Write the types of what nodes can do.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    if not parser.parse_args().check:
        STUB.write_text(stub(), encoding="utf-8")
    elif STUB.read_text(encoding="utf-8") != stub():
        print(f"{STUB} is stale; run: python tools/magic_stub.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
