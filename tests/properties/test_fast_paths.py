"""What is done fast is done as in general: each way of writing a thing records the same."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.trace import Node, bundle, node, operators, stop_tracing
from opto.trace.calls import call
from opto.trace.magic import methods
from opto.trace.nodes import ExceptionNode
from opto.trace.record import record, run
from opto.trace.tape import name_scope
from tests.properties.failing import Failing, fails
from tests.properties.strategies import plain_values, scalars

# --- what is compared -----------------------------------------------------------------------------


def told(job: Any, *, roots: bool = True) -> Any:
    """All that the outcome of `job` tells of itself and of its inputs.

    Args:
        job: gives a node, or fails.
        roots: whether the names of given values count.
    """
    try:
        result = job()
    except ExecutionError as error:
        result = error.exception_node
    except Exception as error:  # noqa: BLE001 - whatever is raised is compared
        return type(error).__name__, str(error).partition("(it was given")[0]
    if not isinstance(result, Node):
        return repr(result)
    return of_node(result, roots=roots), [
        (key, of_node(n, roots=roots)) for key, n in result.inputs.items()
    ]


def of_node(n: Node, *, roots: bool) -> Any:
    words = (n.kind, n.op_name, n._description, n.description, n.constraint, n.trainable)
    base = n._base if roots or n.parents else ""
    extra = () if isinstance(n, ExceptionNode) else (repr(n.data), repr(n.recorded))
    links = (n.level, len(n.parents), len(n._args), n.backwarded, n.feedback)
    return base, words, extra or n.data, type(n), links


KINDS = {
    "node": node,
    "parameter": lambda v: node(v, trainable=True),
    "result": lambda v: node(v).clone(),
    "raw": lambda v: v,
}
ATOMIC = ["node", "parameter", "result", "raw"]
kinds = st.sampled_from(ATOMIC)


# --- operators ------------------------------------------------------------------------------------

METHODS = list(methods())


def operands(values: Any, given_as: Any, amount: int) -> list[Any]:
    """The node whose method it is, and what stands on its other side, which may be plain."""
    entered = ("node" if given_as[0] == "raw" else given_as[0], *given_as[1:])[:amount]
    return [KINDS[kind](copy.deepcopy(v)) for v, kind in zip(values, entered, strict=False)]


def in_order(row: Any, me: list[Any]) -> tuple[Any, tuple[Any, ...]]:
    """The operation that a method stands for, and its arguments from left to right."""
    _, op, on_text, is_reflected = row
    pair = tuple(me[::-1] if is_reflected else me)
    left = pair[0].data if isinstance(pair[0], Node) else pair[0]
    return on_text if on_text and type(left) is str else op, pair


def guarded(row: Any, value: Any) -> bool:
    """Whether nodes of such a value do not have the method."""
    return row[1].guard is not None and not isinstance(value, row[1].guard)


@given(st.tuples(plain_values, plain_values), st.tuples(kinds, kinds))
def test_an_operator_is_the_operation_of_the_table(values, given_as):
    for row in METHODS:
        name, op, _, _ = row

        def made(row: Any = row, op: Any = op) -> list[Any]:
            return operands(values, given_as, len(op.keys))

        def fast(name: str = name, made: Any = made) -> Any:
            me, *others = made()
            return getattr(me, name)(*others)

        if guarded(row, values[0]):
            assert told(fast)[0] == "AttributeError"
            continue
        straight = told(fast)
        assert straight == told(lambda row=row, made=made: record(*in_order(row, made()))), name
        with stop_tracing():
            untraced = told(fast)
            assert untraced == told(lambda row=row, made=made: run(*in_order(row, made()))), name
        with name_scope("s"):
            scoped = repr(told(fast))
        assert scoped.replace("s/", "") == repr(straight).replace("s/", ""), name


@given(st.tuples(scalars, scalars), st.tuples(kinds, kinds))
def test_an_operator_is_the_function_of_its_name(values, given_as):
    for row in METHODS:
        if guarded(row, values[0]):
            continue
        me, *others = operands(values, given_as, len(row[1].keys))
        chosen, pair = in_order(row, [me, *others])
        method, function = getattr(me, row[0]), getattr(operators, chosen.name)
        made = told(lambda m=method, o=others: m(*o), roots=False)
        assert made == told(lambda f=function, pair=pair: f(*pair), roots=False), row[0]
        if "*" not in "".join(chosen.keys):
            named = dict(zip(chosen.keys, pair, strict=True))
            assert made == told(lambda f=function, n=named: f(**n), roots=False), row[0]


# --- bundled functions ----------------------------------------------------------------------------

HIDDEN = node(5, name="hidden", trainable=True)


def two(a, b=3):
    """Two things."""
    return (a, b)


def last(a, b=None):
    return b


def gives_node(a, b=1):
    return node(a) if b else HIDDEN + 1


def looks(a, b=0):
    return [a, HIDDEN.data]


def changes(a, b=1):
    a.append(b)
    return a


def calls_another(a, b=1):
    return TWO(a, b).data


TWO = bundle()(two)
BUNDLED = {
    "two": TWO,
    "two, named": bundle("[pair] Makes a pair.", output_name="made")(two),
    "two, trained": bundle(trainable=True)(two),
    "two, as it is": bundle(_process_inputs=False)(last),
    "last": bundle()(last),
    "fails": bundle()(fails),
    "fails, trained": bundle(trainable=True)(fails),
    "fails, let through": bundle(catch_execution_error=False)(fails),
    "gives a node": bundle()(gives_node),
    "looks": bundle()(looks),
    "looks, allowed": bundle(allow_external_dependencies=True)(looks),
    "changes": bundle()(changes),
    "calls another": bundle()(calls_another),
    "recursion": bundle(overwrite_python_recursion=True)(two),
}
FORMS = {
    "f(a, b)": lambda f, a, b: f(a, b),
    "f(a, b=b)": lambda f, a, b: f(a, b=b),
    "f(a=a, b=b)": lambda f, a, b: f(a=a, b=b),
    "f(b=b, a=a)": lambda f, a, b: f(b=b, a=a),
    "f(*[a], b=b)": lambda f, a, b: f(*[a], b=b),
    "f(*[a, b])": lambda f, a, b: f(*[a, b]),
    "f(**{})": lambda f, a, b: f(**{"a": a, "b": b}),  # noqa: PIE804 - a form of its own
    "call": lambda f, a, b: call(f._callee, (a, b), {}),
    "call, named": lambda f, a, b: call(f._callee, (), {"a": a, "b": b}),
}


def arguments(values: Any, given_as: Any) -> list[Any]:
    return [KINDS[kind](copy.deepcopy(v)) for v, kind in zip(values, given_as, strict=True)]


@given(st.tuples(plain_values, plain_values), st.tuples(kinds, kinds), st.booleans())
def test_all_forms_of_a_call_record_the_same(values, given_as, traced):
    def outcome(f: Any, form: Any) -> Any:
        a, b = arguments(values, given_as)
        with nullcontext() if traced else stop_tracing():
            found = told(lambda: form(f, a, b))
        return found, repr([v.data if isinstance(v, Node) else v for v in (a, b)])

    for name, f in BUNDLED.items():
        expected = outcome(f, FORMS["f(a, b)"])
        for form, call_ in FORMS.items():
            assert outcome(f, call_) == expected, (name, form)


@given(st.tuples(plain_values, plain_values), st.tuples(kinds, kinds), st.integers(0, 2))
def test_info_tells_how_the_arguments_were_given(values, given_as, by_position):
    for name, f in BUNDLED.items():
        infos = []
        for way in (lambda args, kwargs, f=f: f(*args, **kwargs), partial(call, f._callee)):
            a, b = arguments(values, given_as)
            args, kwargs = (a, b)[:by_position], dict([("a", a), ("b", b)][by_position:])
            try:
                info = way(args, kwargs).info
            except (ExecutionError, TraceMissingInputsError, ValueError, AttributeError):
                continue
            infos.append(repr([info["inputs"], info["output"], info["fun_name"]]))
        assert infos == infos[:1] * len(infos), name


@given(plain_values, kinds)
def test_a_default_is_recorded_as_if_it_were_given(value, given_as):
    def made() -> Any:
        return KINDS[given_as](copy.deepcopy(value))

    for name, f in BUNDLED.items():
        default = f.fun.__defaults__[0]
        forms = [
            lambda f=f: f(made()),
            lambda f=f: f(a=made()),
            lambda f=f: f(*[made()]),
            lambda f=f, default=default: f(made(), default),
            lambda f=f, default=default: f(b=default, a=made()),
            lambda f=f: call(f._callee, (made(),), {}),
        ]
        outcomes = [told(form) for form in forms]
        assert outcomes == outcomes[:1] * len(forms), name


class Agent(Failing):
    @bundle()
    def two(self, a, b=3):
        return [a, b]

    @bundle(trainable=True)
    def trained(self, a, b=3):
        return [a, b]

    def __repr__(self) -> str:
        return "Agent()"


def finished(result: Any) -> Any:
    """The result, also that of a coroutine that does not wait."""
    if isinstance(result, Node):
        return result
    try:
        result.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError


@given(st.tuples(plain_values, plain_values), st.tuples(kinds, kinds))
def test_all_forms_of_a_method_call_record_the_same(values, given_as):
    agent = Agent()

    def outcome(name: str, form: Any) -> Any:
        a, b = arguments(values, given_as)
        return told(lambda: finished(form(getattr(agent, name), a, b)))

    for name in ("two", "trained", "fails", "later"):
        expected = outcome(name, FORMS["f(a, b)"])
        for form, call_ in FORMS.items():
            if not form.startswith("call"):
                assert outcome(name, call_) == expected, (name, form)
        if isinstance(expected[1], list):
            assert expected[1][0][0] == "self"


def test_what_is_compared_can_differ():
    """The tests above would see another name, operation, input or failure."""
    x = node(1)
    assert told(lambda: x + 1) != told(lambda: x - -1)
    assert told(lambda: TWO(x, 1)) != told(lambda: BUNDLED["two, named"](x, 1))
    assert told(lambda: TWO(x, 1)) != told(lambda: TWO(x, node(1)))
    assert told(lambda: BUNDLED["looks"](x))[0] == TraceMissingInputsError.__name__
    assert told(lambda: BUNDLED["fails"](x)) != told(lambda: BUNDLED["fails"](x, 1))
