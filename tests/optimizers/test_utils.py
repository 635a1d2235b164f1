import sys

import pytest

from opto.errors import ArgumentError
from opto.optimizers.utils import (
    extract_first_top_level_block,
    extract_reasoning_and_remainder,
    extract_top_level_blocks,
    print_color,
    strip_nested_blocks,
)


def test_a_message_is_printed_in_colour_on_a_terminal_only(capsys, monkeypatch):
    print_color("plain", "red")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    print_color("red", "red")
    print_color(5)
    assert capsys.readouterr().out == "plain\n\x1b[31mred\x1b[0m\n5\n"


def test_a_logger_gets_the_message(capsys):
    class Logger:
        def log(self, message):
            self.message = message

    logger = Logger()
    print_color("x", "green", logger)
    assert (logger.message, capsys.readouterr().out) == ("x", "")


def test_an_unknown_colour_is_said():
    with pytest.raises(ArgumentError, match="did you mean 'green'"):
        print_color("x", "gren")


@pytest.mark.parametrize(
    ("text", "blocks", "outside"),
    [
        ("", [], ""),
        ("no tags", [], "no tags"),
        ("a<t> 1 </t>b<t>2</t>", [" 1 ", "2"], "ab"),
        ("<t>1<t>2</t>3</t>4", ["1<t>2</t>3"], "4"),
        ("</t>a<t>1</t>", ["1"], "</t>a"),
        ("a<t>1<t>2</t>", [], "a"),
        ("<t>1</t>a<t>2", ["1"], "a"),
        ("<T>1</T><t x='1'>2</t>", [], "<T>1</T><t x='1'>2</t>"),
        ("<t></t>", [""], ""),
    ],
)
def test_elements_that_stand_in_no_other_and_what_is_outside(text, blocks, outside):
    assert extract_top_level_blocks(text, "t") == blocks
    assert extract_first_top_level_block(text, "t") == (blocks[0] if blocks else None)
    assert strip_nested_blocks(text, "t") == outside


def test_a_tag_may_hold_what_means_something_in_patterns():
    assert extract_top_level_blocks("<a.b>1</a.b><axb>2</axb>", "a.b") == ["1"]


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("5", ("", "5")),
        (" <reasoning>\n a \n</reasoning> 5 ", ("a", " 5 ")),
        ("1<reasoning>a</reasoning>5<reasoning>b</reasoning>", ("a", "5<reasoning>b</reasoning>")),
        ("<reasoning> a <variable>5", (" a <variable>5", "")),
    ],
)
def test_a_thought_and_what_comes_after_it(text, both):
    assert extract_reasoning_and_remainder(text) == both


def test_another_tag_of_the_thoughts():
    assert extract_reasoning_and_remainder("<t>a</t>b", tag="t") == ("a", "b")


def test_what_is_printed_gives_no_orders_to_the_terminal(capsys):
    print_color("a\x1b[31mb\x9b2J\u202ec\rd\r\n\te")
    assert capsys.readouterr().out == "a\\x1b[31mb\\x9b2J\\u202ec\\rd\r\n\te\n"
