from __future__ import annotations

import json
import logging
import random

import numpy as np
import pytest

import opto
from opto.errors import (
    ArgumentError,
    BudgetExceeded,
    ModelMissing,
    StoreError,
)
from opto.llm import Budget, DummyLLM, OpenAILLM, Reply, ScriptedLLM, Usage
from opto.llm.around import tell
from opto.optimizers import OptoPrime
from opto.optimizers.proposal import Update
from opto.store import Recorded, Run, run
from opto.trace import node
from tests.support.openai_server import OpenAIServer, says
from tests.support.runs import drawing, kinds, nobody, numbered, steps_of

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
    with begin() as r:
        r.note({"score": 0.5}, "candidate 1 on example 2")
    [event] = journal.events(kind="evaluation")
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


def test_addresses_in_memory_are_no_part_of_a_question(begin):
    with begin():
        ScriptedLLM(["a"])([{"role": "user", "content": ["<Agent object at 0x7f2a>"]}])
    with begin() as again:
        nobody([{"role": "user", "content": ["<Agent object at 0x55d1>"]}])
    assert again.recalled == 1


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
    assert "goes another way than before from step '1' on" in caplog.text
    assert kinds(journal, run="r").count("step") == 4
    assert caplog.text.count("another way") == 1


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
