"""Columns of single values as bytes and back: numbers, texts, dates, arrays.

Each column is of one exact type. Used by both sides; imports the standard library only.
"""

from __future__ import annotations

import re
from array import array
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from . import arrays, hashes
from .bits import Garbage, Reader, TooLarge, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CODES", "COMPLEX", "COST", "DIGITS", "TO_TEXT", "read", "write"]

# An integer of more digits raises in CPython when it is printed.
DIGITS = 4300
BITS = int(DIGITS * 3.3219)
# That of `decimal`'s own context: nothing is calculated beyond.
EXPONENT = 999_999
# Characters of the longest date with the longest name of a time zone.
DATE = 128
ZONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,3}")
OFFSET = re.compile(r"(-?)(\d{1,5})\.(\d{1,6})")

# The codes stand on the wire: never renumber. 0 to 2 and from 32 on are `codec`'s.
INT, FLOAT, COMPLEX, STR, BYTES, FRACTION = 3, 4, 5, 6, 7, 9
CODES: dict[type, int] = {
    int: INT,
    float: FLOAT,
    complex: COMPLEX,
    str: STR,
    bytes: BYTES,
    Decimal: 8,
    Fraction: FRACTION,
    date: 10,
    time: 11,
    datetime: 12,
    timedelta: 13,
    arrays.Array: 16,
}
# About what CPython takes for each object, and the slot that holds it.
COST = {INT: 36, FLOAT: 32, COMPLEX: 40, STR: 64, BYTES: 48, 8: 112, 9: 120, 10: 40, 11: 48}
COST |= {12: 56, 13: 48, 16: 160}


def write(out: Writer, code: int, column: list[Any]) -> None:
    """Write a column; raises `TooLarge` for a number of too many digits."""
    if code == FLOAT:
        out.numbers("d", column)
    elif code == INT:
        _write_integers(out, column)
    elif code == STR:
        out.texts(column)
    elif code == BYTES:
        out.blobs(column)
    elif code == COMPLEX:
        out.numbers("d", [part for z in column for part in (z.real, z.imag)])
    elif code == CODES[arrays.Array]:
        out.texts([one.form for one in column])
        out.blobs([one.raw for one in column])
    else:
        texts = list(map(TO_TEXT[code], column))
        if code == FRACTION:
            out.long_numbers(len(text) // 3 for text in texts)
        out.texts(texts)


def read(data: Reader, code: int, many: int) -> list[Any]:
    """Read a column; raises `Garbage`, or what the constructors of the values raise."""
    if code == INT:
        return _read_integers(data, many)
    if code == STR:
        return data.texts(many)
    if code == COMPLEX:
        parts = data.numbers("d", 2 * many).tolist()
        return list(map(complex, parts[::2], parts[1::2]))
    if code == CODES[arrays.Array]:
        forms = data.texts(many)
        return list(map(arrays.rebuilt, forms, data.blobs(many)))
    if code in FROM_TEXT:
        texts = data.texts(many)
        if code > FRACTION and max(map(len, texts), default=0) > DATE:
            raise Garbage("a date of too many characters")
        if code == FRACTION:
            data.long_numbers(len(text) // 3 for text in texts)
        return list(map(FROM_TEXT[code], texts))
    if code not in {FLOAT, BYTES}:
        raise Garbage(f"there is no type {code}")
    return data.blobs(many) if code == BYTES else data.numbers("d", many).tolist()


def _write_integers(out: Writer, column: list[int]) -> None:
    try:
        narrow = array("q", column)
    except OverflowError:
        widest = max(map(int.bit_length, column))
        if widest > BITS:
            raise TooLarge(f"an integer of {widest} bits; at most {DIGITS} digits") from None
        blobs = [n.to_bytes(n.bit_length() // 8 + 1, "little", signed=True) for n in column]
        out.long_numbers(map(len, blobs))
        out.put(b"\x01")
        out.blobs(blobs)
    else:
        out.put(b"\x00")
        out.put(narrow.tobytes())


def _read_integers(data: Reader, many: int) -> list[int]:
    if data.take(1)[0] == 0:
        return data.numbers("q", many).tolist()
    parts = data.blobs(many)
    if max(map(len, parts), default=0) > BITS // 8 + 1:
        raise Garbage(f"an integer of more than {DIGITS} digits")
    data.long_numbers(map(len, parts))
    integers = [int.from_bytes(part, "little", signed=True) for part in parts]
    hashes.check(integers)
    return integers


def _decimal(text: str) -> Decimal:
    if len(text) > DIGITS + 32:
        raise Garbage(f"a decimal of more than {DIGITS} digits")
    value = Decimal(text)
    if why := _is_odd(value):
        raise Garbage(why)
    return value


def _is_odd(value: Decimal) -> str:
    """What is wrong with a decimal that raises when it is compared, or is endless spelled out."""
    if value.is_snan():
        return "a decimal that signals it is no number"
    if value.is_finite() and abs(value.adjusted()) > EXPONENT:
        return f"a decimal with an exponent beyond {EXPONENT}"
    return ""


def _decimal_text(value: Decimal) -> str:
    if why := _is_odd(value):
        raise TooLarge(why)
    text = str(value)
    if len(text) > DIGITS + 32:
        raise TooLarge(f"a decimal of {len(text)} digits; at most {DIGITS}")
    return text


def _fraction(text: str) -> Fraction:
    if len(text) > 2 * (BITS // 4 + 2):
        raise Garbage(f"a fraction of more than {DIGITS} digits")
    top, _, bottom = text.partition("/")
    return Fraction(int(top, 16), int(bottom, 16))


def _fraction_text(value: Fraction) -> str:
    top, bottom = value.numerator, value.denominator
    if max(top.bit_length(), bottom.bit_length()) > BITS:
        raise TooLarge(f"a fraction of more than {DIGITS} digits")
    return f"{top:x}/{bottom:x}"


def _delta_text(value: timedelta) -> str:
    return f"{value.days},{value.seconds},{value.microseconds}"


def _delta(text: str) -> timedelta:
    return timedelta(*map(int, text.split(",")))


def _zoned_text(value: datetime | time) -> str:
    zone: Any = value.tzinfo
    if zone is None:
        said = ""
    elif type(zone) is timezone:
        offset = zone.utcoffset(None)
        sign, size = ("-", -offset) if offset < timedelta() else ("", offset)
        said = f"{sign}{size.days * 86400 + size.seconds}.{size.microseconds}"
    elif type(zone) is ZoneInfo and zone.key:
        said = zone.key
    else:
        raise TooLarge(f"a time zone of type {type(zone).__name__} does not travel")
    return f"{value.fold}{value.replace(tzinfo=None).isoformat()}|{said}"


def _zone(said: str) -> timezone | ZoneInfo | None:
    if not said:
        return None
    if offset := OFFSET.fullmatch(said):
        size = timedelta(seconds=int(offset[2]), microseconds=int(offset[3]))
        return timezone(-size if offset[1] else size)
    if len(said) > 64 or not ZONE.fullmatch(said):
        raise Garbage("no name of a time zone")
    return ZoneInfo(said)


def _zoned(kind: type[Any]) -> Callable[[str], Any]:
    def rebuilt(text: str) -> Any:
        when, _, zone = text[1:].partition("|")
        plain = kind.fromisoformat(when)
        if plain.tzinfo is not None:
            raise Garbage("a time zone in the wrong place")
        return plain.replace(tzinfo=_zone(zone), fold=int(text[:1]))

    return rebuilt


TO_TEXT: dict[int, Callable[[Any], str]] = {
    8: _decimal_text,
    9: _fraction_text,
    10: date.isoformat,
    11: _zoned_text,
    12: _zoned_text,
    13: _delta_text,
}
FROM_TEXT: dict[int, Callable[[str], Any]] = {
    8: _decimal,
    9: _fraction,
    10: date.fromisoformat,
    11: _zoned(time),
    12: _zoned(datetime),
    13: _delta,
}
