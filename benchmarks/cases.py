"""What is measured: a row for each case, as the Python text that is timed.

A row is written once and run by every side, each with its own `node`, `bundle` and
so on; see `benchmarks.sides`. Standard library only: the rows are read in the
environments of all the sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ALL = "ours original textgrad torch minimal plain"
NUMBERS = "ours original torch minimal plain"
TRACERS = "ours original minimal plain"


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        name: how it is asked for.
        words: what the table calls it.
        step: what is measured.
        setup: what goes before it in each sample, unmeasured.
        sides: who has such a thing.
        around: the context that the steps run in.
        shape: how a sample is taken; one of those in `benchmarks.sample`.
        size: steps of a sample; 0 lets each side find how many are long enough.
        sizes: for the sides that cannot follow.
        steps: for the sides that write it differently.
    """

    name: str
    words: str
    step: str
    setup: str = ""
    sides: str = TRACERS
    around: str = "nullcontext()"
    shape: str = "loop"
    size: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict)
    steps: Mapping[str, str] = field(default_factory=dict)

    def has(self, side: str) -> bool:
        """Whether a side has such a thing."""
        return side in self.sides.split()


def function(lines: int = 1, head: str = "def f(a):", decorator: str = "@bundle()") -> str:
    """A function of as many lines, that gives back its first argument."""
    body = "    b = 1\n" * (lines - 1)
    return f"{decorator}\n{head}\n{body}    return a\n"


def trainable(lines: int) -> str:
    """The same, its code no longer what was written: a version that is compiled, here once."""
    return function(lines, decorator="@bundle(trainable=True)") + (
        "f.parameter._data = f.parameter._data.replace('return a', 'return (a)')\nf(x)\n"
    )


ONE = "x = node(1)\n"
TWO = "x, y = node(1), node(2)\n"
THREE = "x, y, z = node(1), node(2), node(3)\n"
ZEROS = "z, y = node(0), node(0)\n"  # zero is one object, so that no value is counted or grows
METHOD = dedent("""\
    class Agent:
        @bundle()
        def act(self, a):
            return a
""")

# The sides that grow with what they hold are to hold equally much.
LONG = 10_000
# TextGrad's sums spell out all that they are sums of, and so grow with the square.
SHORT = {"textgrad": 1_000}

OPERATORS = (
    Case("add", "`x + y`", "x + y", TWO, ALL),
    Case("add_constant", "`z = z + 1`", "z = z + 1", "z = node(0)", NUMBERS, size=LONG),
    Case("chain", "`z = z + y`", "z = z + y", ZEROS, ALL, size=LONG, sizes=SHORT),
    Case("concat", "`s + t`, texts", "s + t", "s, t = node('ab'), node('cd')"),
    Case("upper", "`s.upper()`", "s.upper()", "s = node('ab')"),
    Case("item", "`x[1]`", "x[1]", "x = node([1, 2, 3])", NUMBERS),
    Case("less", "`x < y`", "x < y", TWO, NUMBERS),
    Case("negative", "`-x`", "-x", ONE, NUMBERS),
)

CREATION = (
    Case("creation", "`node(1)`", "node(1)", sides="ours original textgrad torch minimal"),
    Case("sum", "`x + y + z`", "x + y + z", THREE, ALL, steps={"textgrad": "total([x, y, z])"}),
    Case("untraced", "`x + y`, not traced", "x + y", TWO, "ours original torch", "untraced()"),
)

CALLS = (
    Case("bundle_1", "bundle, 1 argument", "f(x)", ONE + function()),
    Case("bundle_3", "bundle, 3 arguments", "f(x, y, z)", THREE + function(1, "def f(a, b, c):")),
    Case(
        "keywords",
        "bundle, 3 arguments, 2 by keyword",
        "f(x, b=y, c=z)",
        THREE + function(1, "def f(a, b, c):"),
    ),
    Case(
        "defaults",
        "bundle, 1 argument, 2 defaults",
        "f(x)",
        ONE + function(1, "def f(a, b=2, c=3):"),
    ),
    Case("method", "method of a traced class", "it.act(x)", f"{ONE}{METHOD}it = Agent()"),
    Case("instance", "new instance, first call of it", "Agent().act(x)", ONE + METHOD),
    Case(
        "awaited",
        "async bundle, awaited",
        "await f(x)",
        ONE + function(1, "async def f(a):"),
        shape="async",
    ),
    Case(
        "decoration",
        "`@bundle()`, for each function",
        function(),
        sides="ours original minimal",
    ),
)

LENGTHS = (1, 50, 200, 1_000)
TRAINABLE = (
    Case(
        "own_code",
        "trainable bundle, as it was written",
        "f(x)",
        ONE + function(decorator="@bundle(trainable=True)"),
        "ours original",
    ),
    *(
        case
        for n in LENGTHS
        for case in (
            Case(
                f"fixed_{n}",
                f"bundle, {n:,} line{'s' * (n > 1)} of code",
                "f(x)",
                ONE + function(n),
            ),
            Case(
                f"trainable_{n}",
                "* trainable, rewritten once",
                "f(x)",
                ONE + trainable(n),
                "ours original",
            ),
        )
    ),
)

# Numbers of steps, and whether the original can follow: it is quadratic on chains and
# fan-ins and cubic on diamonds.
FAR = {10_000: False, 50_000: False, 100_000: False}
CHAIN = """
z, y = node(0, trainable=True), node(0)
for _ in range(size):
    z = z + y
"""
DIAMOND = """
z, y = node(0, trainable=True), node(0)
for _ in range(size // 2):
    z, y = z + y, y + z
"""
FAN_IN = """
y = node(0, trainable=True)
z = gathered(*[y + y for _ in range(size)])
"""
SHAPES = {
    "chain": (CHAIN, {1_000: True, 3_000: True, **FAR}),
    "diamond": (DIAMOND, {300: True, 1_000: True, **FAR}),
    "fan-in": (FAN_IN, {1_000: True, 3_000: True, **FAR}),
}
BACKWARD = tuple(
    Case(
        f"{shape}_{size}",
        f"`backward`, a step of a {shape} of {size:,}",
        "backward(z)",
        setup,
        "ours original torch" if followed else "ours torch",
        shape="once",
        size=size,
    )
    for shape, (setup, sizes) in SHAPES.items()
    for size, followed in sizes.items()
)

MEMORY = (
    Case(
        "memory",
        "bytes kept of each `z = z + y`",
        "z = z + y",
        ZEROS,
        "ours original textgrad torch minimal",
        shape="bytes",
        size=100_000,
        sizes={"original": 20_000, **SHORT},
    ),
)

CASES = {
    case.name: case for case in (*OPERATORS, *CREATION, *CALLS, *TRAINABLE, *BACKWARD, *MEMORY)
}
