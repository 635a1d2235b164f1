"""Plain data as bytes and back: only exact types, in columns, and never a name of a class.

A value goes level by level: the value itself, then what it contains, then what that contains.
A level is one code a value, and a column for each type that occurs: all integers side by side,
all texts joined. So nearly all work is done by loops of C, and reading needs no recursion.
Whatever the bytes say, only the types of this file can come out of them, and no more memory is
taken than `limits` allow. Used by both sides; imports the standard library only.
"""

from __future__ import annotations

from itertools import accumulate, chain, compress, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from . import arrays, hashes, scalars
from .bits import Garbage, Reader, TooLarge, Unsendable, Writer

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable

__all__ = ["Garbage", "Limits", "TooLarge", "Unsendable", "decode", "encode", "pieces"]


class Limits(NamedTuple):
    """How much one message may be.

    Attributes:
        size: bytes.
        memory: bytes of the objects that it becomes, about.
        depth: how deep containers may lie in each other.
    """

    size: int
    memory: int
    depth: int = 100

    @classmethod
    def of(cls, size: int) -> Limits:
        """The limits of a message of some size: eight bytes of objects for each of its own."""
        return cls(size, 8 * size + 65536)


# The codes stand on the wire: never renumber.
NONE, FALSE, TRUE = 0, 1, 2
CONTAINERS: dict[type, int] = {list: 32, tuple: 33, set: 34, frozenset: 35, dict: 36}
CODES: dict[type, int] = {type(None): NONE, bool: TRUE, **scalars.CODES, **CONTAINERS}
LIST, DICT, ARRAY = CONTAINERS[list], CONTAINERS[dict], CODES[arrays.Array]
BUILD: dict[int, Callable[[Iterable[Any]], Any]] = {
    code: kind for kind, code in CONTAINERS.items() if kind is not dict
}
# About what CPython takes for each object, and the slot that holds it; there are two of these
# while containers are filled.
COST = {NONE: 16, TRUE: 16, LIST: 80, 33: 64, 34: 232, 35: 232, DICT: 80, **scalars.COST}
COST_OF_ENTRY = {LIST: 0, 33: 0, 34: 48, 35: 48, DICT: 100}
# Types whose hashes a program can choose. Of integers, only long ones: `scalars` looks at them.
CHOSEN = {scalars.COMPLEX, *scalars.TO_TEXT, CONTAINERS[tuple], CONTAINERS[frozenset]}
# A tuple does not keep its hash: tuples in tuples are hashed again at each level, in all so much.
HASHED = 1 << 26


def encode(value: Any, limits: Limits, plain: Callable[[Any], Any] | None = None) -> bytes:
    """The bytes of a value; see `pieces`."""
    return b"".join(pieces(value, limits, plain))


def pieces(value: Any, limits: Limits, plain: Callable[[Any], Any] | None = None) -> list[bytes]:
    """The bytes of a value, in pieces, as long ones are better not copied.

    Args:
        value: plain data.
        limits: how much it may be.
        plain: what to send for an object of another type; raises `TypeError` if nothing.

    Raises:
        Unsendable: something in it is no plain data; the message says where.
        TooLarge: it is larger, or deeper, than the limits.
    """
    out, level, depth, memory = Writer(limits.size), [value], 0, 0
    while level:
        depth += 1
        if depth > limits.depth:
            raise TooLarge(f"nested more than {limits.depth} deep, or contains itself")
        codes = _codes(level, value, plain)
        kinds = _write_codes(out, codes, len(level))
        memory += sum(COST.get(code, 8) * many for code, many in kinds.items())
        if memory > limits.memory:
            raise TooLarge(f"more than {limits.memory} bytes of objects")
        try:
            level = _write_columns(out, codes, kinds, level, limits)
        except RuntimeError as error:
            raise Unsendable(f"a container changed while it was sent: {error}") from None
    return out.pieces()


def _codes(level: list[Any], root: Any, plain: Callable[[Any], Any] | None) -> bytes:
    """One code a value, or one for all; objects of other types are replaced in `level` first."""
    kinds = set(map(type, level))
    if not kinds <= CODES.keys():
        for at, value in enumerate(level):
            if type(value) not in CODES:
                level[at] = _replaced(value, root, plain)
        kinds = set(map(type, level))
    if len(kinds) == 1 and bool not in kinds:
        return bytes((CODES[kinds.pop()],))
    codes = bytes(map(CODES.__getitem__, map(type, level)))
    if bool in kinds:
        codes = bytes([FALSE if v is False else c for v, c in zip(level, codes, strict=True)])
    return codes


def _replaced(value: Any, root: Any, plain: Callable[[Any], Any] | None) -> Any:
    numeric = arrays.from_numpy(value)
    if numeric is not None:
        return numeric
    if plain is not None:
        offered = plain(value)
        if type(offered) in CODES:
            return offered
        numeric = arrays.from_numpy(offered)
        if numeric is not None:
            return numeric
    raise Unsendable(_where(value, root))


def _where(value: Any, root: Any) -> str:
    """What a value is and where it lies, for the one who sent it."""
    kind = type(value)
    name = (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    return f"a value of type {name}{_path(value, root)}: only plain data travels"


def _path(value: Any, root: Any) -> str:
    """How to get to a value, as one would write it: ``[0]['a']``."""
    todo, seen = [("", root)], set()
    while todo:
        path, here = todo.pop()
        if here is value:
            return f" at {path}" if path else ""
        if id(here) in seen or type(here) not in CONTAINERS:
            continue
        seen.add(id(here))
        if type(here) is dict:
            todo += [(f"{path}[{_key(k)}]", v) for k, v in here.items()]
            todo += [(f"{path}, a key", k) for k in here]
        else:
            todo += [(f"{path}[{n}]", v) for n, v in enumerate(here)]
    return ""


def _key(key: Any) -> str:
    return repr(key)[:40] if type(key) in {str, int} else "..."


def _counts(codes: bytes) -> dict[int, int]:
    return {code: codes.count(code) for code in sorted(set(codes))}


def _write_codes(out: Writer, codes: bytes, count: int) -> dict[int, int]:
    """Write the codes of a level; how often each occurs, in order."""
    if len(codes) == 1:
        out.put(b"\x01" + codes)
        return {codes[0]: count}
    out.put(b"\x00" + codes)
    return _counts(codes)


def _write_columns(
    out: Writer, codes: bytes, kinds: dict[int, int], level: list[Any], limits: Limits
) -> list[Any]:
    """Write the columns of a level; what its containers hold is the next level."""
    below: list[Any] = []
    for code in kinds:
        if code <= TRUE:
            continue
        column = level if len(kinds) == 1 else _only(level, codes, code)
        if code in COST_OF_ENTRY:
            below.extend(_write_sizes(out, column, code, limits))
        else:
            scalars.write(out, code, column)
    return below


def _only(values: Iterable[Any], codes: bytes, code: int) -> list[Any]:
    """The values that have a code."""
    table = bytearray(256)
    table[code] = 1
    return list(compress(values, codes.translate(bytes(table))))


def _write_sizes(out: Writer, column: list[Any], code: int, limits: Limits) -> list[Any]:
    sizes = list(map(len, column))
    total = sum(sizes) * (2 if code == DICT else 1)
    # Before the list is made: containers that hold one another again and again are small in
    # memory, and endless spelled out.
    if 8 * total > limits.memory:
        raise TooLarge(f"more than {limits.memory} bytes of objects")
    out.numbers("I", sizes)
    if code == DICT:
        inside = [*chain.from_iterable(column)]
        inside += chain.from_iterable(map(dict.values, column))
    else:
        inside = list(chain.from_iterable(column))
    if len(inside) != total:
        raise Unsendable("a container changed while it was sent")
    return inside


class _Level(NamedTuple):
    codes: bytes
    columns: dict[int, list[Any]]
    sizes: dict[int, array[int]]


def decode(data: bytes | bytearray, limits: Limits) -> Any:
    """The value that `encode` made the bytes of.

    Raises:
        Garbage: they are of no value, or of one larger than the limits.
    """
    try:
        below: list[Any] = []
        numeric, deep, hashed = False, 0, 0
        levels = _read_levels(data, limits)
        while levels:
            level = levels.pop()  # what it took is free again when it is built
            deep, hashed = _weighed(level, deep, hashed)
            below = _built(level, below, numeric=numeric)
            numeric = ARRAY in level.codes
    except Garbage:
        raise
    except (TypeError, ValueError, ArithmeticError, LookupError, OSError) as error:
        # Keys that cannot be hashed, dates in no calendar, folders for time zones.
        raise Garbage(f"{type(error).__name__}: {error}") from None
    return below[0]


def _read_levels(data: bytes | bytearray, limits: Limits) -> list[_Level]:
    """All levels, the outermost first; what they ask for is weighed before it is made."""
    if len(data) > limits.size:
        raise Garbage(f"{len(data)} bytes, of at most {limits.size}")
    levels: list[_Level] = []
    read, count, memory = Reader(data), 1, 0
    while count:
        if len(levels) == limits.depth:
            raise Garbage(f"nested more than {limits.depth} deep")
        if memory + 8 * count > limits.memory:
            raise Garbage(f"more than {limits.memory} bytes of objects")
        level, memory = _read_level(read, count, memory, limits)
        levels.append(level)
        count = sum(sum(sizes) * (2 if code == DICT else 1) for code, sizes in level.sizes.items())
    read.end()
    return levels


def _read_level(read: Reader, count: int, memory: int, limits: Limits) -> tuple[_Level, int]:
    if read.take(1)[0] == 1:
        one = read.take(1)[0]
        counts, codes = {one: count}, bytes((one,))
    else:
        codes = bytes(read.take(count))
        counts = _counts(codes)
    memory += sum(COST.get(code, 8) * many for code, many in counts.items())
    if memory > limits.memory:
        raise Garbage(f"more than {limits.memory} bytes of objects")
    columns: dict[int, list[Any]] = {}
    sizes: dict[int, array[int]] = {}
    for code, many in counts.items():
        if code <= TRUE:
            columns[code] = [(None, False, True)[code]] * many
        elif code in COST_OF_ENTRY:
            sizes[code] = read.numbers("I", many)
            memory += COST_OF_ENTRY[code] * sum(sizes[code])
        else:
            columns[code] = scalars.read(read, code, many)
            if code in CHOSEN:
                hashes.check(columns[code])
    return _Level(codes, columns, sizes), memory


def _weighed(level: _Level, deep: int, hashed: int) -> tuple[int, int]:
    """How many values lie in the tuples of a level, however deep, and how many were hashed yet.

    Args:
        level: what was read of it.
        deep: the first of the two for the level below.
        hashed: the second.
    """
    held = [sizes for code, sizes in level.sizes.items() if code in CHOSEN]
    deep = sum(map(sum, held), deep) if held else 0
    if any(len(sizes) > hashes.MOST for sizes in held):
        hashed += deep
    if hashed > HASHED:
        raise Garbage("too much in tuples that lie in each other")
    return deep, hashed


def _built(level: _Level, below: list[Any], *, numeric: bool) -> list[Any]:
    """The values of a level, from those of the level below.

    Args:
        level: what was read of it.
        below: what its containers hold.
        numeric: scalars of NumPy are among that; as keys, they are looked at in their table, as
            those that are no keys may be as many and as equal as they like.
    """
    columns, start = level.columns, 0
    for code, sizes in sorted(level.sizes.items()):
        total = sum(sizes)
        if code == DICT:
            middle, end = start + total, start + 2 * total
            keys = below[start:middle]
            columns[code] = _dicts(sizes, keys, below[middle:end], numeric=numeric)
        else:
            end = start + total
            items = below if not start else below[start:end]
            columns[code] = _filled(code, sizes, items, numeric=numeric)
            if code in CHOSEN:
                hashes.check(columns[code])
        start = end
    if len(level.codes) == 1:
        return columns[level.codes[0]]
    draw = {code: iter(column).__next__ for code, column in columns.items()}
    return [draw[code]() for code in level.codes]


def _filled(code: int, sizes: array[int], items: list[Any], *, numeric: bool) -> list[Any]:
    ends = accumulate(sizes)
    parts = (items[end - size : end] for size, end in zip(sizes, ends, strict=True))
    if code == LIST:
        return list(parts)
    build = BUILD[code]
    if build is tuple:
        return list(map(build, parts))
    return [_unique(build(_keys(part, numeric=numeric)), len(part)) for part in parts]


def _dicts(sizes: array[int], keys: list[Any], values: list[Any], *, numeric: bool) -> list[Any]:
    made, next_keys, next_values = [], iter(keys), iter(values)
    for size in sizes:
        some: Iterable[Any] = islice(next_keys, size)
        if numeric:
            some = _keys(list(some), numeric=numeric)
        made.append(_unique(dict(zip(some, islice(next_values, size), strict=True)), size))
    return made


def _keys(part: list[Any], *, numeric: bool) -> list[Any]:
    if numeric:
        hashes.check(part)
    return part


def _unique(made: Any, size: int) -> Any:
    if len(made) != size:
        raise Garbage("the same key twice")
    return made
