"""Programs that are written to a file, trained, exported, and run without the library."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import subprocess
import sys
import textwrap

from opto.trace import Node

NUMBERS = itertools.count()

HEAD = """\
from opto.trace import Module, Node, bundle, model, node
import opto.trace as trace
from opto.trace.containers import Map, Seq
"""


def program(tmp_path, text, name=None):
    """A module of this text, with the head above, imported."""
    name = name or f"program{next(NUMBERS)}"
    file = tmp_path / f"{name}.py"
    file.write_text(HEAD + textwrap.dedent(text), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    made = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def alone(file, expression):
    """What `expression` is with the names of an exported file, without any package."""
    names = f"import runpy; names = runpy.run_path({str(file)!r})"
    code = f"{names}; print(repr(eval({expression!r}, names)))"
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def plain(value):
    if isinstance(value, Node):
        return plain(value.data)
    return type(value)(map(plain, value)) if type(value) in (tuple, list) else value


def the_same(tmp_path, made, thing, call="({name}())(5)", arguments=(5,)):
    """Export `thing`, compare what it gives with what the file gives, return the text."""
    file = tmp_path / "out" / "exported.py"
    thing.export(file)
    text = file.read_text(encoding="utf-8")
    want = repr(plain(thing(*arguments)))
    name = getattr(thing, "__name__", type(thing).__name__)
    assert alone(file, call.format(name=name)) == want
    tree = ast.parse(text)
    imported = {
        part
        for found in ast.walk(tree)
        if isinstance(found, ast.Import | ast.ImportFrom)
        for part in [getattr(found, "module", None), *(alias.name for alias in found.names)]
    }
    assert not any(str(part).partition(".")[0] == "opto" for part in imported)
    return text


AGENT = '''
import math, json as js
from collections import OrderedDict as Ordered

LIMIT = 3  # how many
UNUSED = print


# What it helps with.
def helper(x: int) -> int:
    """Help."""
    # A comment.
    return x + LIMIT


@trace.bundle(trainable=True)
def scale(x, k=2):
    "Scale it."
    return x * k


# About the agent.
@model
class Agent:
    """An agent."""

    kind = "a"  # a class attribute

    def __init__(self, n: int = 2):
        # The prompt.
        self.prompt = node("Hello", trainable=True, description="words")
        self.n = node(n)
        self.a, self.b = node(1, trainable=True), trace.node(
            2, name="b", trainable=True,
        )

    @property
    def size(self):
        return self.n.data

    @bundle(trainable=True)
    def act(self, x):
        """Act."""
        return helper(x) * 2

    @staticmethod
    @bundle()
    def floor(x: Node) -> Node:
        return math.floor(x)

    @bundle("[joined] Join.", catch_execution_error=False)
    def join(self, a, b):
        return f"{a} {b} {self.kind}"

    def forward(self, x):
        y = self.act(x) + self.a + self.b
        if y.data > 3 and not y.eq(5).data:
            y = y - 1
        words = self.join(self.prompt.upper(), js.dumps({"s": self.size}))
        return self.floor(scale(y)), words, self.prompt.len(), list(Ordered(a=1))
'''


def trained(made):
    agent = made.Agent()
    agent.prompt._set("hello")
    agent.a._set(100)
    agent.act.parameter._set(
        'def act(self, x):\n    """Act."""\n    # Better now.\n    return helper(x) * 7'
    )
    made.scale.parameter._set("def scale(x, k=3):\n    return x * k + 0.5")
    return agent
