"""Names, remarks and rounds in few words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opto.llm import ScriptedLLM
from opto.optimizers import OPRO, OptoPrime
from opto.optimizers.fit import Budget
from opto.optimizers.fit.ranges import ranges
from opto.optimizers.fit.remarks import Remarks
from opto.optimizers.memory import Episode
from opto.trace import node
from tests.optimizers.fit.programs import expanded

NAMES = st.lists(
    st.builds("{}{}".format, st.sampled_from(["add", "x", "step_"]), st.integers(0, 12)),
    max_size=40,
)


@given(NAMES)
def test_ranges_say_all_names_in_their_order(names):
    assert list(expanded(ranges(names))) == (names or [""])


@given(NAMES, st.integers(0, 4))
def test_some_ranges_say_how_many_are_not_named(names, most):
    said, _, left = ranges(names, most).partition(" and ")
    named = [name for name in expanded(said) if name]
    assert named == names[: len(named)]
    assert len(names) - len(named) == int(left.split()[0] if left else 0)


def test_numbers_that_no_int_is_made_of_are_names():
    assert ranges(["x" + "9" * 6000, "x01", "x02"]) == "x" + "9" * 6000 + ", x01, x02"


@given(st.text(), st.integers(240, 1000))
def test_feedback_that_is_short_enough_stays(text, limit):
    assert (Remarks.of(text, ()).shortened(limit) == text) == (len(text) <= limit)


@given(st.lists(st.text("ab \n", max_size=80), min_size=1, max_size=60), st.integers(240, 2000))
def test_feedback_is_about_as_short_as_it_shall_be(said, limit):
    text = "\n".join(f"About y{at}: {words}" for at, words in enumerate(said))
    names = {f"y{at}" for at in range(len(said))}
    assert len(Remarks.of(text, names).shortened(limit)) <= limit + 80


def test_lines_are_left_out_whole():
    log = "\n".join(f"line {i}: passed" for i in range(1000)) + "\nline 1000: FAILED"
    short = Remarks.of(log, ()).shortened(400)
    assert short.startswith("line 0: passed\n")
    assert short.endswith("\nline 1000: FAILED")
    assert "lines left out]" in short


@given(st.lists(st.sampled_from(["ok", "bad", "odd"]), max_size=30), st.data())
def test_telling_outputs_are_all_outputs_and_failures_come_first(said, data):
    names = [f"y{at}" for at in range(len(said))]
    failed = set(data.draw(st.lists(st.sampled_from(names)))) if names else set()
    text = "\n".join(f"About {name}: {words}" for name, words in zip(names, said, strict=True))
    order = Remarks.of(text, names).telling(names, failed)
    assert sorted(order) == sorted(names)
    assert set(order[: len(failed)]) == failed


def test_rounds_that_no_room_is_left_for_are_counted():
    x = node("start", name="x", trainable=True)
    optimizer = OPRO([x], llm=ScriptedLLM([]), token_budget=4000)
    for number in range(100):
        optimizer.memory.add(Episode({"x0": f"try {number} " * 30}, f"score {number}"))
    optimizer.backward(x + "!", "longer")
    system, user = optimizer.construct_prompt(optimizer.summarize())
    assert 3000 < Budget(1).count(f"{system}\n\n{user}") <= 4000
    kept = [number for number in range(100) if f'"score {number}"' in user]
    assert kept == [*range(100 - len(kept), 100)]
    assert f"({100 - len(kept)} earlier rounds are left out)" in user
    assert 3 < len(kept) < 60


def test_a_large_run_and_a_long_memory_share_the_budget():
    x = node("start", name="x", trainable=True)
    optimizer = OptoPrime([x], llm=ScriptedLLM([]), token_budget=5000, memory_size=None)
    for number in range(100):
        optimizer.memory.add(Episode({"x0": f"try {number} " * 30}, f"score {number}"))
    y = x
    for number in range(3000):
        y = y + f"{number}" if number % 500 else node("again") + x
    optimizer.backward(y, "wrong")
    prompt = "\n\n".join(optimizer.construct_prompt(optimizer.summarize()))
    assert Budget(1).count(prompt) <= 5000
    assert "score 99" in prompt
    assert "score 0" not in prompt
    assert "Too long to show whole" in prompt


def test_all_rounds_are_shown_where_they_fit():
    x = node("start", name="x", trainable=True)
    optimizer = OPRO([x], llm=ScriptedLLM([]), token_budget=4000)
    for number in range(10):
        optimizer.memory.add(Episode({"x0": f"try {number}"}, f"score {number}"))
    optimizer.backward(x + "!", "longer")
    prompt = optimizer.construct_prompt(optimizer.summarize())[1]
    assert all(f"score {number}" in prompt for number in range(10))
    assert "left out" not in prompt


def test_no_part_of_a_secret_is_left(monkeypatch):
    secret = "\n".join(f"{at}kQ9zR7xW" for at in range(60))
    monkeypatch.setenv("MY_API_KEY", secret)
    log = f"it failed\n{secret}\n" + "and so on\n" * 200
    assert "kQ9zR7xW" not in Remarks.of(log, ()).shortened(400)
