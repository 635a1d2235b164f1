"""Program text that works on nodes becomes text that works on their values."""

from __future__ import annotations

import pytest

from opto.errors import StoreError
from tests.support.exported import program, the_same


@pytest.mark.parametrize(
    "line",
    [
        "self.p.data + x",
        "(self.p + x).data * 2",
        "node(x + 1).data * 2",
        "node(data=x, name='x') + self.p",
        "node(\n            x\n            + 1, trainable=True)",
        "self.words.len() + x",
        "(self.words + '!').len().data",
        "self.words.eq('abc'), self.words.neq('abc' or x)",
        "self.words.eq('abc').neq(False)",
        "node(self.words).eq(self.words).data",
        "self.words.getattr('upper')() if x else 0",
        "self.words.call('count', 'a').data",
        "self.words.call('upper')",
        "self.words.call('replace', 'a', 'b')",
        "self.words.strip().upper().data",
        "self.act(x).data",
        "self.act(self.act(x)).data, -self.act(x).data",
        "[y.data for y in self.items]",
        "{k.data: v.data for k, v in self.table.items()}",
        "self.items[0].data, self.items[1:].data",
        "(self.p if x else self.p).data",
        "(self.p > x).data, (self.p == x)",
        "self.raw.data",
        "(lambda p: p.data)(self.raw)",
        "self.plain(x).data",
        "outside(x).data",
        "self.f(x).data",
        "max(self.items).data, sum(self.items, x).data, abs(self.p).data",
        "[node(1), node('a')][0]",
        "node([y for y in range(x)])",
        "node(y for y in range(x)) and 1",
        "node(('a'\n            'b'))",
    ],
)
def test_the_form_of_nodes_goes_and_their_value_stays(tmp_path, line):
    made = program(
        tmp_path,
        f"""
        class Raw:
            data = "of its own"

        def outside(x):
            y = node(x, name="y")
            return y * 2

        @bundle()
        def function(x):
            return x + 1

        @model
        class Agent:
            def __init__(self):
                self.p = node(3, trainable=True)
                self.words = node("abc", trainable=True)
                self.items = node([1, 2], trainable=True)
                self.table = node({{"a": 1}}, trainable=True)
                self.raw = Raw()
                self.f = function

            @bundle()
            def act(self, x):
                return x + 1

            def plain(self, x):
                if x:
                    return self.act(x)
                return None

            def forward(self, x):
                return {line}
        """,
    )
    the_same(tmp_path, made, made.Agent())


def test_variables_that_hold_nodes(tmp_path):
    made = program(
        tmp_path,
        """
        def shifted(value: Node, by) -> "Node":
            return value.data + by

        @model
        class Agent:
            def __init__(self):
                self.p = node(3, trainable=True)

            def forward(self, x):
                a = self.p
                b: Node = a + x
                b += 1
                c, d = b, [b]
                if (e := node(5)).data:
                    for item in node([1, 2]):
                        c = c + item.data
                return a.data, b.data, c.data, d[0], e.data, shifted(self.p, 1)
        """,
    )
    the_same(tmp_path, made, made.Agent())


def test_imports_inside_functions(tmp_path):
    made = program(
        tmp_path,
        """
        @model
        class Agent:
            def __init__(self):
                from opto.trace import node as make
                import opto.trace
                self.p = make(3, trainable=True)
                self.q = opto.trace.node(4)

            def forward(self, x):
                import math
                return math.floor(x), self.p, self.q
        """,
    )
    the_same(tmp_path, made, made.Agent())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("self.p.name", r"\.name is of the node and not of its value, in the line\n +return"),
        ("self.p.backward('x')", r"\.backward\(\) is of the node"),
        ("self.p.clone()", r"\.clone\(\) is of the node"),
        ("node(*[x])", "not certain what the node is made of"),
        ("trace.GRAPH", r"uses trace\.GRAPH of this library, in the line\n +return trace"),
        ("isinstance(self.p, Node)", "uses Node of this library"),
        ("trace.operators.add(x, 1)", r"uses trace\.operators\.add of this library"),
    ],
)
def test_what_needs_the_library_is_refused_with_the_line(tmp_path, line, words):
    made = program(
        tmp_path,
        f"""
        @model
        class Agent:
            def __init__(self):
                self.p = node(3, trainable=True)

            def forward(self, x):
                return {line}
        """,
    )
    with pytest.raises(StoreError, match=words):
        made.Agent().export(tmp_path / "a.py")
