"""Every operation of the library, a row each: its function and its words.

The words go into prompts: a model reads them to learn what a step did. Dunder
methods of nodes are made from these rows by `magic`, functions by `operators`.
"""

from __future__ import annotations

import copy
import math
import operator
from ast import literal_eval
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opto.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["OPERATIONS", "Operation"]


@dataclass(frozen=True, slots=True)
class Operation:
    """What can be done, in code and in words.

    Attributes:
        name: what results are called, such as ``"add"``.
        function: works on values, not on nodes.
        keys: the names of its arguments.
        words: what it does, for a model to read; tagged ``[name]``.
        defaults: the values of arguments that may be left out.
        dunder: the methods of a node that it makes: the plain one, then the reflected.
        method: whether it is also a named method of a node.
        guard: the type a value must have for that method to exist, or None.
        mutates: whether it may change an argument in place.
        info_of: works out the `info` of a result, for operations that have more to say.
    """

    name: str
    function: Callable[..., Any]
    keys: tuple[str, ...] = ()
    words: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    dunder: tuple[str, ...] = ()
    method: bool = False
    guard: type | None = None
    mutates: bool = False
    info_of: Callable[[Any], dict[str, Any]] | None = None

    @classmethod
    def of_words(cls, name: str, keys: tuple[str, ...], words: str) -> Operation:
        """An operation of which only the words are known: it can be shown and not run."""
        return cls(name, _not_kept, keys, words)

    def told(self) -> Operation:
        """Its words alone, which can be kept and sent where its code cannot."""
        return Operation.of_words(self.name, self.keys, self.words)

    def keys_of(self, given: int, keywords: Iterable[str] = ()) -> tuple[str, ...]:
        """The names of `given` arguments by position and those by keyword.

        Example:
            >>> OPERATIONS["join"].keys_of(3)
            ('x', 'args_0', 'args_1')
        """
        keys = self.keys
        if given == len(keys) and not keywords and not any(k[0] == "*" for k in keys):
            return keys
        plain = [k for k in keys if k[0] != "*"]
        numbered = [f"args_{i}" for i in range(given - len(plain))]
        # What stands after the star is given in every call.
        star = next((i for i, k in enumerate(keys) if k[0] == "*"), len(keys))
        return (*plain[: min(given, star)], *numbered, *plain[star:], *keywords)


def _not_kept(*_args: Any, **_kwargs: Any) -> Any:
    raise NodeError("of this operation only the words were kept; it cannot be run again")


def _row(
    name: str,
    function: Callable[..., Any],
    keys: str,
    words: str,
    dunder: str = "",
    **more: Any,
) -> tuple[str, Operation]:
    # `*` marks what takes any number: its arguments are numbered at the call.
    pairs = [key.partition("=") for key in keys.split()]
    return name, Operation(
        name,
        function,
        tuple(key for key, _, _ in pairs),
        f"[{name}] {words}",
        {key: literal_eval(default) for key, _, default in pairs if default},
        tuple(dunder.split()),
        **more,
    )


def _mutated(method: str) -> Callable[..., Any]:
    """The functional form of a method that changes its object: it changes a copy."""

    def changed(x: Any, *args: Any, **kwargs: Any) -> Any:
        new = copy.copy(x)
        getattr(new, method)(*args, **kwargs)
        return new

    return changed


def _method(name: str) -> Callable[..., Any]:
    return operator.methodcaller(name)


def _round(x: Any, n: Any = None) -> Any:
    return round(x, n)


def _cond(condition: Any, x: Any, y: Any) -> Any:
    return x if condition else y


def _pop(x: Any, index: Any = -1) -> Any:
    return x.pop(index)


def _get(x: Any, key: Any, default: Any = None) -> Any:
    return x.get(key, default)


def _split(x: Any, y: Any = None, maxsplit: Any = -1) -> Any:
    return x.split(y, maxsplit)


def _join(x: Any, *y: Any) -> Any:
    # Both forms of the original: ", ".join(list) and join(", ", a, b).
    return x.join(y[0] if len(y) == 1 and not isinstance(y[0], str) else y)


def _call(fun: Any, *args: Any, **kwargs: Any) -> Any:
    return fun(*args, **kwargs)


def _sorted(x: Any, key: Any = None, reverse: Any = False) -> Any:
    return sorted(x, key=key, reverse=reverse)


def _negation(x: Any) -> Any:
    return not x


def _among(x: Any, y: Any) -> Any:
    return x in y


def _not_among(x: Any, y: Any) -> Any:
    return x not in y


def _strip(x: Any, chars: Any = None) -> Any:
    return x.strip(chars)


def _replace(x: Any, old: Any, new: Any, count: Any = -1) -> Any:
    return x.replace(old, new, count)


def _keys(x: Any) -> Any:
    return list(x.keys())


def _values(x: Any) -> Any:
    return list(x.values())


def _iterate(x: Any) -> Any:
    raise TypeError(f"Cannot unpack non-iterable {type(x).__name__} object")


_R = "__{0}__ __r{0}__".format

OPERATIONS: dict[str, Operation] = dict(
    [
        _row("clone", copy.deepcopy, "x", "A copy of x."),
        _row("pos", operator.pos, "x", "Plus x.", "__pos__"),
        _row("neg", operator.neg, "x", "Minus x.", "__neg__"),
        _row("abs", abs, "x", "The absolute value of x.", "__abs__"),
        _row("invert", operator.invert, "x", "The bitwise inverse of x.", "__invert__"),
        _row("round", _round, "x n=None", "x rounded to n decimals, or to a whole number."),
        _row("floor", math.floor, "x", "x rounded down.", "__floor__"),
        _row("ceil", math.ceil, "x", "x rounded up.", "__ceil__"),
        _row("trunc", math.trunc, "x", "x cut towards zero.", "__trunc__"),
        _row("add", operator.add, "x y", "x plus y.", _R("add")),
        _row("subtract", operator.sub, "x y", "x minus y.", _R("sub")),
        _row("multiply", operator.mul, "x y", "x times y.", _R("mul")),
        _row("floor_divide", operator.floordiv, "x y", "x // y.", _R("floordiv")),
        _row("divide", operator.truediv, "x y", "x divided by y.", _R("truediv") + " " + _R("div")),
        _row("mod", operator.mod, "x y", "x modulo y.", _R("mod")),
        _row("node_divmod", divmod, "x y", "Quotient and remainder of x by y.", _R("divmod")),
        _row("power", operator.pow, "x y", "x to the power of y.", _R("pow")),
        _row("lshift", operator.lshift, "x y", "x shifted left by y.", _R("lshift")),
        _row("rshift", operator.rshift, "x y", "x shifted right by y.", _R("rshift")),
        _row("and_", operator.and_, "x y", "x & y.", _R("and")),
        _row("or_", operator.or_, "x y", "x | y.", _R("or")),
        _row("xor", operator.xor, "x y", "x ^ y.", _R("xor")),
        _row("lt", operator.lt, "x y", "Whether x < y.", "__lt__"),
        _row("le", operator.le, "x y", "Whether x <= y.", "__le__"),
        _row("eq", operator.eq, "x y", "Whether x equals y.", method=True),
        _row("neq", operator.ne, "x y", "Whether x differs from y.", method=True),
        _row("ne", operator.ne, "x y", "Whether x differs from y."),
        _row("ge", operator.ge, "x y", "Whether x >= y.", "__ge__"),
        _row("gt", operator.gt, "x y", "Whether x > y.", "__gt__"),
        _row("cond", _cond, "condition x y", "x if the condition holds, y otherwise."),
        _row("not_", _negation, "x", "Whether x is false."),
        _row("is_", operator.is_, "x y", "Whether x and y are one object."),
        _row("is_not", operator.is_not, "x y", "Whether x and y are two objects."),
        _row("in_", _among, "x y", "Whether x is in y."),
        _row("not_in", _not_among, "x y", "Whether x is not in y."),
        _row("getitem", operator.getitem, "x index", "The item of x at index.", "__getitem__"),
        _row("iterate", _iterate, "x", "The items of x."),
        _row("pop", _pop, "x index=-1", "Takes the item at index out of x.", mutates=True),
        _row("len_", len, "x", "The length of x."),
        _row("ord_", ord, "x", "The number of the character x."),
        _row("chr_", chr, "x", "The character of number x."),
        _row("concat", operator.add, "x y", "The text x followed by y."),
        _row("lower", _method("lower"), "x", "x in lower case.", method=True, guard=str),
        _row("upper", _method("upper"), "x", "x in upper case.", method=True, guard=str),
        _row("title", _method("title"), "x", "x with capital initials.", method=True, guard=str),
        _row("swapcase", _method("swapcase"), "x", "x with cases swapped.", method=True, guard=str),
        _row("capitalize", _method("capitalize"), "x", "x as a sentence.", method=True, guard=str),
        _row("split", _split, "x y=None maxsplit=-1", "x cut into a list at each y."),
        _row("strip", _strip, "x chars=None", "x without chars at its ends."),
        _row("replace", _replace, "x old new count=-1", "x with old replaced by new."),
        _row("format", str.format, "x *args **kwargs", "x with its fields filled in."),
        _row("join", _join, "x *y", "The texts y joined by x."),
        _row("keys", _keys, "x", "The keys of x.", guard=dict, method=True),
        _row("values", _values, "x", "The values of x.", method=True),
        _row("get", _get, "x key default=None", "The value of key in x, or the default."),
        _row("to_list", list, "x", "x as a list."),
        _row("to_dict", dict, "x", "x as a dict."),
        _row("to_set", set, "x", "x as a set."),
        _row("to_tuple", tuple, "x", "x as a tuple."),
        _row("make_list", lambda *args: list(args), "*args", "A list of the arguments."),
        _row("make_dict", lambda **kw: kw, "**kwargs", "A dict of the arguments."),
        _row("make_set", lambda *args: set(args), "*args", "A set of the arguments."),
        _row("make_tuple", lambda *args: args, "*args", "A tuple of the arguments."),
        _row("node_getattr", getattr, "obj attr", "The attribute attr of obj."),
        _row("call", _call, "fun *args **kwargs", "The result of fun.", mutates=True),
        _row("dict_update", _mutated("update"), "x y", "A copy of x updated with y."),
        _row("dict_pop", _mutated("pop"), "x key", "A copy of x without key."),
        _row("dict_popitem", _mutated("popitem"), "x", "A copy of x without its last item."),
        _row("list_append", _mutated("append"), "x y", "A copy of x with y at its end."),
        _row("list_clear", _mutated("clear"), "x", "An empty copy of x."),
        _row("list_extend", _mutated("extend"), "x y", "A copy of x with the items of y added."),
        _row("list_insert", _mutated("insert"), "x index y", "A copy of x with y at index."),
        _row("list_pop", _mutated("pop"), "x index=-1", "A copy of x without the item at index."),
        _row("list_remove", _mutated("remove"), "x y", "A copy of x without its first y."),
        _row("list_reverse", _mutated("reverse"), "x", "A reversed copy of x."),
        _row("list_sort", _sorted, "x key=None reverse=False", "A sorted copy of x."),
        _row("set_add", _mutated("add"), "x y", "A copy of x with y in it."),
        _row("set_clear", _mutated("clear"), "x", "An empty copy of x."),
        _row("set_discard", _mutated("discard"), "x y", "A copy of x without y, if it is there."),
        _row(
            "set_intersection_update",
            _mutated("intersection_update"),
            "x y",
            "A copy of x with only what is also in y.",
        ),
        _row("set_pop", _mutated("pop"), "x", "A copy of x without one of its items."),
        _row("set_remove", _mutated("remove"), "x y", "A copy of x without y."),
        _row(
            "set_symmetric_difference_update",
            _mutated("symmetric_difference_update"),
            "x y",
            "A copy of x with what is in only one of x and y.",
        ),
        _row("set_update", _mutated("update"), "x y", "A copy of x with the items of y added."),
    ]
)
