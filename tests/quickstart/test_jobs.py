"""Each job: judged as it should be, and solved by a model that knows the answer."""

from __future__ import annotations

from random import Random

import pytest

from opto.llm import ScriptedLLM
from opto.quickstart.choice import HINTS, Painting
from opto.quickstart.greeting import ENGLISH, Greeting
from opto.quickstart.jobs import JOBS
from opto.quickstart.number import Seating
from opto.quickstart.run import Begun, Ended, Stepped, work
from opto.quickstart.sorting import HELD_OUT, SHOWN, Sorting
from opto.trace import GRAPH

RIGHT = """
def strange_sort_list(lst):
    left, out = sorted(lst), []
    while left:
        out.append(left.pop(0))
        if left:
            out.append(left.pop())
    return out
"""
# Right for lists of even length only, as small models like to write it.
HALF_RIGHT = """
def strange_sort_list(lst):
    left, out = sorted(lst), []
    while left:
        out += [left.pop(0), left.pop()]
    return out
"""


@pytest.mark.parametrize("job", JOBS.values(), ids=list(JOBS))
@pytest.mark.parametrize("seed", range(20))
def test_a_job_begins_unsolved_and_within_forty_drafts(job, seed) -> None:
    assert not job.make(Random(seed)).run().solved
    assert job.steps * job.drafts <= 40


@pytest.mark.parametrize("job", JOBS.values(), ids=list(JOBS))
def test_a_seed_draws_the_same_instance_again(job) -> None:
    assert job.make(Random(3)).listing() == job.make(Random(3)).listing()


def test_a_number_is_told_its_direction_and_scored_by_its_distance() -> None:
    low, high, right = (Seating(start, 7).run() for start in (5, 9, 7))
    assert "larger" in low.feedback
    assert "smaller" in high.feedback
    assert low.score == high.score == -12
    assert right.solved


def test_the_hint_does_not_name_the_colour() -> None:
    for colour, hint in HINTS.items():
        start = next(other for other in HINTS if other != colour)
        assert colour not in hint
        assert colour not in Painting(start, colour).run().feedback


@pytest.mark.parametrize("spanish", ["¡Hola", "Buenos días", "buenas noches", "Bienvenida"])
def test_a_spanish_greeting_is_seen(spanish) -> None:
    task = Greeting("Hello", "Ana")
    task.greeting._set(spanish)
    assert task.run().solved


@pytest.mark.parametrize("other", [*ENGLISH, "Bonjour", "Hola and welcome", "Greeting", ""])
def test_another_greeting_is_not_taken_for_spanish(other) -> None:
    task = Greeting("Hello", "Ana")
    task.greeting._set(other)
    assert not task.run().solved


def test_the_expected_orders_are_those_of_a_right_program() -> None:
    task = Sorting()
    task.sort.parameter._set(RIGHT)
    assert task.run().solved
    assert task.held_out() == (len(HELD_OUT), len(HELD_OUT))


def test_no_held_out_case_is_spoken_about() -> None:
    shown = {tuple(given) for given, _ in SHOWN}
    assert not shown & {tuple(given) for given, _ in HELD_OUT}
    feedback = Sorting().run().feedback
    assert not any(str(given) in feedback for given, _ in HELD_OUT if len(given) > 1)


def test_a_crash_is_told_by_its_case() -> None:
    task = Sorting()
    task.sort.parameter._set(HALF_RIGHT)
    verdict = task.run()
    assert verdict.score == 3
    case = ">>> strange_sort_list([3, 1, 2])\n[1, 3, 2]\nbut it raised (IndexError)"
    assert case in verdict.feedback
    assert "left.pop()] <--- (IndexError) pop from empty list." in verdict.feedback


def test_endless_code_is_a_failed_case_and_no_endless_wait() -> None:
    task = Sorting()
    task.sort.parameter._set("def strange_sort_list(lst):\n    while True: pass")
    verdict = task.run()
    assert verdict.score == 0
    assert "TimeoutError" in verdict.feedback


def test_a_job_from_wrong_to_right(suggests) -> None:
    half, right = (suggests({"__code0": code}) for code in (HALF_RIGHT, RIGHT))
    llm = ScriptedLLM(["rubbish", half, suggests({"__code0": "x = ("}), half, *[right] * 4])
    begun, first, second, ended = work(JOBS["repair"], llm, seed=0)
    assert isinstance(begun, Begun)
    assert begun.verdict.score == 0
    assert isinstance(first, Stepped)
    assert first.verdict.score == 3
    assert isinstance(second, Stepped)
    assert "IndexError" in second.feedback
    assert isinstance(ended, Ended)
    assert ended.outcome.solved
    assert ended.outcome.held_out == (8, 8)
    assert (ended.outcome.steps, ended.outcome.drafts, ended.outcome.unusable) == (2, 8, 2)


def test_nothing_better_leaves_the_program_as_it_is(suggests) -> None:
    half = suggests({"__code0": HALF_RIGHT})
    worse = suggests({"__code0": "def strange_sort_list(lst):\n    return None"})
    llm = ScriptedLLM([half] * 4 + [worse] * 36)
    *steps, ended = work(JOBS["repair"], llm, seed=0)
    assert len(steps) == 1 + JOBS["repair"].steps
    assert "left.pop()" in ended.listing
    assert not ended.outcome.solved


def test_a_colour_that_is_none_of_the_choices_is_refused(suggests) -> None:
    llm = ScriptedLLM([suggests({"colour0": "purple"})] * 12)
    first = list(work(JOBS["choice"], llm, seed=0))[1]
    assert "purple" not in first.verdict.words
    assert first.update.refused


def test_every_other_step_hides_wrong_code_from_the_model(suggests) -> None:
    code = "def strange_sort_list(lst):\n    return lst"
    model = ScriptedLLM([suggests({"__code0": code})] * 40)
    GRAPH.clear()
    for _ in work(JOBS["repair"], model, seed=0):
        pass
    asked = [request.messages[1]["content"] for request in model.requests]
    shown = [("return sorted(lst)" in text or "return lst" in text) for text in asked[::4]]
    assert shown == [False, True] * 5
    assert all("begins with the minimum" in text for text in asked)
