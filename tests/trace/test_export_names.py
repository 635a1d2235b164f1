"""What an exported class names comes along, and what cannot come is refused."""

from __future__ import annotations

import importlib.util
import linecache
import sys
import textwrap

import pytest

from opto.errors import StoreError
from opto.trace import bundle, model, node
from tests.support.exported import AGENT, HEAD, NUMBERS, program, the_same


def test_names_of_the_module_however_they_are_bound(tmp_path):
    made = program(
        tmp_path,
        """
        try:
            import surely_not_installed as optional
        except ImportError:
            optional = None

        if True:
            BRANCH = "branch"
        else:
            BRANCH = "other"

        A, (B, *C) = 1, (2, 3, 4)
        COUNT: int = 1
        COUNT += 1
        for LOOP in range(3):
            pass
        TABLE = {}
        SQUARE = lambda x: x * x

        class Plain:
            size = B

        class Error(Exception):
            pass

        def recursive(n):
            return 1 if n == 0 else n * recursive(n - 1)

        @model
        class Agent:
            def forward(self, x):
                global COUNT
                try:
                    raise Error(A)
                except Error as error:
                    seen = error.args
                return optional, BRANCH, B, C, COUNT, LOOP, TABLE, SQUARE(x), Plain.size, seen, \\
                    recursive(x)
        """,
    )
    the_same(tmp_path, made, made.Agent())


def test_future_imports_stay_first(tmp_path):
    name = f"program{next(NUMBERS)}"
    file = tmp_path / f"{name}.py"
    file.write_text(
        "from __future__ import annotations\n" + HEAD + "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from nowhere import Something\n"
        "@model\nclass Agent:\n"
        "    def forward(self, x: Something) -> Node | None:\n        return x\n"
    )
    spec = importlib.util.spec_from_file_location(name, file)
    made = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    text = the_same(tmp_path, made, made.Agent())
    assert "from __future__ import annotations" in text
    assert "def forward(self, x: Something):" in text


def test_relative_and_starred_imports(tmp_path, monkeypatch):
    room = tmp_path / "exportroom"
    room.mkdir()
    (room / "__init__.py").write_text("")
    (room / "sibling.py").write_text("def useful(x):\n    return x + 1\n")
    (room / "starred.py").write_text("STAR = [1]\ndef shine(x):\n    return x + 2\n")
    (room / "agent.py").write_text(
        HEAD + "from .sibling import useful as u\nfrom . import sibling\nfrom .starred import *\n"
        "@model\nclass Agent:\n"
        "    def forward(self, x): return u(x), sibling.useful(x), shine(x), STAR\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    agent = importlib.import_module("exportroom.agent").Agent()
    agent.export(tmp_path / "a.py")
    text = (tmp_path / "a.py").read_text()
    assert "from exportroom.sibling import useful as u" in text
    assert "from exportroom import sibling" in text
    assert "from exportroom.starred import shine" in text
    assert "STAR = [1]" in text
    names = {}
    exec(compile(text, "a.py", "exec"), names)
    assert names["Agent"]()(5) == (6, 6, 7, [1])


def test_classes_and_variables_of_functions_come_along(tmp_path):
    base, words = 10, ["kept"]

    def near(x):
        return x + base

    @bundle(trainable=True)
    def traced(x):
        return near(x)

    @model
    class Local:
        def __init__(self):
            self.p = node("a", trainable=True)

        def forward(self, x):
            return traced(x), words, self.p, Helper().size, math_of(x)

    class Helper:
        size = 3

    import math as numbers

    def math_of(x):
        return numbers.floor(x)

    local = Local()
    local.p._set("trained")
    traced.parameter._set("def traced(x):\n    return near(x) * 100")
    text = the_same(tmp_path, None, local)
    assert "import math as numbers" in text
    assert text.startswith('"""`Local`')
    assert "\nclass Local:" in text


def test_values_without_a_literal_are_refused_by_name(tmp_path):
    handle = object()

    @model
    class Local:
        def __init__(self):
            self.p = node("a", trainable=True)

        def forward(self, x):
            return handle

    local = Local()
    with pytest.raises(StoreError, match=r"the value of handle, .* holds a builtins\.object"):
        local.export(tmp_path / "a.py")
    local.p._set({"a": [handle]})
    with pytest.raises(StoreError, match=r"the value of .*Local\.p cannot be written as Python"):
        local.export(tmp_path / "a.py")


@pytest.mark.parametrize(
    "value",
    [{1}, {frozenset({2}): b"x"}, float("inf"), 10**5000, range(3)],
    ids=lambda value: type(value).__name__,
)
def test_odd_values_are_written_exactly(tmp_path, value):
    made = program(tmp_path, AGENT)
    agent = made.Agent()
    agent.prompt._set(value)
    agent.export(tmp_path / "a.py")
    text = (tmp_path / "a.py").read_text()
    names = {}
    exec(compile(text, "a.py", "exec"), names)
    assert names["Agent"]().prompt == value


def test_two_objects_of_one_class(tmp_path):
    made = program(
        tmp_path,
        """
        class Part(Module):
            def __init__(self):
                self.q = node(1, trainable=True)

            @bundle(trainable=True)
            def act(self, x):
                return x

            def forward(self, x):
                return self.act(x) + self.q

        @model
        class Agent:
            def __init__(self):
                self.one, self.two = Part(), Part()

            def forward(self, x):
                return self.one(x), self.two(x)
        """,
    )
    agent = made.Agent()
    the_same(tmp_path, made, agent)
    agent.one.q._set(5)
    with pytest.raises(StoreError, match=r"2 objects of the class Part hold different values of q"):
        agent.export(tmp_path / "a.py")
    agent.two.q._set(5)
    agent.one.act.parameter._set("def act(self, x):\n    return 0")
    with pytest.raises(StoreError, match="Part hold different code of act"):
        agent.export(tmp_path / "a.py")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "def __init__(self):\n    setattr(self, 'p', node(1, trainable=True))\n    return",
            r"parameters \(p\) are made elsewhere than in plain assignments",
        ),
        (
            "def forward(self, x):\n    self.p = [node(1, trainable=True)]\n    return x",
            "has no __init__ to write p into",
        ),
        (
            "def __init__(self):\n    self.f = bundle(trainable=True)(lambda x: x + 1)",
            r"Agent\.f is a trainable function that only this object has",
        ),
        (
            "def __init__(self, xs=()):\n    self.s = Seq(xs)\n    self.s = Seq(xs)",
            "not certain whether Seq",
        ),
    ],
)
def test_what_has_no_place_in_the_class_is_refused(tmp_path, body, words):
    text = "@model\nclass Agent:\n" + textwrap.indent(body, "    ")
    made = program(tmp_path, text)
    agent = made.Agent()
    if "forward" in body:
        agent(1)
    with pytest.raises(StoreError, match=words):
        agent.export(tmp_path / "a.py")


def test_a_class_without_text_is_refused(tmp_path):
    names = {"__name__": "typed"}
    exec(
        "from opto.trace import model\n@model\nclass Typed:\n    def forward(self, x): return x",
        names,
    )
    with pytest.raises(StoreError, match=r"source of Typed cannot be read.*put it into a file"):
        names["Typed"]().export(tmp_path / "a.py")


def test_a_class_in_a_notebook_cell_is_exported(tmp_path):
    cells = {
        "<cell 1>": HEAD
        + "import math\n\ndef half(x):\n    return math.floor(x / 2)\n\nLIMIT = [1]\n",
        "<cell 2>": "@model\nclass Cell:\n"
        "    def forward(self, x):\n        return half(x), LIMIT\n",
    }
    names = {"__name__": "notebook_of_test"}
    module = sys.modules["notebook_of_test"] = type(sys)("notebook_of_test")
    module.__dict__.update(names)
    for file, text in cells.items():
        linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
        exec(compile(text, file, "exec"), module.__dict__)
    the_same(tmp_path, module, module.Cell())


def test_a_file_that_changed_since_is_noticed(tmp_path):
    made = program(tmp_path, AGENT)
    agent = made.Agent()
    file = tmp_path / f"{made.__name__}.py"
    file.write_text("# nothing\n" * 200)
    linecache.checkcache(str(file))
    with pytest.raises(StoreError, match=r"does not stand in .* the file was changed"):
        agent.export(tmp_path / "a.py")


def test_nothing_of_the_program_is_run_by_exporting_it(tmp_path):
    made = program(
        tmp_path,
        """
        RAN = []

        def noisy(x):
            RAN.append(x)
            return x

        VALUE = noisy(5)

        @model
        class Agent:
            def __init__(self):
                noisy("init")
                self.p = node(1, trainable=True)

            @property
            def heavy(self):
                return noisy("property")

            def forward(self, x):
                return noisy(x), VALUE
        """,
    )
    agent = made.Agent()
    made.RAN.clear()
    agent.export(tmp_path / "a.py")
    assert made.RAN == []


def test_secrets_of_the_environment_are_not_written_down(tmp_path, monkeypatch):
    """A value is written as the program makes it, not as it came out on this machine."""
    monkeypatch.setenv("EXPORT_SECRET", "do not tell")
    made = program(
        tmp_path,
        """
        import os

        SECRET = os.environ.get("EXPORT_SECRET")

        @model
        class Agent:
            def forward(self, x):
                return len(SECRET or "")
        """,
    )
    made.Agent().export(tmp_path / "a.py")
    assert "do not tell" not in (tmp_path / "a.py").read_text()
