"""What a function is called as an operation."""

from __future__ import annotations

import functools

import pytest

from opto.errors import BundleError
from opto.trace.described import check_text, described, kind_of


def greet(name):
    """Say hello."""


def test_the_words_of_a_function_begin_with_its_name():
    assert described(greet, None) == "[greet] Say hello."
    assert described(functools.partial(greet, "x"), None) == "[greet] Say hello."


def test_the_users_words_are_taken_if_they_are_tagged():
    assert described(greet, "[hi] Hello.") == "[hi] Hello."
    with pytest.raises(BundleError, match="brackets"):
        described(greet, "Hello.")


def test_a_function_in_the_place_of_a_description_is_refused():
    check_text(None)
    with pytest.raises(BundleError, match="parentheses"):
        check_text(greet)


def test_kinds_of_methods():
    kinds = [kind_of(f) for f in (greet, staticmethod(greet), classmethod(greet))]
    assert kinds == ["instance", "static", "class"]
