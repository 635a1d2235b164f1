"""Parameter files of the original library, read without running them.

The original saves by pickle, and a pickle is a program for a small machine that can
call anything. The reader here gives that machine plain containers and empty shells to
work with and nothing else, so that a file which wants more is refused before it gets it.
"""

from __future__ import annotations

import collections
import io
import pickle
from collections.abc import Mapping
from pickletools import genops
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opto.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OldParameter", "old_parameters"]


class _Shell:
    """Stands for an object of the original; keeps its attributes, does nothing."""

    # A pickle may make one without `__init__`.
    state: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, *_args: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        # With slots, the state is a pair of dictionaries.
        parts = state if isinstance(state, tuple) else (state,)
        self.state = {k: v for part in parts if isinstance(part, dict) for k, v in part.items()}


class OldParameter(_Shell):
    """A parameter as the original pickled it."""

    @property
    def value(self) -> Any:
        """The value it held.

        Raises:
            StoreError: the file does not say.
        """
        if "_data" not in self.state:
            raise StoreError("a parameter in the old file has no value; the file is damaged")
        return self.state["_data"]

    @property
    def trainable(self) -> bool:
        """Whether an optimizer could change it."""
        return bool(self.state.get("trainable", True))


class _Container(_Shell):
    """A `Module`, `Seq` or `Map` as the original pickled it."""


def _bytes_of(text: str, encoding: str) -> bytes:
    """Old protocols write bytes as text to be encoded."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


def _no_items(content: Any = ()) -> bytearray:
    """`bytearray`, without the form that takes a size."""
    return bytearray(bytes(content) if isinstance(content, bytes) else b"")


_KNOWN: dict[str, Any] = {
    "builtins.set": set,
    "builtins.frozenset": frozenset,
    "builtins.list": list,
    "builtins.complex": complex,
    "builtins.bytearray": _no_items,
    "_codecs.encode": _bytes_of,
    "collections.defaultdict": collections.defaultdict,
    "collections.OrderedDict": collections.OrderedDict,
    "opto.trace.nodes.ParameterNode": OldParameter,
    "opto.trace.nodes.Node": _Shell,
    "opto.trace.containers.Seq": _Container,
    "opto.trace.containers.Map": _Container,
}
_KNOWN |= {name.replace("builtins", "__builtin__"): v for name, v in _KNOWN.items()}

# What a machine that is fed nonsense may raise.
_DAMAGE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


class _Reader(pickle.Unpickler):
    def __init__(self, raw: bytes, own: frozenset[str]) -> None:
        super().__init__(io.BytesIO(raw))
        self._own = own

    def find_class(self, module: str, name: str) -> Any:
        """The shell or plain type that goes under this name; never an import."""
        full = f"{module}.{name}"
        if full in self._own:
            return _Container
        if full not in _KNOWN:
            raise StoreError(
                f"the pickle file asks for {full}, which is neither a parameter nor a plain value; "
                f"nothing of it was run. If you trust where it comes from, load it with the "
                f"original trace-opt and write the values down from there"
            )
        return _KNOWN[full]


def _look_through(raw: bytes) -> None:
    """See that no step of the program asks for more memory than the file could need.

    A number in a damaged file, taken for a place or a length, would be granted gigabytes.

    Raises:
        pickle.UnpicklingError: a place to keep something in lies beyond what there is.
        ValueError: the file is no pickle; a text or a list of bytes ends before its length.
    """
    for step, place, _ in genops(raw):
        if step.name in _PUTS and isinstance(place, int) and place > len(raw):
            raise pickle.UnpicklingError(f"a place numbered {place} in {len(raw)} bytes")


_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})


def old_parameters(raw: bytes, own: frozenset[str]) -> dict[tuple[str, ...], OldParameter]:
    """Parameters by their path, from the bytes of a file that the original wrote.

    Args:
        raw: the file.
        own: full names of classes of the user's whose objects may stand in the file as
            containers; they become shells too.

    Raises:
        StoreError: the file is damaged, or asks for anything but parameters and plain values.
    """
    try:
        _look_through(raw)
        content = _Reader(raw, own).load()
    except StoreError:
        raise
    except _DAMAGE as cause:
        raise StoreError(f"the file is no pickle file that can be read: {cause!r}") from cause
    if not isinstance(content, dict):
        raise StoreError("the pickle file holds no parameters; the original wrote a dict of them")
    if set(content) == {"parameters_dict", "non_parameters_dict"}:
        content = content["parameters_dict"]
    return dict(_walk((), content, set()))


def _walk(
    path: tuple[str, ...], item: Any, opened: set[int]
) -> Iterator[tuple[tuple[str, ...], OldParameter]]:
    """The parameters in a dict, and in the containers within it; plain values are not opened."""
    if id(item) in opened:
        return
    opened.add(id(item))
    if isinstance(item, _Container):
        item = item.state["data"] if set(item.state) == {"data"} else item.state
    named = isinstance(item, Mapping)
    for key, below in item.items() if named else enumerate(item):
        name = key if isinstance(key, str) else f"[{key!r}]" if named else str(key)
        if isinstance(below, OldParameter):
            yield (*path, name), below
        elif isinstance(below, _Container):
            yield from _walk((*path, name), below, opened)
