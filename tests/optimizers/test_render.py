from hypothesis import given
from hypothesis import strategies as st

from opto.optimizers.render import cut, safe_text, shown


class Mute:
    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __repr__


def test_values_without_a_text_are_named():
    assert "Mute" in safe_text(Mute())
    assert "Mute" in shown(Mute())


def test_a_text_is_shown_as_it_is():
    assert safe_text("a\nb") == "a\nb"
    assert shown("a\nb") == "'a\\nb'"


@given(st.text(), st.integers(20, 100))
def test_what_is_shown_is_short_and_on_one_line(value, limit):
    text = shown(value, limit)
    assert len(text) <= limit
    assert len(text.splitlines()) == 1


@given(st.text(max_size=300), st.integers(2, 100))
def test_cutting_keeps_both_ends_and_says_what_is_missing(text, limit):
    short = cut(text, limit)
    if len(text) <= limit:
        assert short == text
    else:
        half = limit // 2
        assert short.startswith(text[:half])
        assert short.endswith(text[-half:])
        assert f"[{len(text) - 2 * half} characters left out]" in short


def test_a_value_has_the_same_text_in_every_process():
    class Agent:
        pass

    assert safe_text(Agent()).endswith(".Agent object>")
    assert safe_text([Agent()]).endswith(".Agent object>]")
    assert safe_text("an object at 0x7f2a3b4c5d6e>") == "an object at 0x7f2a3b4c5d6e>"
    words = {"pear", "apple", "fig", "plum"}
    assert safe_text(words) == "{'apple', 'fig', 'pear', 'plum'}"
    assert safe_text(frozenset({2, "a"})) == "frozenset({'a', 2})"
    assert (safe_text(set()), safe_text(frozenset())) == ("set()", "frozenset()")


def both(text):
    return cut(text, 100), shown(text, 100)


def test_no_half_of_a_secret_is_left_where_a_text_is_cut(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "hunter2hunter2")
    for apart in range(120):
        for text in (
            f"{'x' * apart}hunter2hunter2{'y' * 200}",
            f"{'y' * 200}hunter2hunter2{'x' * apart}",
        ):
            assert not {"hunte", "nter2"} & {s[i : i + 5] for s in both(text) for i in range(200)}
    assert cut("hunter2hunter2" * 10, 100) == "***" * 10
    assert cut("short: hunter2hunter2", 100) == "short: hunter2hunter2"  # cleaned where it is sent
