"""The code of methods and functions, as it is now, in the place where they stood."""

from __future__ import annotations

import textwrap

import pytest

from opto.errors import StoreError
from tests.support.exported import AGENT, program, the_same, trained


def test_code_with_helpers_and_imports_of_its_own(tmp_path):
    made = program(tmp_path, AGENT)
    agent = made.Agent()
    agent.act.parameter._set(
        textwrap.dedent('''\
        import math
        from fractions import Fraction as F

        FACTOR = 2

        # Doubles.
        def double(z):
            return z * FACTOR

        def act(self, x):
            """Act
            on two lines."""
            text = """kept
          as it is
        """
            return double(helper(x)) + len(text) + int(F(1, 1)) + math.floor(LIMIT)
        ''')
    )
    text = the_same(tmp_path, made, agent)
    assert "# Doubles.\ndef double(z):" in text
    assert text.count("import math") == 1
    assert text.index("def double") < text.index("class Agent")
    assert '"""kept\n  as it is\n"""' in text


def test_helpers_that_clash_with_the_program_are_refused(tmp_path):
    made = program(tmp_path, AGENT)
    agent = made.Agent()
    agent.act.parameter._set(
        "def helper(x):\n    return 0\n\ndef act(self, x):\n    return helper(x)"
    )
    made.Agent.forward.__globals__["scale"].parameter._set("def scale(x):\n    return helper(x)")
    with pytest.raises(StoreError, match="two different things are called helper"):
        agent.export(tmp_path / "a.py")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "def act(self, x):\nreturn",
            r"the code of Agent\.act in __code\d*:\d+ is no valid Python",
        ),
        ("def other(self, x): return 1", "does not define act"),
        (None, "is no valid Python"),
    ],
)
def test_code_that_is_broken_is_refused(tmp_path, code, words):
    made = program(tmp_path, AGENT)
    agent = made.Agent()
    agent.act.parameter._set(code)
    with pytest.raises(StoreError, match=words):
        agent.export(tmp_path / "a.py")
    assert not (tmp_path / "a.py").exists()


def test_calls_use_the_defaults_of_the_function_as_it_was_written(tmp_path):
    """As they do while it is traced: the signature is not the code's to change."""
    made = program(
        tmp_path,
        """
        BY = 2

        @bundle(trainable=True)
        def scale(x, /, k=BY, *, l: int = 3, m=[4]):
            return x * k * l * m[0]
        """,
    )
    made.scale.parameter._set(
        "def scale(x, /, k=5, *, l: int, m=[ 4 ], n=1):\n    return x * k * l * m[0] * n"
    )
    text = the_same(tmp_path, made, made.scale, call="scale(5)")
    assert "def scale(x, /, k=BY, *, l: int = 3, m=[ 4 ], n=1):" in text


def test_each_instance_is_written_with_its_own_code(tmp_path):
    made = program(tmp_path, AGENT)
    one, two = trained(made), made.Agent()
    assert "* 7" in the_same(tmp_path, made, one)
    assert "* 7" not in the_same(tmp_path, made, two)


def test_class_methods_async_methods_and_other_decorators(tmp_path):
    made = program(
        tmp_path,
        """
        import asyncio
        import functools

        def loud(f):
            @functools.wraps(f)
            def inner(*args):
                return f(*args) + 1000
            return inner

        traced = bundle(trainable=True)

        @model
        class Agent:
            @classmethod
            @bundle(trainable=True)
            def klass(cls, x):
                return (cls.__name__, x)

            @bundle(trainable=True)
            async def later(self, x):
                await asyncio.sleep(0)
                return x + 1

            @bundle(trainable=True)
            @loud
            def louder(self, x):
                return x + 2

            @traced
            def aliased(self, x):
                return x + 3

            def forward(self, x):
                late = asyncio.run(self.later(x))
                return late.data, self.klass(x), self.louder(x), self.aliased(x)
        """,
    )
    agent = made.Agent()
    agent.later.parameter._set(agent.later.parameter.data.replace("+ 1", "+ 100"))
    agent.louder.parameter._set(agent.louder.parameter.data.replace("+ 2", "+ 200"))
    text = the_same(tmp_path, made, agent)
    assert "    @loud\n    def louder" in text
    assert "traced" not in text


def test_private_names_and_inheritance(tmp_path):
    made = program(
        tmp_path,
        """
        class Mixin:
            def __init__(self):
                self.mixed = node("mixed", trainable=True)

        @model
        class Base(Mixin):
            def __init__(self):
                super().__init__()
                self.__p = node(1, trainable=True)
                self.base = node(10, trainable=True)

            @bundle(trainable=True)
            def act(self, x):
                return x + 1

            @bundle(trainable=True)
            def __hidden(self, x):
                return x * 2

            def forward(self, x):
                return self.__hidden(self.act(x)), self.__p, self.base, self.mixed

        @model
        class Agent(Base):
            def __init__(self):
                super().__init__()
                self.own = node(3, trainable=True)

            @bundle(trainable=True)
            def act(self, x):
                return x + 50

            def forward(self, x):
                return super().forward(x), super().act(x), self.own
        """,
    )
    agent = made.Agent()
    for parameter in agent.parameters():
        if isinstance(parameter.data, int):
            parameter._set(parameter.data + 0.5)
    agent.mixed._set("changed")
    agent.act.parameter._set("def act(self, x):\n    return x + 5000")
    agent._Base__hidden.parameter._set("def __hidden(self, x):\n    return x * 2000")
    above = super(type(agent).__mro__[1], agent).act
    above.parameter._set("def act(self, x):\n    return x + 70000")
    text = the_same(tmp_path, made, agent)
    assert text.index("class Mixin") < text.index("class Base") < text.index("class Agent")
    assert text.count("def __call__") == 2


def test_modules_that_derive_from_module(tmp_path):
    made = program(
        tmp_path,
        """
        from abc import ABC, abstractmethod

        class Layer(Module, ABC):
            @abstractmethod
            def forward(self, x): ...

        class Shift(Layer):
            def __init__(self, by): self.by = node(by, trainable=True)
            def forward(self, x): return x + self.by

        class Agent(trace.Module):
            def __init__(self):
                self.shift = Shift(1)

            def forward(self, x):
                out = self.shift(x)
                return out.data, self.shift(out).data
        """,
    )
    agent = made.Agent()
    agent.shift.by._set(100)
    text = the_same(tmp_path, made, agent)
    assert "class Layer(ABC):" in text
    assert "class Agent:" in text
    assert "self.by = 100" in text


def test_a_class_that_says_itself_how_it_is_called(tmp_path):
    made = program(
        tmp_path,
        """
        @model
        class Agent:
            def __call__(self, x):
                return "called", self.forward(x)

            def forward(self, x):
                return x
        """,
    )
    assert the_same(tmp_path, made, made.Agent()).count("def __call__") == 1


def test_a_bundled_function_is_exported_with_what_it_needs(tmp_path):
    made = program(
        tmp_path,
        """
        import math

        def half(x):
            return x / 2

        @bundle(trainable=True)
        def area(r):
            return half(r)
        """,
    )
    made.area.parameter._set("def area(r):\n    return math.pi * half(r) ** 2")
    the_same(tmp_path, made, made.area, call="area(5)")
