"""From what a model wrote to a value of a parameter's type, or a reason why not.

One table: for each kind of present value, how an answer becomes another one of it. Only
what is safe and loses nothing is done; the rest is refused in words the model can act on.

Source: SPEC 12 A.2 and the decision "suggestion of the wrong type".
"""

from __future__ import annotations

import math
import re
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from json import dumps
from typing import Any

from opto.errors import AnswerError
from opto.formats.annotations import annotated
from opto.optimizers.arrays import array, scalar
from opto.optimizers.literals import literal, meant, numbers_in, plain
from opto.optimizers.records import example, reasons_in
from opto.optimizers.render import shown

__all__ = ["convert", "same"]

DEEPEST = 100
"""Levels of lists and objects that a value may have."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def convert(value: Any, like: Any) -> Any:
    """The value that an answer means, in the type of the present value.

    Args:
        value: what the answer gave, in JSON's types.
        like: the present value of the parameter; None takes anything.

    Raises:
        AnswerError: it is nothing of that type, or something would be lost.

    Example:
        >>> convert("5.0", 3), convert("False", True), convert("[1, 2]", [0]), convert([3, 4], (1,))
        (5, False, [1, 2], (3, 4))
        >>> convert(5.7, 3)
        Traceback (most recent call last):
            ...
        opto.errors.AnswerError: it must be a whole number, not 5.7
    """
    _check(value)
    try:
        return _row(like)(value, like)
    except (AnswerError, RecursionError, MemoryError):
        raise
    except Exception as cause:  # values of users' types may raise anything
        why = f"{type(cause).__name__}: {cause}"
        raise AnswerError(f"no answer can be made into a {type(like).__name__}: {why}") from cause


def same(one: Any, other: Any) -> bool:
    """Whether two values are of one type and equal; for arrays, in all of their items.

    Example:
        >>> same(1, 1), same(1, True), same([1.0], [1])
        (True, False, True)
    """
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    try:
        equal = one == other
        if hasattr(one, "dtype"):
            return bool(one.dtype == other.dtype and one.shape == other.shape and equal.all())
        return bool(equal)
    except Exception:  # noqa: BLE001 - the == of users' types may raise anything
        return False


# -- the rules: (value, present value) -> value of that type, or AnswerError ---------------


def _anything(value: Any, like: Any) -> Any:  # noqa: ARG001 - a row of the table
    return value


def _enum(value: Any, like: Enum) -> Enum:
    kind = type(like)
    if isinstance(value, str) and value in kind.__members__:
        return kind[value]
    for given in (value, meant(value)):
        for member in kind:
            if same(member.value, given):
                return member
    named = [m for m in kind if isinstance(value, str) and plain(value) in _called(m)]
    if len(named) == 1:
        return named[0]
    raise _refusal("one of " + ", ".join(m.name for m in kind), value)


def _called(member: Enum) -> set[str]:
    """What a member may be called in a text."""
    words = [member.name, f"{type(member).__name__}.{member.name}"]
    return {plain(word) for word in [*words, member.value] if isinstance(word, str)}


_YES = dict.fromkeys(("true", "yes", "on", "1"), True)
_NO = dict.fromkeys(("false", "no", "off", "0"), False)


def _bool(value: Any, like: bool) -> bool:  # noqa: ARG001 - a row of the table
    if isinstance(value, str):
        value = {**_YES, **_NO}.get(plain(value), value)
    if value in (0, 1) and isinstance(value, bool | int):
        return bool(value)
    raise _refusal("true or false", value)


def _int(value: Any, like: int) -> Any:
    number = meant(value)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool):
        raise _refusal("a whole number", value)
    return _of_kind(like, number, int)


def _float(value: Any, like: float) -> Any:
    number = meant(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise _refusal("a number", value)
    try:
        made = float(number)
    except OverflowError:
        made = math.inf
    if not math.isfinite(made):
        raise _refusal("a finite number", value)
    if made != number:
        raise _refusal("a number that a float can hold without loss", value)
    return _of_kind(like, made, float)


def _complex(value: Any, like: complex) -> Any:
    try:
        made = complex(value.replace(" ", "") if isinstance(value, str) else value)
    except (TypeError, ValueError):
        raise _refusal("a complex number such as '1+2j'", value) from None
    return _of_kind(like, made, complex)


def _str(value: Any, like: str) -> Any:
    if isinstance(value, int | float):
        value = str(value)
    elif isinstance(value, list | dict) and isinstance(literal(like), type(value)):
        value = dumps(value, ensure_ascii=False)  # the text is JSON now, and stays JSON
    if not isinstance(value, str):
        raise _refusal("a text", value)
    return _of_kind(like, value, str)


def _bytes(value: Any, like: Any) -> Any:
    raise _refusal(f"{type(like).__name__}, which JSON has no form for", value)


def _list(value: Any, like: Any) -> Any:
    return _of_kind(like, _members(value, like), list)


def _tuple(value: Any, like: Any) -> Any:
    names = getattr(like, "_fields", None)
    given = meant(value)
    if names and isinstance(given, Mapping) and set(given) == set(names):
        given = [given[name] for name in names]
    members = _members(given, () if names else like)
    if names is None:
        return _of_kind(like, tuple(members), tuple)
    if len(members) != len(names):
        raise _refusal(f"a list of {len(names)} values: {', '.join(names)}", value)
    return type(like)(*map(_gently, members, like))


def _deque(value: Any, like: Any) -> Any:
    members = _members(value, like)
    if like.maxlen is not None and len(members) > like.maxlen:
        raise _refusal(f"a list of {like.maxlen} values at most", value)
    made = like.copy()  # one of the same class, that holds as many
    made.clear()
    made.extend(members)
    return made


def _set(value: Any, like: Any) -> Any:
    try:
        return _of_kind(like, type(like)(_members(value, like)), type(like))
    except TypeError:
        raise _refusal("a list of plain values", value) from None


def _mapping(value: Any, like: Any) -> Any:
    given = meant(value)
    if not isinstance(given, Mapping):
        raise _refusal("an object", value)
    if like and all(type(key) is int for key in like):
        given = _with_int_keys(given)
    pairs = {k: _gently(v, like[k]) if k in like else v for k, v in given.items()}
    if type(like) is dict:
        return pairs
    made = like.copy()  # a dictionary of the same class, with the same default
    made.clear()
    made.update(pairs)
    return made


def _record(value: Any, like: Any) -> Any:
    given = meant(value)
    known = {f.name for f in fields(like) if f.init}
    if not isinstance(given, Mapping) and len(known) == 1:
        return _custom(value, like)
    if not isinstance(given, Mapping) or not set(given) <= known:
        raise _refusal(f"an object with some of {', '.join(sorted(known))}", value)
    kinds = annotated(type(like))
    changes = {
        name: None
        if part is None and type(None) in kinds.get(name, ())
        else convert(part, example(getattr(like, name), kinds.get(name, ())))
        for name, part in given.items()
    }
    return _constructed(lambda: replace(like, **changes), like, value)


def _model(value: Any, like: Any) -> Any:
    """A model of pydantic, as it checks it; what is not given stays as it is."""
    given, kind = meant(value), type(like)
    if not isinstance(given, Mapping):
        return _constructed(lambda: kind.model_validate(given), like, value)
    known = {name: name for name in kind.model_fields}
    known |= {f.alias: name for name, f in kind.model_fields.items() if f.alias}
    if not set(given) <= set(known) and kind.model_config.get("extra") != "allow":
        raise _refusal(f"an object with some of {', '.join(kind.model_fields)}", value)
    said = {name: getattr(like, name) for name in kind.model_fields}
    for key, part in given.items():
        name = known.get(key, key)
        # The rest is pydantic's to convert: it knows the types, and not only present values.
        ours = isinstance(said.get(name), Enum) or is_dataclass(said.get(name))
        nested = hasattr(said.get(name), "model_validate")
        said[name] = _gently(part, said[name]) if ours or nested else part
    aliases = {name: f.alias for name, f in kind.model_fields.items() if f.alias}
    named = {aliases.get(name, name): part for name, part in said.items()}
    return _constructed(lambda: kind.model_validate(named), like, value)


def _from_text(value: Any, like: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise _refusal(f"a text that reads as a {type(like).__name__}", value)
    make = getattr(type(like), "fromisoformat", type(like))
    return _constructed(lambda: make(value.strip()), like, value)


def _custom(value: Any, like: Any) -> Any:
    """A user's own class, made by calling it: safe where its constructor is Python code."""
    kind = type(like)
    written = hasattr(kind.__init__, "__code__") or hasattr(kind.__new__, "__code__")
    if callable(like) or not written or kind.__module__ in sys.stdlib_module_names:
        raise AnswerError(f"no answer can be made into a {kind.__name__}")
    return _constructed(lambda: kind(value), like, value)


# -- the table: the first row that fits the present value counts ---------------------------

_Rule = Callable[[Any, Any], Any]


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda like: isinstance(like, kinds)


def _named(*names: str) -> Callable[[Any], bool]:
    # By name, so that nothing is imported for a type that the program does not use.
    return lambda like: any(f"{k.__module__}.{k.__name__}" in names for k in type(like).__mro__)


_TABLE: tuple[tuple[Callable[[Any], bool], _Rule], ...] = (
    (lambda like: like is None, _anything),
    (_is(Enum), _enum),
    (_is(bool), _bool),
    (_is(int), _int),
    (_is(float), _float),
    (_is(complex), _complex),
    (_is(str), _str),
    (_is(bytes, bytearray, memoryview), _bytes),
    (_is(tuple), _tuple),
    (_is(list), _list),
    (_is(deque), _deque),
    (_is(set, frozenset), _set),
    (_is(dict), _mapping),
    (_named("numpy.ndarray"), lambda value, like: array(numbers_in(value), like)),
    (_named("numpy.generic"), lambda value, like: scalar(convert(value, like.item()), like)),
    (
        _named(
            "decimal.Decimal", "fractions.Fraction", "uuid.UUID", "datetime.date", "datetime.time"
        ),
        _from_text,
    ),
    (lambda like: hasattr(like, "__fspath__"), _from_text),
    (lambda like: is_dataclass(like) and not isinstance(like, type), _record),
    (lambda like: hasattr(type(like), "model_validate"), _model),  # pydantic's
    (_is(object), _custom),
)


def _row(like: Any) -> _Rule:
    return next(rule for fits, rule in _TABLE if fits(like))


# -- parts that the rules share ------------------------------------------------------------


def _refusal(expected: str, value: Any) -> AnswerError:
    return AnswerError(f"it must be {expected}, not {shown(value)}")


def _members(value: Any, like: Sequence[Any] | AbstractSet[Any]) -> list[Any]:
    """The members of a list, each in the type that all present members have."""
    given = meant(value)
    if not isinstance(given, list | tuple | set | frozenset):
        raise _refusal("a list", value)
    kinds = {type(member) for member in like}
    model = next(iter(like)) if len(kinds) == 1 else None
    return [_gently(member, model) for member in given]


def _gently(value: Any, like: Any) -> Any:
    """Inside of a container the type is a custom, not a rule: kept where that is possible."""
    try:
        return convert(value, like)
    except AnswerError:
        return value


def _with_int_keys(given: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Keys that were numbers before JSON made texts of them are numbers again."""
    try:
        return {int(key): value for key, value in given.items()}
    except (TypeError, ValueError):
        return given


def _of_kind(like: Any, made: Any, base: type) -> Any:
    """`made` in a user's subclass of the built-in type, where the present value is of one."""
    kind = type(like)
    return made if kind is base else _constructed(lambda: kind(made), like, made)


def _constructed(make: Callable[[], Any], like: Any, value: Any) -> Any:
    kind = type(like)
    try:
        made = make()
    except AnswerError:
        raise
    except Exception as cause:
        why = reasons_in(cause)
        raise AnswerError(f"{kind.__name__} does not take {shown(value)}: {why}") from cause
    if not isinstance(made, kind):
        raise AnswerError(f"{shown(value)} makes a {type(made).__name__}, not a {kind.__name__}")
    return made


def _check(value: Any) -> None:
    """Refuse what JSON allows and Python or a file later stumbles on."""
    level = [value]
    for _ in range(DEEPEST):
        if any(isinstance(part, str) and _SURROGATE.search(part) for part in level):
            raise AnswerError("it holds half of a character that is written in two parts")
        if any(isinstance(part, float) and not math.isfinite(part) for part in level):
            raise AnswerError("its numbers must be finite: nan and infinity are no values in JSON")
        inner = [part for part in level if isinstance(part, dict | list)]
        if not inner:
            return
        level = [x for part in inner for x in part]
        level += [x for part in inner if isinstance(part, dict) for x in part.values()]
    raise AnswerError("its lists and objects nest too deeply")
