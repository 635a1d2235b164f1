"""The plan alone: which questions come in which round, and what becomes of answers."""

import pytest

from opto.llm import Reply, ScriptedLLM
from opto.optimizers.drive import drive
from opto.optimizers.textgrad import TextGrad
from opto.trace import node
from tests.optimizers.textgrads import ASKED, VARIABLE, Model, improved


def planned(output, *parameters, **options):
    optimizer = TextGrad(list(parameters), llm=ScriptedLLM([]), **options)
    optimizer.backward(output, "larger")
    return optimizer.plan(optimizer.summarize())


def rounds_of(plan, answer):
    """What each round asks about, and the proposal."""
    rounds = []

    def answers(requests):
        users = [request.messages[1]["content"] for request in requests]
        rounds.append([ASKED.findall(u) or VARIABLE.search(u)[1] for u in users])
        return tuple(Reply(answer(request.messages)) for request in requests)

    return drive(plan, answers), rounds


def test_each_level_is_a_round_and_what_is_ready_early_is_asked_early():
    x, y = node(3, name="x", trainable=True), node(4, name="y", trainable=True)
    proposal, rounds = rounds_of(planned((x * 2 + 1) * y, x, y), Model([6, 7]))
    assert rounds == [[["add0", "y0"]], [["multiply0"], "y0"], [["x0"]], ["x0"]]
    assert proposal.values == {"y0": 6, "x0": 7}


def test_a_repair_is_asked_beside_the_next_level():
    x, y = node(3, name="x", trainable=True), node(4, name="y", trainable=True)
    proposal, rounds = rounds_of(planned((x * 2 + 1) * y, x, y), Model(["?", 7, 8]))
    assert [len(asked) for asked in rounds] == [1, 2, 2, 1]
    assert rounds[2] == ["y0", ["x0"]]
    assert proposal.values == {"y0": 7, "x0": 8}


@pytest.mark.parametrize(("max_calls", "asked"), [(3, 3), (2, 2)])
def test_repairs_are_within_the_bound(max_calls, asked):
    x = node(3, name="x", trainable=True)
    proposal, rounds = rounds_of(planned(x * 2, x, max_calls=max_calls), Model(["?", 7]))
    assert sum(map(len, rounds)) == asked
    assert proposal.values == ({"x0": 7} if asked == 3 else {})
    assert bool(proposal.refused) is (asked == 2)


def test_repairs_can_be_switched_off():
    x = node(3, name="x", trainable=True)
    _, rounds = rounds_of(planned(x * 2, x, repair=False), Model(["?", 7]))
    assert sum(map(len, rounds)) == 2


def test_what_an_answer_is_silent_about_is_passed_on():
    x = node(3, name="x", trainable=True)
    seen = []

    def silent(messages):
        seen.append(messages[1]["content"])
        return "" if ASKED.search(seen[-1]) else improved(9)

    proposal, _ = rounds_of(planned((x + 1) * 2, x), silent)
    assert "- for add0: larger" in seen[-1]
    assert proposal.values == {"x0": 9}
    assert "what is wanted of add0 passed on to x0" in proposal.repairs


def test_nothing_grows_where_all_answers_are_silent():
    """Wishes that are passed on through 40 diamonds would be 2 ** 40."""
    z = x = node(3, name="x", trainable=True)
    for _ in range(40):
        z = (z + 1) - (z - 1)
    longest = 0

    def silent(messages):
        nonlocal longest
        longest = max(longest, len(messages[1]["content"]))
        return "" if ASKED.search(messages[1]["content"]) else "NO CHANGE"

    proposal, _ = rounds_of(planned(z, x), silent)
    assert proposal.unchanged == ("x0",)
    assert proposal.stop
    assert longest < 10_000


def test_an_answer_about_one_value_says_nothing_about_others():
    x, y = node(3, name="x", trainable=True), node(4, name="y", trainable=True)

    def only_x(messages):
        user = messages[1]["content"]
        return '<GRADIENT name="x0">up</GRADIENT>' if ASKED.search(user) else improved(9)

    proposal, rounds = rounds_of(planned(x * y, x, y), only_x)
    assert rounds == [[["x0", "y0"]], ["x0"]]
    assert proposal.values == {"x0": 9}
