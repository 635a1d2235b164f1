"""What an error looks like to a model (SPEC 3.5, A2, D2)."""

from __future__ import annotations

import json
import os
import sys

import pytest
from hypothesis import strategies

from opto.trace.define import define
from opto.trace.excerpt import error_comment, error_text, qualified_name, traceback_text


def caught(fun, *args) -> Exception:
    """The error of a call, as one who catches it around that very call sees it."""
    try:
        fun(*args)
    except Exception as error:  # noqa: BLE001 - whatever a program raises
        # The frame of this test is none that the program under test has.
        return error.with_traceback(error.__traceback__.tb_next)
    pytest.fail("nothing was raised")


class Homemade(Exception):
    class Nested(Exception):
        pass


def raiser(error):
    raise error


def helper(v):
    return 1 / v


def calls(v):
    # a comment
    w = [helper(each) for each in v]
    return w, v


# -- words --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("bad"), "(ValueError) bad"),
        (ValueError(), "(ValueError)"),
        (AssertionError(), "(AssertionError)"),
        (KeyError("k"), "(KeyError) 'k'"),
        (ValueError(1, 2), "(ValueError) (1, 2)"),
        (Homemade.Nested("x"), f"({__name__}.Homemade.Nested) x"),
        (StopIteration(), "(StopIteration)"),
        (SystemExit(2), "(SystemExit) 2"),
    ],
)
def test_a02_the_text_of_any_error(error: BaseException, text: str) -> None:
    assert error_text(error) == text


def test_notes_belong_to_the_text() -> None:
    error = ValueError("bad")
    error.__notes__ = ["while reading row 3"]
    assert error_text(error) == "(ValueError) bad\nwhile reading row 3"


def test_a_message_that_fails_does_not_hide_the_error() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    text = error_text(Mute())
    assert text.endswith("Mute) (its message cannot be shown: RuntimeError)")
    assert error_comment(caught(raiser, Mute())).endswith(text)


def test_builtins_need_no_module() -> None:
    assert qualified_name(ZeroDivisionError) == "ZeroDivisionError"
    assert qualified_name(json.JSONDecodeError) == "json.decoder.JSONDecodeError"


# -- annotated source ---------------------------------------------------------


def test_each_function_on_the_way_is_quoted_and_marked() -> None:
    assert error_comment(caught(calls, [1, 0])) == (
        "def calls(v):\n"
        "    # a comment\n"
        "    w = [helper(each) for each in v] <--- The error was raised in a called function.\n"
        "    return w, v\n"
        "\n"
        "def helper(v):\n"
        "    return 1 / v <--- (ZeroDivisionError) division by zero.\n"
        "\n"
        "(ZeroDivisionError) division by zero"
    )


@pytest.mark.parametrize(
    ("error", "mark"),
    [
        (ValueError(), "<--- (ValueError)."),
        (ValueError("Why?"), "<--- (ValueError) Why?"),
        (ValueError("one\ntwo"), "<--- (ValueError) one."),
        (ValueError("x" * 500), f"<--- (ValueError) {'x' * 187}..."),
    ],
)
def test_a02_the_mark_is_one_line(error: Exception, mark: str) -> None:
    text = error_comment(caught(raiser, error))
    assert text == f"def raiser(error):\n    raise error {mark}\n\n{error_text(error)}"


def test_recursion_is_quoted_once() -> None:
    def count(n):
        if n == 0:
            raise KeyError
        return count(n - 1)

    text = error_comment(caught(count, 400))
    assert text == (
        "def count(n):\n"
        "    if n == 0:\n"
        "        raise KeyError <--- (KeyError).\n"
        "    return count(n - 1) <--- The error was raised in a called function.\n"
        "\n"
        "(KeyError)"
    )


def test_a_function_inside_shows_in_the_text_outside() -> None:
    def outer(v):
        def inner():
            return sum(1 / each for each in v)

        return (lambda: inner())()  # noqa: PLC3002 - a step of its own on the way

    text = error_comment(caught(outer, [0]))
    assert text.count("def outer") == text.count("def inner") == 1
    assert "each in v) <--- (ZeroDivisionError)" in text
    assert "inner())()  # noqa: PLC3002 - a step of its own on the way <--- The error" in text


def test_d2_only_the_users_own_code_is_quoted() -> None:
    def parse(text):
        return json.loads(text)

    text = error_comment(caught(parse, "{"))
    assert text.startswith("def parse(text):\n    return json.loads(text) <--- (json.decoder.")
    assert text.count("<---") == 1
    assert "scan_once" not in text
    assert os.sep + "python" not in text


def test_d2_installed_packages_are_not_quoted() -> None:
    def ask():
        strategies.integers(3, 1).validate()

    text = error_comment(caught(ask))
    assert "def ask():" in text
    assert text.count("def ") == 1


def test_without_code_of_the_user_only_the_error_is_told() -> None:
    assert error_comment(caught(json.loads, "{")).startswith("(json.decoder.JSONDecodeError)")
    assert error_comment(ValueError("never raised")) == "(ValueError) never raised"
    assert error_comment(caught(raiser_of_ours())) == "(TypeError) bad"


def raiser_of_ours():
    import opto.errors

    code = compile("def f(): raise TypeError('bad')", opto.errors.__file__, "exec")
    exec(code, space := {})
    return space["f"]


def test_defined_code_is_quoted_with_its_decorators() -> None:
    text = "def same(f): return f\n\n@same\ndef g(x):\n    y = x\n    return 1 / y"
    comment = error_comment(caught(define(text, "g"), 0))
    assert comment.startswith("@same\ndef g(x):\n    y = x\n    return 1 / y <--- (Zero")


def test_code_that_fails_while_it_is_defined() -> None:
    text = "BASE = 1 / 0\ndef g(x):\n    return x"
    comment = error_comment(caught(define, text, "g"))
    assert comment.startswith(
        "BASE = 1 / 0 <--- (ZeroDivisionError) division by zero.\ndef g(x):\n"
    )


def test_code_that_is_no_python() -> None:
    text = "def g(x):\n    return (x\n"
    comment = error_comment(caught(define, text, "g"), text)
    assert "    return (x <--- (SyntaxError) '(' was never closed.\n" in comment
    assert comment.startswith("def g(x):\n")


def test_source_that_cannot_be_read_is_named() -> None:
    exec("def typed(x):\n    return 1 / x", space := {})
    mark = "<--- (ZeroDivisionError) division by zero."
    assert error_comment(caught(space["typed"], 0)).startswith(
        f"(line 2 of typed, whose source cannot be read) {mark}\n\n"
    )


def test_a_script_shows_its_line(tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text("x = 0\ny = 1 / x\n")
    space = {}
    error = caught(exec, compile(script.read_text(), str(script), "exec"), space)
    assert error_comment(error).startswith("y = 1 / x <--- (ZeroDivisionError) division by zero.\n")


def test_causes_are_named_and_rings_of_causes_end() -> None:
    def wrap():
        try:
            helper(0)
        except ZeroDivisionError as error:
            raise ValueError("bad row") from error

    error = caught(wrap)
    assert error_comment(error).endswith(
        "\n\n(ValueError) bad row\ncaused by (ZeroDivisionError) division by zero"
    )
    error.__cause__.__cause__ = error
    assert error_comment(error).count("caused by") == 1


# -- tracebacks ---------------------------------------------------------------


def test_d2_a_traceback_has_no_paths_of_this_machine() -> None:
    text = traceback_text(caught(calls, [0]))
    assert text.startswith("Traceback (most recent call last):\n")
    assert 'File "test_excerpt.py", line' in text
    assert "return 1 / v" in text
    assert text.endswith("ZeroDivisionError: division by zero\n")
    assert os.getcwd() not in text  # noqa: PTH109


def test_a_traceback_has_no_frames_of_the_library() -> None:
    text = traceback_text(caught(define, "1 / 0\ndef g(): pass", "g"))
    assert "define.py" not in text
    assert "1 / 0" in text
    syntax = traceback_text(caught(define, "def g(:", "g"))
    assert "define.py" not in syntax
    assert "SyntaxError: invalid syntax" in syntax


def test_a_traceback_of_causes() -> None:
    def wrap():
        try:
            json.loads("{")
        except ValueError as error:
            raise RuntimeError("bad") from error

    text = traceback_text(caught(wrap))
    assert "direct cause" in text
    assert text.count("Traceback") == 2
    assert sys.prefix not in text
    assert os.path.dirname(json.__file__) not in text  # noqa: PTH120


def test_a_syntax_error_in_a_file_of_the_user_hides_its_folder(tmp_path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("x = = 1\n")
    text = traceback_text(caught(compile, broken.read_text(), str(broken), "exec"))
    assert 'File "broken.py", line 1' in text
    assert str(tmp_path) not in text
