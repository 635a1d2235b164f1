from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ArgumentError, BudgetExceeded, StoreError
from opto.llm import Budget
from opto.llm.ledger import Amount


def test_sums_of_money_are_exact():
    budget = Budget(usd=0.3)
    for _ in range(3):
        budget.settle(budget.reserve(Amount(0.1)), Amount(0.1))
    assert budget.account.spent.usd == 0.3
    with pytest.raises(BudgetExceeded):
        budget.reserve(Amount(1e-9))


@given(st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 1)), max_size=40))
def test_what_is_spent_never_passes_the_limit(calls):
    budget = Budget(usd=1.0, tokens=50)
    spent = 0.0
    for most, share in calls:
        try:
            ticket = budget.reserve(Amount(most, 2, 1))
        except BudgetExceeded:
            continue
        budget.settle(ticket, Amount(most * share, 1, 1))
        spent += most * share
        assert budget.account.spent.usd <= 1.0
        assert budget.account.spent.tokens <= 50
    assert budget.account.spent.usd == pytest.approx(spent, abs=1e-7)


def test_a_call_waits_for_what_others_may_not_need():
    budget = Budget(usd=1.0)
    first = budget.reserve(Amount(0.9))
    settled = []

    def settle():
        settled.append(True)
        budget.settle(first, Amount(0.1))

    timer = threading.Timer(0.2, settle)
    timer.start()
    budget.reserve(Amount(0.8))
    assert settled
    timer.join()


def test_a_call_that_can_never_fit_does_not_wait():
    budget = Budget(usd=1.0)
    budget.reserve(Amount(0.9))
    start = time.monotonic()
    with pytest.raises(BudgetExceeded, match=r"up to \$1.5; of \$1, \$0 are spent and \$0.9 res"):
        budget.reserve(Amount(1.5))
    assert time.monotonic() - start < 1


def test_waiting_ends_with_the_lease():
    budget = Budget(usd=1.0, lease=0.2)
    budget.reserve(Amount(0.9))
    with pytest.raises(BudgetExceeded):
        budget.reserve(Amount(0.9))


def test_time_is_limited_from_the_first_call_on():
    budget = Budget(seconds=0.2)
    time.sleep(0.25)
    budget.reserve(Amount())
    time.sleep(0.25)
    with pytest.raises(BudgetExceeded, match=r"its 0.2 seconds are over.*raised\(seconds=0.4\)"):
        budget.reserve(Amount())
    budget.raised(seconds=60).reserve(Amount())


def test_a_raised_budget_goes_on_where_it_stood(tmp_path):
    for path in (None, tmp_path / "b.db"):
        budget = Budget(calls=1, path=path)
        budget.settle(budget.reserve(Amount(calls=1)), Amount(calls=1))
        more = budget.raised(calls=3)
        assert more.left == {"calls": 2}
        assert budget.left == {"calls": 0}
        for limits in ({"calls": 0.5}, {"usd": 1.0}):
            with pytest.raises(ArgumentError, match="would lower it"):
                budget.raised(**limits)
    with pytest.raises(ArgumentError, match="did you mean 'calls'"):
        budget.raised(call=3)


def test_an_unknown_amount_stays_unknown():
    budget = Budget(calls=5)
    budget.settle(budget.reserve(Amount(None, 5, 1)), Amount(None, 5, 1))
    assert budget.account.spent == Amount(None, 5, 1)


def test_dollars_are_refused_where_an_earlier_run_had_no_prices(tmp_path):
    path = tmp_path / "b.db"
    other = Budget(calls=5, path=path)
    other.settle(other.reserve(Amount(None, 5, 1)), Amount(None, 5, 1))
    with pytest.raises(BudgetExceeded, match="an unknown amount are spent"):
        Budget(usd=1.0, path=path).reserve(Amount(0.1))


HOLD = """
import sys, time
from opto.llm import Budget
from opto.llm.ledger import Amount
Budget(usd=1.0, path=sys.argv[1], lease=0.5).reserve(Amount(0.9))
print("held", flush=True)
time.sleep(60)
"""


def test_what_a_killed_process_had_reserved_comes_back_after_its_lease(tmp_path):
    path = tmp_path / "b.db"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    budget = Budget(usd=1.0, path=path, lease=0.5)
    time.sleep(0.6)
    # A slow call of a process that lives keeps what it has.
    assert budget.account.reserved.usd == 0.9
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    budget.reserve(Amount(0.9))


def test_a_budget_without_a_path_stays_in_its_process():
    budget = Budget(calls=1)
    assert copy.deepcopy(budget)._ledger.shared is budget._ledger.shared
    with pytest.raises(ArgumentError, match="path="):
        pickle.dumps(budget)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_its_own_connection_or_none(tmp_path):
    shared, alone = Budget(calls=2, path=tmp_path / "b.db"), Budget(calls=2)
    for budget in (shared, alone):
        budget.settle(budget.reserve(Amount(calls=1)), Amount(calls=1))
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()

    def child():
        shared.settle(shared.reserve(Amount(calls=1)), Amount(calls=1))
        try:
            alone.reserve(Amount(calls=1))
        except ArgumentError as error:
            results.put(str(error))

    process = context.Process(target=child)
    process.start()
    assert "path=" in results.get()
    process.join()
    assert shared.left == {"calls": 0}
    assert alone.left == {"calls": 1}


def test_a_file_that_is_no_budget_is_said_to_be_none(tmp_path):
    path = tmp_path / "b.db"
    path.write_text("no database at all, but quite some text instead of it " * 40)
    with pytest.raises(StoreError, match=r"b\.db cannot be used"):
        _ = Budget(calls=1, path=path).account


@pytest.mark.parametrize("limits", [{}, {"usd": 0}, {"usd": -1.0}, {"calls": True}, {"usd": "1"}])
def test_bad_limits_are_refused(limits):
    with pytest.raises(ArgumentError):
        Budget(**limits)
