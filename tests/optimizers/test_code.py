import inspect
import sys
import warnings
from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import AnswerError
from opto.optimizers.code import Head, _unfenced, new_version

HEAD = Head("f", "x, k=2")


def version(text, head=HEAD):
    return new_version(text, head)[0]


def test_a_new_body_is_taken():
    assert version("def f(x, k=2):\n    return x * k") == "def f(x, k=2):\n    return x * k"


@pytest.mark.parametrize(
    "text",
    [
        "import math\n\n\ndef f(x, k=2):\n    return math.floor(x * k)",
        "def help_it(x):\n    return x\n\n\ndef f(x, k=2):\n    return help_it(x)",
        "LIMIT = 3\n\n\ndef f(x, k=2):\n    return LIMIT",
        "class A:\n    pass\n\n\ndef f(x, k=2):\n    return A()",
        "def f(x: int, k: int = 2) -> int:\n    return x",
        'def f(x, k=2):\n    """New words."""\n    return x',
        "def f(x, k=2):\n    return 1\n\n\ndef f(x, k=2):\n    return 2",
        "TABLE = []\nfor i in range(3):\n    TABLE.append(i)\n\n\ndef f(x, k=2):\n    return TABLE",
        "def f(x, k=2):\n    nonlocal y\n    return y",
    ],
    ids=["import", "helper", "constant", "class", "types", "doc", "twice", "loop", "nonlocal"],
)
def test_helpers_and_types_are_allowed(text):
    assert version(text) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def g(x, k=2): return x", "must define the function f; it defines g"),
        ("x = 1", "must define the function f"),
        ("def f(x): return x", r"keep the head `def f\(x, k=2\)`; it has `def f\(x\)`"),
        ("def f(x, k=3): return x", "k=3"),
        ("def f(y, k=2): return y", "keep the head"),
        ("def f(x, *, k=2): return x", "keep the head"),
        ("async def f(x, k=2): return x", "async def f"),
        ("class C:\n    def f(x, k=2): return x", "must define"),
        ("def f(x, k=2)\n    return x", "no Python: expected ':' in line 1: def f"),
        ("return x * k", "no Python: 'return' outside function"),
        ("Sort the list in reverse.", "no Python"),
        ("def f(x, k=2):\n    return '\0'", "no Python"),
        ("", "must define"),
        (5, "source of a function, not 5"),
        (None, "source of a function"),
        ("x = " + "(" * 500 + ")" * 500, "no Python"),
        ("x = " + "-" * 90_000 + "1", "no Python"),
    ],
)
def test_what_is_no_version_of_the_function_is_refused(text, why):
    with pytest.raises(AnswerError, match=why):
        new_version(text, HEAD)


def test_fences_indentation_and_trials_are_taken_off_and_that_is_named():
    text = (
        "```py\n    def f(x, k=2):\n        return x\n\n    print(f(1))\n    assert f(1) == 1\n```"
    )
    assert new_version(text, HEAD) == (
        "def f(x, k=2):\n    return x",
        ("a fence round the code", "a trial call after the code"),
    )


def test_what_sets_something_up_is_no_trial():
    text = "TABLE = []\nTABLE.append(1)\n\n\ndef f(x, k=2):\n    return TABLE"
    assert new_version(text, HEAD) == (text, ())


def test_without_a_known_head_any_python_will_do():
    assert version("y = 1", None) == "y = 1"


@pytest.mark.parametrize(
    ("constraint", "code", "head"),
    [
        ("The code must begin with:\ndef f(x, k=2):", "", HEAD),
        ('Begin with:\ndef f(x, k=2):\n    """Say."""', "def helper(): ...", HEAD),
        ("def f(\n    x,\n    k: int = 2,\n) -> int:", "", HEAD),
        (None, "import a\n\ndef f(x, k=2):\n    return x", HEAD),
        ("make it short", "def f(x, k=2): return x", HEAD),
        ("async def f(x, /, *a, b, **c):", "", Head("f", "x, /, *a, b, **c", is_async=True)),
        (None, "no code", None),
        (None, 5, None),
        (None, "def f(:", None),
    ],
)
def test_the_head_is_found_in_the_constraint_or_the_code(constraint, code, head):
    assert Head.of(constraint, code) == head


def test_reading_code_gives_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert version("def f(x, k=2):\n    return '\\d'")


def test_code_is_formatted_where_black_is_installed(monkeypatch):
    ugly = "def f(x,k=2):return   x"
    pytest.importorskip("black")
    assert version(ugly) == "def f(x, k=2):\n    return x"
    monkeypatch.setitem(sys.modules, "black", None)
    assert version(ugly) == ugly


@given(st.text(max_size=60) | st.text(alphabet="def f(x, k=2):\n return", max_size=60))
def test_no_text_raises_anything_else(text):
    try:
        made, _ = new_version(text, HEAD)
    except AnswerError:
        return
    assert "def f" in made


@pytest.mark.parametrize(
    "text",
    [
        "```\n" + "\n  " * 33_000,
        "`" * 50_000 + "\n" + "a" * 49_000,
        "".join("`" * n + "\n" for n in range(440, 3, -1)),
        "```deadbeef\n~~~12345678\n" * 4_000,
        "``` and ~~~ " * 8_000,
        " " * 100_000,
        "\n" * 90_000 + "def f(x):\n    return x",
        "def f(x):\n" + " " * 90_000 + "return 1",
        "import " + ".".join("a" * 40_000),
        "from " + ".\\\n".join("a" * 30_000) + " import b",
        "e" + "\u0301\u0327\u0300" * 20_000 + " = 1",
        "e" + "\u0f73\u0f75" * 20_000 + " = 1",
        "x = " + "9" * 90_000,
        "def f(x, k=2):\n    return " + "{" * 90_000,
        "def f(x, k=2):\n    return 9**9**9, 'a'*10**9, (1,)*10**9, 1<<10**9, '%999999999d' % 1",
        "def f(x, k=2):\n" + "    x;" * 16_000,
        "def f(x, k=2):\n    return 1\n" + "print(f(1))\n" * 8_000,
    ],
    ids=range(17),
)
def test_no_text_takes_long(text):
    start = process_time()
    with suppress(AnswerError):
        new_version(text, HEAD)
    assert process_time() - start < 3.0


def test_no_text_is_too_long_or_too_deep_to_be_refused():
    for text, why in {
        "def f(x, k=2):\n    return 1\n" + "#" * 100_000: "100,000 are the most",
        "def f(x, k=" + "x+" * 600 + "x): return 1": "too deeply",
        "def f(x, k=" + "-" * 600 + "2): return 1": "too deeply",
    }.items():
        with pytest.raises(AnswerError, match=why):
            new_version(text, HEAD)
    assert Head.of(None, "def f(x=" + "x+" * 600 + "x): return 1") is None


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("````\nx = '```'\n```", "x = '```'"),
        ("```deadbeef\nx = 1\n```deadbeef", "x = 1"),
        ("```deadbeef\nx = 1\n```", "x = 1"),
        ("  ~~~py\nx = 1\n  ~~~~~  ", "x = 1\n  ~~"),
        ("so: ````py\nx = 1\n```", "x = 1"),
        ("so: ```deadbeef\nx = '```'\n```deadbeef .", "x = '```'"),
        ("```x = 1```", "```x = 1```"),
        ("```\nx = 1", "```\nx = 1"),
    ],
)
def test_bars_of_several_lengths(answer, code):
    assert _unfenced(answer)[0] == code


DOCUMENTED = '''def f(x):
    """Twice x,

    and no more.
    """
    return x'''


@pytest.mark.parametrize(
    "answer",
    [
        "def f(x):\n    return 2 * x",
        "def f(x):\n    # twice\n    return 2 * x",
        "async def g(): ...\n\ndef f(x):\n    @print\n    def h(): ...\n    return 2 * x",
    ],
)
def test_a_docstring_that_was_left_out_is_put_back(answer):
    head = Head.of(None, DOCUMENTED)
    text, repairs = new_version(answer, head)
    assert repairs == ("the docstring put back",)
    names = {"print": lambda f: f}
    exec(text, names)
    assert inspect.getdoc(names["f"]) == "Twice x,\n\nand no more."
    assert names["f"](2) == 4


@pytest.mark.parametrize("doc", ["one line", 'ends with "', "back\\slash", 'three """ quotes'])
def test_a_docstring_of_any_text_is_put_back(doc):
    head = Head.of(None, f"def f(x):\n    {doc!r}\n    return x")
    text, _ = new_version("def f(x):\n    return x", head)
    names = {}
    exec(text, names)
    assert names["f"].__doc__ == doc


def test_another_docstring_stays():
    text, repairs = new_version('def f(x):\n    "Mine."\n    return x', Head.of(None, DOCUMENTED))
    assert "Mine." in text
    assert repairs == ()


def test_words_round_a_fence_are_no_code():
    answer = "Here it is:\n```python\ndef f(x):\n    return -x\n```\nIt works."
    code, repairs = new_version(answer, Head("f", "x"))
    assert code == "def f(x):\n    return -x"
    assert repairs == ("a fence round the code", "words round the code")


@pytest.mark.parametrize(
    "answer",
    [
        "One:\n```\ndef f(x):\n    return 1\n```\nor\n```\ndef f(x):\n    return 2\n```",
        "It is\n```\ndef f(x):\n    return 1",
        "It is\n```\nf(x) = 1\n```",
    ],
)
def test_it_must_be_clear_which_block_is_meant(answer):
    with pytest.raises(AnswerError, match="no Python"):
        new_version(answer, Head("f", "x"))


def test_a_fence_inside_of_code_stays():
    code = 'def f(x):\n    return """\n```\nx\n```\n"""'
    assert new_version(code, Head("f", "x")) == (code, ())
