"""The error that stands for how a call ended."""

from __future__ import annotations

import pytest

from opto.errors import ForeignCodeError, SandboxError
from opto.sandbox import Outcome
from opto.sandbox.asking import Asked
from opto.sandbox.raised import error_of
from opto.trace.excerpt import error_comment, error_text
from opto.trace.written import held

TEXT = "def f(x):\n    return g(x)\ndef g(x):\n    return 1 / x"


def error(status="error", **more):
    return error_of(Outcome(status, **more), TEXT, "f", Asked())


@pytest.mark.parametrize(
    ("kind", "message", "made"),
    [
        ("ValueError", "no", ValueError("no")),
        ("KeyError", "'x'", KeyError("x")),
        ("KeyError", "(1, 'a')", KeyError((1, "a"))),
        ("KeyError", "<object>", KeyError("<object>")),
        ("OSError", "[Errno 2] nothing", OSError("[Errno 2] nothing")),
        ("TimeoutError", "slow", TimeoutError("slow")),
        ("RecursionError", "deep", RecursionError("deep")),
    ],
)
def test_builtin_errors(kind, message, made):
    found = error(error=kind, message=message)
    assert type(found) is type(made)
    assert found.args == made.args


@pytest.mark.parametrize(
    "message", ["{[]: 1}", "-" * 4000 + "1", "(" * 4000, "not " * 900 + "1", r"'\d'", "1_" * 2000]
)
def test_a_key_may_call_itself_anything(message):
    """Its `repr` is the code's, and is read here."""
    found = error(error="KeyError", message=message)
    assert type(found) is KeyError
    assert found.args in {(message,), ("\\d",)}


@pytest.mark.parametrize(
    "kind",
    ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "StopIteration", "Mine", "int", "print",
     "a.b.ValueError", "UnicodeDecodeError", "ExceptionGroup", "", "BaseException"],
)  # fmt: skip
def test_nothing_else_is_raised_by_its_name(kind):
    found = error(error=kind, message="words")
    assert type(found) is ForeignCodeError
    assert (found.status, found.error) == ("error", kind)
    assert "words" in str(found)


@pytest.mark.parametrize("status", ["timeout", "memory", "died", "limit", "garbage"])
def test_what_the_host_saw_is_no_error_of_the_codes(status):
    found = error(status, message="stopped somehow", error=None, lines=(2,))
    assert type(found) is ForeignCodeError
    assert found.status == status
    assert error_text(found) == f"({status}) stopped somehow"


def test_what_may_not_go_in_or_out_is_refused_with_advice():
    found = error("refused", message="an argument is a Connection")
    assert type(found) is SandboxError
    for words in ("an argument is a Connection", "plain data", "host=", 'sandbox="none"'):
        assert words in str(found)


def test_what_the_walls_refused_is_said_in_words():
    said = "opened a socket: there is no network here"
    found = error(error="PermissionError", message=f"{said} (socket.connect)", lines=(4,))
    assert type(found) is PermissionError
    assert str(found) == said
    assert error_text(found) == f"(PermissionError) {said}"


def test_lines_are_those_of_the_text():
    found = error(error="ZeroDivisionError", message="division by zero", lines=(2, 4, 99, 0, -1))
    assert held(found).lines == (2, 4)
    assert (
        error_comment(found).split("\n")[3]
        == "    return 1 / x <--- (ZeroDivisionError) division by zero."
    )


def test_what_was_asked_goes_with_it():
    asked = Asked()
    asked.nodes.append(marker := object())
    found = error_of(Outcome("error", error="ValueError"), TEXT, "f", asked)
    assert held(found).asked == (marker,)
