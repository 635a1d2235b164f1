"""The place where a text runs: its namespace, its call, and what became of it."""

from __future__ import annotations

import os
import random
import sys
import warnings
from contextlib import suppress
from importlib import import_module
from types import AsyncGeneratorType, CoroutineType, GeneratorType, ModuleType
from typing import TYPE_CHECKING, Any

from .bits import TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

    from .talk import Talk

__all__ = ["offered", "played", "told"]

MODULE = "__candidate__"
READ_ONLY = (
    "is a read-only view in the sandbox: return what is new instead; grant a function that sets "
    "it by bundle(sandbox=sandbox.Policy(host={...})); or run the code in your program by "
    'sandbox="none", if you trust it'
)
MOST_LINES, MOST_TEXT = 20, 4096


def played(task: dict[str, Any], talk: Talk) -> tuple[bool, Any]:
    """Run a text and call its function.

    Returns:
        Whether the result was drawn item by item, and the result.
    """
    module = ModuleType(MODULE)
    sys.modules[MODULE] = module  # `dataclasses` looks there
    scene = module.__dict__
    _seed(task["seed"])
    if task["folder"]:
        with suppress(OSError):  # what cannot be entered holds nothing that may be read
            os.chdir(task["folder"])
    for alias, target in task["modules"].items():
        scene[alias] = _imported(target)
    scene.update(task["values"])
    for name, awaited in task["host"].items():
        scene[name] = talk.stub(name, awaited=awaited, plain=offered)
    for name, text in task["sources"].items():
        _run(text, f"<{name}>", task["flags"], scene)
    _run(task["text"], task["label"], task["flags"], scene)
    if task["name"] not in scene:
        raise NameError(f"the code defines no {task['name']!r}")
    _seed_numpy(task["seed"])
    args = task["args"]
    if task["view"] is not None:
        args = (_view(task["view"], talk), *args)
    return _drawn(scene[task["name"]](*args, **task["kwargs"]), task["result"] // 8)


def _run(text: str, label: str, flags: int, scene: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            code = compile(text, label, "exec", flags, dont_inherit=True)
        except MemoryError:  # what its parser says of brackets a hundred deep
            raise SyntaxError("too deeply nested to be compiled") from None
    exec(code, scene)  # noqa: S102 - what the sandbox is for


def _imported(target: str) -> Any:
    name, _, attributes = target.partition(":")
    found: Any = import_module(name)
    for attribute in filter(None, attributes.split(".")):
        found = getattr(found, attribute)
    return found


def _seed(seed: str) -> None:
    random.seed(seed)
    _seed_numpy(seed)


def _seed_numpy(seed: str) -> None:
    """NumPy's chance begins anew, if it is there; a fork would go on where the parent was."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(random.Random(seed).getrandbits(32))  # noqa: S311 - no secret


def _drawn(value: Any, most: int) -> tuple[bool, Any]:
    """A result, with what it would only do later done now."""
    kind = type(value)
    if kind is GeneratorType:
        return True, _items(value, most)
    if kind is CoroutineType or kind is AsyncGeneratorType:
        # lazy: the worker has it already; a worker for a single call may do without.
        import asyncio

        if kind is CoroutineType:
            return _drawn(asyncio.run(value), most)
        return True, asyncio.run(_async_items(value, most))
    return False, value


def _items(stream: Any, most: int) -> list[Any]:
    items = []
    for item in stream:
        items.append(item)
        _count(items, most)
    return items


async def _async_items(stream: Any, most: int) -> list[Any]:
    items = []
    async for item in stream:
        items.append(item)
        _count(items, most)
    return items


def _count(items: list[Any], most: int) -> None:
    if len(items) > most:
        raise TooLarge(f"more than {most} items")


def _view(spec: dict[str, Any], talk: Talk) -> Any:
    """What stands for `self`."""
    owner, left_out = spec["owner"], spec["left_out"]
    held = dict(spec["values"])
    for name, awaited in spec["host"].items():
        held[name] = talk.stub(f"self.{name}", awaited=awaited, plain=offered)

    class View:
        __slots__ = ()

        def __getattr__(self, name: str) -> Any:
            if name in held:
                return held[name]
            missing = f"{owner!r} object has no attribute {name!r}"
            raise AttributeError(left_out.get(name, missing))

        def __setattr__(self, name: str, value: Any) -> None:
            raise AttributeError(f"{spec['parameter']} {READ_ONLY}")

        def __delattr__(self, name: str) -> None:
            raise AttributeError(f"{spec['parameter']} {READ_ONLY}")

        def __dir__(self) -> list[str]:
            return sorted({*held, *left_out})

        def __repr__(self) -> str:
            return f"<{owner} in the sandbox>"

    View.__name__ = View.__qualname__ = owner
    return View()


# By their own methods: those of a derived class may say something else.
FLAT: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: complex.__pos__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    list: lambda value: list.__getitem__(value, slice(None)),
    tuple: lambda value: tuple.__getitem__(value, slice(None)),
    dict: lambda value: dict(dict.items(value)),
    set: lambda value: set().union(value),
    frozenset: lambda value: frozenset().union(value),
}


def offered(value: Any) -> Any:
    """Plain data in the place of an object whose class offers it, or is derived from plain data."""
    kind = type(value)
    make = getattr(kind, "__opto_plain__", None)
    if make is None:
        make = next((FLAT[base] for base in kind.__mro__ if base in FLAT), None)
    return value if make is None else make(value)


def told(error: BaseException, label: str) -> dict[str, Any]:
    """What there is to say of an exception, as data."""
    kind = type(error)
    name = _said(lambda: kind.__qualname__)
    home = _said(lambda: kind.__module__)
    if home not in {"builtins", MODULE}:
        name = f"{home}.{name}"
    # Its class may have an attribute of its own of this name.
    lines = _lines(vars(BaseException)["__traceback__"].__get__(error), label)
    if isinstance(error, SyntaxError) and error.filename == label and type(error.lineno) is int:
        lines.append(error.lineno)
    return {
        "error": name[:200],
        "message": _said(lambda: error),
        "lines": [line for line in lines if 0 < line < 1 << 31][-MOST_LINES:],
        "memory": isinstance(error, MemoryError),
        "limit": isinstance(error, TooLarge),
    }


def _said(look: Callable[[], Any]) -> str:
    """The text of what there is to look at, as an exact `str`; or why it cannot be read."""
    try:
        return str.__str__(str(look()))[:MOST_TEXT]
    except BaseException as another:  # noqa: BLE001 - it is of foreign making
        return f"(its message cannot be read: {type(another).__name__})"


def _lines(traceback: Any, label: str) -> list[int]:
    lines = []
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == label and traceback.tb_lineno:
            lines.append(traceback.tb_lineno)
        traceback = traceback.tb_next
    return lines
