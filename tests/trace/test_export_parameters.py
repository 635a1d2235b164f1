"""The values of parameters, as they are now, wherever the program makes them."""

from __future__ import annotations

import pytest

from opto.errors import StoreError
from opto.trace import node
from tests.support.exported import alone, program, the_same


def test_parameters_however_they_are_made(tmp_path):
    made = program(
        tmp_path,
        """
        DEFAULT = node("global", name="default", trainable=True)
        LOOSE = node(7)

        def make(x):
            return node(x, trainable=True)

        @model
        class Agent:
            of_class: Node = node("class", trainable=True)
            plain: Node

            def __init__(self, size=2):
                local = node("local", trainable=True)
                self.local = local
                self.made = make("made")
                self.typed: Node = node("typed", trainable=True)
                self.one = self.two = node("shared", trainable=True)
                self.first, (self.second, self.rest) = make(1), (make(2), 3)
                for i in range(size):
                    setattr(self, f"p{i}", node(i, trainable=True))
                self.seq = Seq(node(1, trainable=True), [node(2, trainable=True)])
                self.grown = Seq()
                for i in range(size):
                    self.grown.append(node(i, trainable=True))
                self.map = Map({"a": node(1, trainable=True)})
                self.list = [node(1, trainable=True), node(2)]
                self.count = node(0)
                self.build()

                def inner():
                    return 1

            def build(self):
                self.built = node("built", trainable=True)

            def forward(self, x):
                seen = [self.of_class, self.local, self.made, self.typed, self.one, self.two]
                seen += [self.first, self.second, self.rest, self.p0, self.p1, self.built]
                seen += [list(self.seq), list(self.grown), self.map["a"], self.list, self.count]
                return seen + [DEFAULT, LOOSE, self.late]
        """,
    )
    agent = made.Agent()
    agent.late = node("late", trainable=True)
    for parameter in [*agent.parameters(), made.DEFAULT, agent.list[0]]:
        parameter._set([parameter.data, "trained"])
    text = the_same(tmp_path, made, agent)
    assert "size=2" in text
    assert "self.count = 0" in text
    assert "DEFAULT = ['global', 'trained']" in text


def test_what_is_no_parameter_keeps_its_meaning(tmp_path):
    """State that a program makes of arguments is made again, not frozen."""
    made = program(
        tmp_path,
        """
        @model
        class Agent:
            def __init__(self, start=1):
                self.total = node(start)

            def forward(self, x):
                self.total = self.total + x
                return self.total
        """,
    )
    agent = made.Agent()
    agent(100)
    agent.export(tmp_path / "a.py")
    assert alone(tmp_path / "a.py", "(Agent()(5), Agent(50)(5))") == "(6, 55)"


def test_parameters_in_one_line_methods(tmp_path):
    made = program(
        tmp_path,
        """
        @model
        class Agent:
            def __init__(self): setattr(self, "p", node(1, trainable=True)); self.q = 2
            def forward(self, x): return self.p, self.q
        """,
    )
    agent = made.Agent()
    agent.p._set(100)
    the_same(tmp_path, made, agent)


def test_objects_within_bring_their_classes_wherever_they_come_from(tmp_path):
    program(
        tmp_path,
        """
        OFFSET = 5

        class Inner(Module):
            def __init__(self):
                self.q = node(1, trainable=True)

            def forward(self, x):
                return x + self.q + OFFSET
        """,
        name="export_inner",
    )
    made = program(
        tmp_path,
        """
        from export_inner import Inner as Part, OFFSET as base

        @model
        class Agent:
            def __init__(self):
                self.inner = Part()

            def forward(self, x):
                return self.inner(x) + base
        """,
    )
    agent = made.Agent()
    agent.inner.q._set(1000)
    text = the_same(tmp_path, made, agent)
    assert text.index("class Inner") < text.index("class Agent")
    assert "Part = Inner" in text


def test_classes_come_after_those_that_they_derive_from(tmp_path):
    program(
        tmp_path,
        """
        def shout(x):
            return x.upper()

        class Root(Module):
            def forward(self, x):
                return "root", self.p, shout("a")
        """,
        name="export_root",
    )
    made = program(
        tmp_path,
        """
        from export_root import Root

        class First(Module):
            def __init__(self):
                self.q = node(1, trainable=True)

        @model
        class Agent(Root):
            def __init__(self):
                self.a_first = First()
                self.p = node(2, trainable=True)
        """,
    )
    text = the_same(tmp_path, made, made.Agent())
    assert text.index("def shout") < text.index("class Root:") < text.index("class First")
    assert text.index("class Root") < text.index("class Agent(Root)")


def test_a_module_that_needs_the_library_cannot_come_as_a_whole(tmp_path):
    program(tmp_path, "X = 1", name="export_whole")
    made = program(
        tmp_path,
        """
        import export_whole

        @model
        class Agent:
            def forward(self, x):
                return export_whole.X
        """,
    )
    with pytest.raises(StoreError, match="uses the module export_whole as a whole"):
        made.Agent().export(tmp_path / "a.py")
