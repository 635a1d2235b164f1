"""Functions whose code is replaced while a program runs do what the new code does in Python."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ExecutionError
from opto.trace import bundle, node
from tests.properties.oracle import check
from tests.properties.strategies import plain_values

FACTOR = 3
HEAD = "def f(v, k=2):\n"


def doubled(v):
    """Something of the module that the code may use."""
    return v + v


SIMPLE = [
    "return v",
    "return [v, k]",
    "return k * FACTOR",
    "return doubled(v)",
    "return v // k",
    "raise KeyError(k)",
    "raise ValueError(f'<{v!r}>')",
    "return (lambda a: [a, k])(v)",
    "return [a for a in [v, k] if a != 1]",
    "return f(v[1:], k) if isinstance(v, (str, list, tuple)) and v else [k]",
    "return f(v - 1, k) + 1 if type(v) is int and 0 < v < 9 else 0",
    "return later(v, k)",
    "x = v\n    x = x if x else k\n    return x",
    "'''Words.'''\n    return type(v).__name__",
    "try:\n        return v[k]\n    except Exception as e:\n        return type(e).__name__",
    "import math\n    return math.floor(k) if type(k) is int else None",
    "global COUNT\n    COUNT = globals().get('COUNT', 0) + 1\n    return COUNT > 0",
]
HELPERS = ["", "", "BASE = 7\n", "def helper(a):\n    return [a]\n", "import math as m\n"]
LATER = "def later(a, b):\n    return (a, b)\n"
BROKEN = [
    "",
    "def g(v, k=2):\n    return v\n",
    HEAD + "    return return\n",
    "1 / 0\n" + HEAD + "    return v\n",
]

texts = st.builds(
    lambda helper, body, comment: f"{helper}{HEAD}    {body}\n{LATER}{comment}",
    st.sampled_from(HELPERS),
    st.sampled_from(SIMPLE),
    st.sampled_from(["", "# a comment\n", "\n\n"]),
)


@dataclass(frozen=True)
class Use:
    """A call of the function as it is now."""

    v: Any
    k: Any
    how: str


@dataclass(frozen=True)
class Rewrite:
    """New code."""

    text: str


uses = st.builds(
    Use, plain_values, plain_values, st.sampled_from(["v", "v, k", "v, k=k", "k=k, v=v", "*"])
)
rewrites = st.builds(Rewrite, st.one_of(texts, texts, texts, st.sampled_from(BROKEN)))


def written() -> Any:
    """The function as its author wrote it, and as one that learns."""

    def f(v, k=2):
        return [v, k, FACTOR]

    return f, bundle(trainable=True)(f)


def plain(text: str) -> Any:
    """What the text defines, in the names of this module."""
    names = dict(globals())
    exec(compile(text, "<plain>", "exec"), names)
    return names["f"]


def called(function: Any, use: Use, of: Any = lambda v: v) -> Any:
    v, k = of(use.v), of(use.k)
    match use.how:
        case "v":
            return function(v)
        case "v, k":
            return function(v, k)
        case "v, k=k":
            return function(v, k=k)
        case "k=k, v=v":
            return function(k=k, v=v)
    return function(*[v], k=k)


def outcome(job: Any) -> tuple[str, Any]:
    """The result, or the failure as its exception node tells it."""
    try:
        return "", job()
    except ExecutionError as error:
        return error.exception_node.data, error.exception_node
    except Exception as error:  # noqa: BLE001 - whatever is raised is compared
        return f"({type(error).__name__}) {error}", None


@given(st.lists(st.one_of(uses, uses, rewrites), min_size=2, max_size=10))
def test_each_call_does_what_the_code_of_the_moment_says(actions):
    original, f = written()
    now: Any = original
    for action in actions:
        if isinstance(action, Rewrite):
            f.parameter._set(action.text)
            broken, defined = outcome(lambda text=action.text: plain(text))
            now = None if broken else defined
            continue
        x = node(action.v, trainable=True)
        words, result = outcome(lambda a=action, x=x: called(f, a, lambda v: x if v is a.v else v))
        f.parameter.zero_feedback()
        if now is None:
            assert words
            assert result.parameter_dependencies == {f.parameter}
            output = result
        else:
            expected_words, expected = outcome(lambda a=action, now=now: called(now, a))
            assert words == expected_words
            assert words or repr(result.data) == repr(expected)
            assert result.inputs["__code"] is f.parameter
            assert f.parameter in result.parameter_dependencies
            output = result
        output.backward("f")
        check([f.parameter, x], output)


@given(st.lists(texts, min_size=1, max_size=4), plain_values)
def test_code_that_is_put_back_runs_as_before(rewritten, value):
    original, f = written()
    first = f.parameter.data
    for text in rewritten:
        f.parameter._data = text
        outcome(lambda: f(value))
    f.parameter._data = "".join(first)
    assert repr(f(value).data) == repr(original(value))
    assert f.fun(value) == original(value)


@given(st.lists(texts, min_size=2, max_size=3), st.lists(st.integers(0, 2), max_size=6))
def test_instances_learn_apart(rewritten, turns):
    class Agent:
        @bundle(trainable=True)
        def act(self, v):
            return [v]

    agents = [Agent() for _ in range(3)]
    codes = ["return [v]"] * 3
    for i, turn in enumerate(turns):
        codes[turn] = f"return [{i}, v]"
        agents[turn].act.parameter._data = f"def act(self, v):\n    {codes[turn]}"
        for agent, code in zip(agents, codes, strict=True):
            expected = plain(f"def f(self, v):\n    {code}")(agent, 5)
            y = agent.act(5)
            assert y.data == expected
            assert y.inputs["__code"] is agent.act.parameter
    assert len({id(agent.act.parameter) for agent in agents}) == 3


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_a_call_that_has_begun_ends_with_the_code_it_began_with(steps):
    @bundle(trainable=True)
    async def f(v, k=2):
        await asyncio.sleep(0)
        return v

    async def run():
        begun, expected = [], []
        for step in steps:
            f.parameter._data = (
                f"async def f(v, k=2):\n    await asyncio.sleep(0)\n    return v + {step}"
            )
            begun.append(asyncio.ensure_future(f(10)))
            await asyncio.sleep(0)
            expected.append(10 + step)
        return [(await task).data for task in begun], expected

    found, expected = asyncio.run(run())
    assert found == expected
