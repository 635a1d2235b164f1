from __future__ import annotations

import sys

import pytest

from opto.quickstart.limit import time_limit


def endless_on_one_line():
    while True: pass  # fmt: skip  # noqa: E701


def endless_in_calls():
    def one():
        return 1

    while one():
        pass


@pytest.mark.parametrize("endless", [endless_on_one_line, endless_in_calls])
def test_endless_code_is_ended(endless) -> None:
    with pytest.raises(TimeoutError, match=r"more than 0\.1 s"), time_limit(0.1):
        endless()


def test_quick_code_is_left_alone() -> None:
    with time_limit(5.0):
        assert sorted([2, 1]) == [1, 2]


def test_who_traced_before_traces_again() -> None:
    before = sys.gettrace()
    with pytest.raises(ZeroDivisionError), time_limit(5.0):
        raise ZeroDivisionError
    assert sys.gettrace() is before
