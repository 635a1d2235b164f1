import sys

import pytest

from opto.errors import ArgumentError
from opto.optimizers.utils import print_color


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
