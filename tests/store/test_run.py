from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import os
import random
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest

import opto
from opto.errors import (
    ArgumentError,
    BudgetExceeded,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
    StoreError,
)
from opto.llm import Budget, DummyLLM, OpenAILLM, Reply, ScriptedLLM, Usage
from opto.llm.around import tell
from opto.optimizers import OptoPrime
from opto.optimizers.proposal import Update
from opto.store import Recorded, Run, run
from opto.trace import GRAPH, carried, node
from tests.support.openai_server import OpenAIServer, says

nobody = ScriptedLLM([])


def kinds(journal, **which):
    return [event.kind for event in journal.events(**which)]


@pytest.fixture
def journal(opened):
    return opened()


@pytest.fixture
def begin(journal):
    """A run in the journal of the test."""

    def begun(name="r", **how):
        return run(name, **{"journal": journal, **how})

    return begun


def numbered():
    """A model whose n-th answer is n."""
    answers = iter(range(10**6))
    return DummyLLM(lambda messages: str(next(answers)))


# --------------------------------------------------------------- what is recorded


def test_it_is_had_from_the_package_itself():
    assert opto.run is run
    with pytest.raises(AttributeError, match="'opto' has no attribute 'ran'"):
        opto.ran  # noqa: B018


def test_a_question_is_written_down_before_it_is_sent_and_an_answer_before_it_is_used(
    journal, begin
):
    seen = []
    model = DummyLLM(lambda messages: seen.append(kinds(journal)) or "yes")
    with begin():
        assert model("really?").text == "yes"
        assert kinds(journal) == ["run", "request", "reply"]
    assert seen == [["run", "request"]]
    assert kinds(journal) == ["run", "request", "reply", "run"]
    assert {event.run for event in journal.events()} == {"r"}


def test_outside_of_a_run_nothing_is_written(journal, begin):
    with begin():
        pass
    before = len(kinds(journal))
    ScriptedLLM(["a"])("?")
    assert len(kinds(journal)) == before


def test_layers_of_one_model_are_one_question(journal, begin, opened):
    model = Recorded(Recorded(ScriptedLLM(["a"]), opened()), opened())
    with begin() as r:
        model("?")
    assert r.asked == 1
    assert kinds(journal, run="r") == ["run", "request", "reply", "run"]


def test_steps_and_versions_of_parameters_are_written(journal, begin):
    x = node(0, name="x", trainable=True)
    name = x.py_name
    said = json.dumps({"reasoning": "", "suggestion": {name: 3}})
    optimizer = OptoPrime([x], llm=DummyLLM(lambda messages, **_: said))
    with begin() as r:
        optimizer.backward(x + 1, "larger")
        optimizer.step()
    assert (x.data, r.steps) == (3, 1)
    assert journal.last("step", "1", run="r").data == {
        "step": 1,
        "changes": {name: 3},
        "refused": [],
    }
    assert journal.last("parameter", name, run="r").data == {"step": 1, "value": 3}


def test_an_evaluation_is_written(journal, begin):
    with begin() as r:
        r.note({"score": 0.5}, "candidate 1 on example 2")
    event = journal.last("evaluation")
    assert (event.key, event.run, event.data) == ("candidate 1 on example 2", "r", {"score": 0.5})


# -------------------------------------------------------------------- replaying


def test_equal_questions_are_told_apart_by_their_order(begin):
    first = numbered()
    with begin():
        assert [first("draw").text for _ in range(3)] == ["0", "1", "2"]
    with begin() as again:
        second = numbered()
        assert [second("draw").text for _ in range(3)] == ["0", "1", "2"]
    assert (again.asked, again.recalled) == (0, 3)


def test_what_came_from_the_record_says_so(begin):
    with begin():
        assert not ScriptedLLM(["a"])("?").recalled
    with begin():
        assert nobody("?").recalled


def test_a_run_goes_on_where_its_record_ends(begin):
    def fail():
        ScriptedLLM(["one"])("1?")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), begin():
        fail()
    model = ScriptedLLM(["two"])
    with begin() as r:
        assert (model("1?").text, model("2?").text) == ("one", "two")
    assert (r.attempt, r.asked, r.recalled) == (2, 1, 1)


def test_the_address_of_the_server_is_no_part_of_a_question(begin):
    with OpenAIServer([says("Hello")]) as server, begin():
        OpenAILLM("tiny", base_url=server.url, api_key="any")("Greet me.")
    gone = OpenAILLM("tiny", base_url="http://127.0.0.1:9/v1", max_retries=0)  # no key either
    with begin():
        assert gone("Greet me.").text == "Hello"


def test_another_model_or_another_setting_is_another_question(begin):
    with OpenAIServer(otherwise=lambda asked: says(str(asked.body))) as server:

        def model(name, **settings):
            return OpenAILLM(name, base_url=server.url, api_key="any", **settings)

        with begin():
            model("a")("?")
        with begin() as r:
            model("b")("?")
            model("a", temperature=0.5)("?")
            model("a")("?", max_tokens=5)
            model("a")("?")
    assert (r.asked, r.recalled) == (3, 1)


def test_replay_asks_nobody(begin):
    with pytest.raises(StoreError, match="there is no run 'r' to replay"), begin(replay=True):
        pass
    with begin():
        ScriptedLLM(["a"])("?")
    model = ScriptedLLM(["new"])
    with begin(replay=True):
        assert model("?").text == "a"
        with pytest.raises(ModelMissing, match=r"holds no answer .* replay=True"):
            model("something else?")
    assert model.left == 1


def test_a_budget_counts_what_was_spent_before(begin):
    script = [Reply(str(n), usage=Usage(50, 50)) for n in range(4)]
    limit = {"budget": Budget(tokens=250)}

    def go(how, model):
        with begin(**how):
            return [model(f"{n}?", max_tokens=60).text for n in range(4)]

    with pytest.raises(BudgetExceeded):
        go(limit, ScriptedLLM(script))
    budget = Budget(tokens=250)
    rest = ScriptedLLM(script[2:])
    with pytest.raises(BudgetExceeded):  # as before, at the same place
        go({"budget": budget}, rest)
    assert rest.left == 2
    assert budget.left == {"tokens": 50}
    assert go({"budget": Budget(tokens=250).raised(tokens=1000)}, rest) == ["0", "1", "2", "3"]


# --------------------------------------------------------------------- failures


def fallback(model):
    """A program that knows what to do when it is refused."""
    try:
        return model("hard?").text
    except (ModelRefused, ModelUnavailable) as error:
        return f"{error}, {model('easy?').text}"


@pytest.mark.parametrize("kind", [ModelRefused, ModelUnavailable])
def test_a_failure_that_the_program_went_on_from_is_part_of_its_record(begin, kind):
    with begin():
        assert fallback(ScriptedLLM([kind("no"), "a"])) == "no, a"
    with begin() as r:
        assert fallback(nobody) == "no, a"
    assert r.asked == 0


def test_a_failure_that_ended_the_program_is_tried_again(begin):
    with pytest.raises(ModelUnavailable), begin():
        ScriptedLLM([ModelUnavailable("down")])("?")
    with begin():
        assert ScriptedLLM(["up"])("?").text == "up"
    with begin():
        assert nobody("?").text == "up"


def test_a_failure_of_a_users_own_model_comes_again(begin):
    class OddError(Exception):
        def __init__(self, code, other):
            super().__init__(f"{code}{other}")

    script = iter([ValueError("bad"), OddError(1, 2), "late"])

    def answer(messages):
        said = next(script)
        if isinstance(said, Exception):
            raise said
        return said

    model = DummyLLM(answer)
    with begin():
        with pytest.raises(ValueError, match="bad"):
            model("1?")
        with pytest.raises(OddError):
            model("2?")
    with begin():
        with pytest.raises(ValueError, match="bad"):
            model("1?")
        assert model("2?").text == "late"  # its error cannot be made again from what was written


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (None, "finished"),
        (SystemExit(), "finished"),
        (SystemExit(0), "finished"),
        (SystemExit(2), "interrupted"),
        (KeyboardInterrupt(), "interrupted"),
        (ValueError("x"), "failed"),
    ],
)
def test_the_end_is_written_down(journal, begin, error, how):
    with suppress(BaseException), begin():
        if error is not None:
            raise error
    said = journal.last("run", "end", run="r").data
    assert (said["how"], said["attempt"]) == (how, 1)
    assert said.get("error") == (None if how == "finished" else type(error).__name__)


# ------------------------------------------------------------------------ forks


def drawing(values):
    """A program whose n-th question is answered by the n-th value."""
    asked = iter(values)
    return DummyLLM(lambda messages: str(next(asked)))


def steps_of(model, count):
    """`count` turns that each ask and leave a step."""
    GRAPH.clear()  # names of nodes begin anew, as in another process
    said = []
    for _ in range(count):
        said.append(model("next?").text)
        x = node(len(said), trainable=True)
        tell("step", Update.of({x: said[-1]}))
    return said


def test_a_fork_keeps_both_histories(begin):
    with begin("a"):
        assert steps_of(drawing([1, 2, 3, 4]), 4) == ["1", "2", "3", "4"]
    with begin("b", fork="a", step=2) as b:
        assert steps_of(drawing([30, 40]), 4) == ["1", "2", "30", "40"]
    assert (b.asked, b.recalled) == (2, 2)
    with begin("a"):
        assert steps_of(drawing([]), 4) == ["1", "2", "3", "4"]
    with begin("b") as b:
        assert steps_of(drawing([]), 4) == ["1", "2", "30", "40"]
    with begin("b", fork="a", step=2) as b:
        assert steps_of(drawing([]), 4) == ["1", "2", "30", "40"]


def test_forks_of_forks(begin):
    with begin("a"):
        steps_of(drawing([1, 2, 3]), 3)
    with begin("b", fork="a", step=2):
        steps_of(drawing([30, 40]), 4)
    with begin("c", fork="b", step=3):
        assert steps_of(drawing([400]), 4) == ["1", "2", "30", "400"]
    with begin("d", fork="b", step=1):
        assert steps_of(drawing([20, 300]), 3) == ["1", "20", "300"]
    with begin("e", fork="c", step=0):
        assert steps_of(drawing([10]), 1) == ["10"]
    with begin("f", fork="c"):
        assert steps_of(drawing([5]), 5) == ["1", "2", "30", "400", "5"]


def test_a_fork_has_the_chance_of_its_parent(begin):
    with begin("a"):
        drawn = random.random()
    with begin("b", fork="a"):
        assert random.random() == drawn


def test_what_cannot_be_forked_is_refused(begin):
    with begin("a"):
        steps_of(drawing([1]), 1)
    for how, why in (
        ({"fork": "x"}, "there is no run 'x' .*'a'"),
        ({"fork": "a", "step": 2}, "not come to step 2; its last one is 1"),
    ):
        with pytest.raises(StoreError, match=why), begin("b", **how):
            pass
    with pytest.raises(ArgumentError, match="give fork="), begin("b", step=1):
        pass
    with pytest.raises(StoreError, match="no fork of 'a'"), begin("a", fork="a"):
        pass


# ----------------------------------------------------- threads, tasks, processes


def test_threads_of_the_program_are_within_the_run(begin):
    model = numbered()
    with begin() as r, ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: model("draw").text, range(20)))
    assert r.asked == 20
    with begin() as r, ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: model("draw").text, range(20)))
    assert (r.asked, sorted(again)) == (0, sorted(drawn))


def test_two_runs_in_two_threads_are_two(journal, begin):
    def go(name):
        with begin(name):
            return [DummyLLM(lambda messages: name)("?").text for _ in range(5)]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(go, ["a", "b"])) == [["a"] * 5, ["b"] * 5]
    for name in ("a", "b"):
        assert kinds(journal, run=name).count("reply") == 5


def test_a_thread_that_could_belong_to_two_runs_is_told_what_to_do(begin):
    model = ScriptedLLM(["a", "b"])

    async def both():
        first, second = asyncio.Event(), asyncio.Event()

        async def one():
            with begin("one"):
                first.set()
                await second.wait()

        async def two():
            await first.wait()
            with begin("two"), ThreadPoolExecutor(1) as pool:
                with pytest.raises(ArgumentError, match=r"several runs .*carried"):
                    pool.submit(model, "?").result()
                assert pool.submit(carried(model), "?").result().text == "a"
            second.set()

        await asyncio.gather(one(), two())

    asyncio.run(both())


def in_a_child(_):
    return model_of_children("draw").text


def say_pid(messages):
    return f"{os.getpid()}"


model_of_children = DummyLLM(say_pid)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_processes_are_within_the_run(begin):
    fork = multiprocessing.get_context("fork")
    with begin(), ProcessPoolExecutor(2, mp_context=fork) as pool:
        drawn = sorted(pool.map(in_a_child, range(6)))
    assert str(os.getpid()) not in drawn
    with begin(), ProcessPoolExecutor(2, mp_context=fork) as pool:
        assert sorted(pool.map(in_a_child, range(6))) == drawn


def joined(r):
    with r:
        return [model_of_children("draw").text for _ in range(3)]


def test_a_spawned_process_joins_the_run_that_is_sent_to_it(begin, journal):
    spawn = multiprocessing.get_context("spawn")
    with begin() as r, ProcessPoolExecutor(1, mp_context=spawn) as pool:
        drawn = [text for texts in pool.map(joined, [r, r]) for text in texts]
    assert str(os.getpid()) not in drawn
    with begin() as again:
        assert [model_of_children("draw").text for _ in range(6)] == drawn
    assert again.attempt == 2
    assert kinds(journal).count("run") == 4  # joining is no beginning


def test_one_process_at_a_time_is_in_a_run(begin, opened):
    with begin():
        with pytest.raises(StoreError, match="another process is in the run 'r' now"):
            begin(journal=opened()).__enter__()
        with begin("s"):
            pass
    with begin(journal=opened()):
        pass


def test_a_killed_process_does_not_keep_its_run(path, begin):
    script = (
        "import sys, os, opto\n"
        f"with opto.run('r', journal={str(path)!r}):\n"
        "    os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with begin() as r:
        assert r.attempt == 2


def test_a_run_is_entered_once_and_may_be_entered_again(begin):
    r = begin()
    with r, pytest.raises(StoreError, match="entered already"):
        r.__enter__()
    with r:
        assert r.attempt == 2


# ------------------------------------------------------------- chance and change


def test_chance_repeats_and_the_programs_own_goes_on(begin):
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    wanted = (random.Random(1).random(), np.random.RandomState(1).rand())

    def draw():
        return random.random(), float(np.random.rand())  # noqa: NPY002

    with begin():
        first = draw()
    with begin():
        assert draw() == first
    assert draw() == wanted
    with begin("s"):
        assert draw() != first
    with begin("t", seed=7):
        assert random.random() == random.Random(7).random()


def test_a_program_that_goes_another_way_is_told_and_both_are_kept(journal, begin, caplog):
    with begin():
        steps_of(drawing([1, 2]), 2)
    with begin(), caplog.at_level(logging.WARNING, "opto.store"):
        for n in (5, 6):
            tell("step", Update.of({node(0, trainable=True): n}))
    assert "goes another way than before from step 1 on" in caplog.text
    assert kinds(journal, run="r").count("step") == 4


def test_a_name_is_needed():
    for name in ("", None, 3):
        with pytest.raises(ArgumentError, match="a run needs a name"):
            run(name)


def test_it_shows_what_it_is(begin):
    with begin() as r:
        assert repr(r).startswith("<run 'r' in SQLiteJournal(")
    assert isinstance(r, Run)


def test_what_an_inner_cache_gave_costs_nothing_the_second_time_either(begin, opened):
    cached = Recorded(ScriptedLLM([Reply("a", usage=Usage(50, 50))]), opened(), cache=True)
    cached("?", max_tokens=60)
    for _ in range(2):
        budget = Budget(tokens=500)
        with begin(budget=budget):
            assert cached("?", max_tokens=60).recalled
        assert budget.left == {"tokens": 500}
