"""The text of a function, however it was written (SPEC 3.2, A14)."""

from __future__ import annotations

import functools
import inspect
import linecache
import subprocess
import sys
import textwrap

import pytest

from opto.errors import BundleError, SourceError
from opto.trace.source import source_of, text_of_code


def bundle(*args, **kwargs):
    """Leaves the function as it is: what is tested here is how its text is found."""
    return lambda fun: fun


class Trace:
    bundle = staticmethod(bundle)


trace = Trace()


def b(*args, **kwargs):
    return lambda fun: fun


b.__module__ = "opto.trace.bundle"
ready = functools.partial(b, trainable=True)


def doubled(fun):
    @functools.wraps(fun)
    def wrapper(*args):
        return 2 * fun(*args)

    return wrapper


def silent(fun):
    def wrapper(*args):
        return fun(*args)

    return wrapper


def keep(*words):
    return lambda fun: fun


def plain(x):
    """Doc."""
    return x  # a comment

    # the last word


@bundle()
def under_its_name(x):
    return x


@keep("above")
@trace.bundle("[f] an open ( and @bundle( and \" ' in the words", trainable=True)
@keep(")")
@doubled
def under_a_path(x):
    return x


@b(description="[x] (")
def under_an_alias(x):
    return x


@ready()
async def under_a_partial(x):
    return x


# fmt: off
@(
    bundle("""
        [f] @keep
    """)
)
# between
@keep(
    "@bundle(")
def odd_lines(
    x,
):
    return x
# not part of it


def one_line(x): return x
# fmt: on


class Holder:
    @bundle(trainable=True)
    @doubled
    def method(self, x):
        """First.

        Second.
        """
        text = """
    kept
        as it is
"""
        more = f"""
        {x} also
        """
        return [text, more]

    @staticmethod
    @bundle()
    def static(x):
        return x

    class Inner:
        @classmethod
        @bundle()
        def of(cls, x):
            return x

    name = lambda self: self


def nested():
    @bundle()
    def inside(x):
        def deeper(y):
            return y

        return deeper(x)

    return inside


@pytest.mark.parametrize(
    ("fun", "text"),
    [
        (plain, 'def plain(x):\n    """Doc."""\n    return x  # a comment\n\n    # the last word'),
        (under_its_name, "def under_its_name(x):\n    return x"),
        (under_a_path, '@keep(")")\n@doubled\ndef under_a_path(x):\n    return x'),
        (under_an_alias, "def under_an_alias(x):\n    return x"),
        (under_a_partial, "async def under_a_partial(x):\n    return x"),
        (odd_lines, '@keep(\n    "@bundle(")\ndef odd_lines(\n    x,\n):\n    return x'),
        (one_line, "def one_line(x): return x"),
        (Holder.static, "def static(x):\n    return x"),
        (Holder.Inner.of, "def of(cls, x):\n    return x"),
        (
            nested(),
            "def inside(x):\n    def deeper(y):\n        return y\n\n    return deeper(x)",
        ),
    ],
)
def test_the_text_is_what_was_written_below_bundle(fun, text: str) -> None:
    source = source_of(fun)
    assert source.text == text
    assert source.file == __file__
    assert linecache.getline(__file__, source.line).strip() == text.partition("\n")[0]
    assert source.name == source.function.__name__


def test_a_method_is_dedented_but_its_strings_are_not() -> None:
    assert source_of(Holder.method).text == (
        '@doubled\ndef method(self, x):\n    """First.\n\n    Second.\n    """\n'
        '    text = """\n    kept\n        as it is\n"""\n'
        '    more = f"""\n        {x} also\n        """\n    return [text, more]'
    )
    assert source_of(Holder().method) == source_of(Holder.method)


def test_an_alias_in_the_scope_around() -> None:
    local = b

    @local(trainable=True)
    @keep()
    def f(x):
        return x

    assert source_of(f).text.startswith("@local(trainable=True)\n@keep()")
    assert source_of(f, {"local": local}).text == "@keep()\ndef f(x):\n    return x"


def test_the_line_of_a_decorator_that_only_the_caller_knows() -> None:
    @keep()
    @doubled
    def f(x):
        return x

    line = f.__wrapped__.__code__.co_firstlineno
    assert source_of(f, line=line).text == "@doubled\ndef f(x):\n    return x"


def test_a_wrapper_is_read_as_what_it_wraps_only_if_the_text_says_so() -> None:
    written = source_of(under_a_path)
    assert written.function is under_a_path.__wrapped__
    # Wrapped by a call: no text holds both, so the wrapper's own is the truth.
    called = source_of(doubled(plain))
    assert called.name == "wrapper"
    assert called.function is not plain
    assert "return 2 * fun(*args)" in called.text
    assert source_of(silent(plain)).name == "wrapper"


def test_a_cache_has_the_text_of_its_function() -> None:
    @bundle()
    @functools.lru_cache(maxsize=3)
    def f(x):
        return x

    assert source_of(f).text.startswith("@functools.lru_cache(maxsize=3)\ndef f(x):")


def test_wraps_of_something_else_is_a_decorator_like_others() -> None:
    @bundle()
    @functools.wraps(len)
    def f(x):
        return x

    assert source_of(f).text == "@functools.wraps(len)\ndef f(x):\n    return x"


# -- lambdas ------------------------------------------------------------------

score = lambda x, *, by=2: x / by
bundled = bundle()(lambda x: (x, "ü", ")"))
# fmt: off
pair = [lambda x: x + 1, lambda x: x + 2]
alike = [lambda x: x, lambda x: x]
defaults = [lambda x=1: x, lambda x=2: x]
long = bundle()(
    lambda x: [
        x,
    ]
)
# fmt: on


@pytest.mark.parametrize(
    ("fun", "text"),
    [
        (score, "def score(x, *, by=2):\n    return x / by"),
        (bundled, 'def bundled(x):\n    return (x, "ü", ")")'),
        (pair[0], "def function(x):\n    return x + 1"),
        (pair[1], "def function(x):\n    return x + 2"),
        (alike[1], "def function(x):\n    return x"),
        (long, "def long(x):\n    return ([\n        x,\n    ])"),
        (Holder.name, "def name(self):\n    return self"),
    ],
)
def test_a_lambda_is_read_as_a_def(fun, text: str) -> None:
    assert source_of(fun).text == text
    assert source_of(fun).function is fun


def test_two_lambdas_that_close_over_different_names() -> None:
    p, q = 1, 2
    both = (lambda: p), (lambda: q)
    assert [source_of(fun).text[-1] for fun in both] == ["p", "q"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="code has no columns before 3.11")
def test_lambdas_that_differ_in_their_defaults() -> None:
    assert source_of(defaults[0]).text == "def function(x=1):\n    return x"
    assert source_of(defaults[1]).text == "def function(x=2):\n    return x"


def test_lambdas_that_cannot_be_told_apart(tmp_path) -> None:
    program = tmp_path / "both.py"
    program.write_text(
        "from opto.trace.source import source_of\n"
        "both = [lambda x=1: x, lambda x=2: x]\n"
        "source_of(both[0])\n"
    )
    # Without columns, as before Python 3.11, nothing tells them apart.
    command = [sys.executable, "-X", "no_debug_ranges", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "both.py, line 2 holds 2 lambdas that cannot be told apart" in done.stderr


# -- where the text is --------------------------------------------------------


def typed(text: str, file: str, keep: str | None = None) -> dict:
    """The names that `text` defines, as code of `file`; `keep` is what is remembered of it."""
    names = {"bundle": bundle, "__name__": "__main__"}
    exec(compile(text, file, "exec", dont_inherit=True), names)
    if keep is not None:
        linecache.cache[file] = (len(keep), None, keep.splitlines(keepends=True), file)
    return names


def test_code_of_a_session_that_remembers_its_lines() -> None:
    text = "@bundle()\ndef f(x):\n    return x\n"
    f = typed(text, "<cell 1>", keep=text)["f"]
    assert source_of(f).text == "def f(x):\n    return x"
    assert source_of(f).file == "<cell 1>"


def test_code_of_a_session_that_does_not() -> None:
    f = typed("def f(x):\n    return x\n", "<string>")["f"]
    with pytest.raises(
        SourceError, match=r"f, defined in <string>, line 1, cannot be read"
    ) as told:
        source_of(f)
    assert "Put the function into a file" in str(told.value)
    assert "trainable=False" in str(told.value)
    assert isinstance(told.value, BundleError)


@pytest.mark.parametrize(
    "changed", ["x = 1\n", "\n\ndef f(x):\n    return x\n", "def g(x):\n    return x\n"]
)
def test_a_file_that_was_changed_since(changed: str) -> None:
    f = typed("def f(x):\n    return x\n", "<changed>", keep=changed)["f"]
    with pytest.raises(SourceError, match="was changed after it was imported"):
        source_of(f)


def test_a_file_that_is_no_python_any_more() -> None:
    f = typed("def f(x):\n    return x\n", "<broken>", keep="def f(x:\n")["f"]
    with pytest.raises(SourceError, match="is no Python as it stands now"):
        source_of(f)


@pytest.mark.parametrize("fun", [print, dict, functools.partial(plain, 1), object()])
def test_what_has_no_text(fun) -> None:
    with pytest.raises(SourceError, match="no Python function with a text of its own"):
        source_of(fun)


def test_a_ring_of_wrappers_ends() -> None:
    def f(x):
        return x

    f.__wrapped__ = f
    assert source_of(f).name == "f"


def test_a_notebook_cell() -> None:
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
    shell.user_ns["bundle"] = bundle
    shell.run_cell("x = 1")
    shell.run_cell("%time y = x\n@bundle('(')\ndef f(x):\n    return x + 1")
    assert source_of(shell.user_ns["f"]).text == "def f(x):\n    return x + 1"


def test_the_text_of_running_code() -> None:
    code = under_a_path.__wrapped__.__code__
    assert text_of_code(code, globals()).text == source_of(under_a_path).text
    (deeper,) = (const for const in nested().__code__.co_consts if inspect.iscode(const))
    assert text_of_code(deeper, globals()).text == "def deeper(y):\n    return y"
    shown = text_of_code(score.__code__, globals())
    assert shown.text == "score = lambda x, *, by=2: x / by"


def test_reading_goes_by_the_standard_library_too() -> None:
    source = source_of(textwrap.dedent)
    assert source.text == inspect.getsource(textwrap.dedent).rstrip()
