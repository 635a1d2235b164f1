"""A step that does not hold up the event loop is the step that it is otherwise."""

import asyncio
import threading
import time

import pytest

import opto
from opto.errors import BudgetExceeded, ModelRefused, ModelUnavailable, OptimizerError
from opto.llm import Budget, DummyLLM, OpenAILLM, Request, ScriptedLLM
from opto.llm.around import around
from opto.optimizers import OptoPrime, OptoPrimeMulti
from opto.optimizers.asking import AskingOptimizer
from opto.optimizers.optimizer import Optimizer
from opto.optimizers.proposal import Update
from opto.trace import GRAPH, node, stop_tracing
from opto.trace.tape import recording
from tests.optimizers.answers import suggests
from tests.support.openai_server import OpenAIServer, says

GOOD = suggests(x0=5)


def taken(optimizer, **how):
    return asyncio.run(optimizer.step_async(**how))


def test_it_changes_what_a_step_changes(asked, x):
    optimizer, model = asked("nonsense", GOOD, memory_size=1)
    update = taken(optimizer)
    assert (x.data, update[x], len(update.replies), len(optimizer.memory)) == (5, 5, 2, 1)
    assert len(model.requests) == 2
    assert optimizer.log[0]["responses"] == ["nonsense", GOOD]


def test_bypassing_and_wrong_arguments_are_as_in_a_step(asked, x):
    optimizer, _ = asked(GOOD)
    assert taken(optimizer, bypassing=True)[x] == 5
    assert x.data == 3
    with pytest.raises(TypeError, match="masks"):
        taken(optimizer, masks=[])


def test_a_failure_leaves_everything_as_it_was(asked, x):
    optimizer, _ = asked(ModelUnavailable("busy"), memory_size=1)
    with pytest.raises(ModelUnavailable):
        taken(optimizer)
    assert (x.data, len(optimizer.memory), optimizer.log) == (3, 0, [])


def test_a_refused_form_is_given_up(asked, x):
    optimizer, model = asked(ModelRefused("no response_format here"), GOOD)
    taken(optimizer)
    assert x.data == 5
    assert [r.response_format for r in model.requests] == [{"type": "json_object"}, None]


def test_the_loop_goes_on_meanwhile(x):
    def slow(messages, **_):
        time.sleep(0.3)
        return GOOD

    optimizer = OptoPrime([x], llm=DummyLLM(slow))
    optimizer.backward(x * 2, "larger")

    async def main():
        step = asyncio.ensure_future(optimizer.step_async())
        turns = 0
        while not step.done():
            await asyncio.sleep(0.005)
            turns += 1
        return turns

    assert asyncio.run(main()) > 5
    assert x.data == 5


def test_a_hook_is_called_in_order_by_one_thread(x):
    threads, texts = [], iter([suggests(x0=7), suggests(x0=6), suggests(x0=8)])

    class Own(OptoPrime):
        def call_llm(self, system_prompt, user_prompt, verbose=False, max_tokens=None):
            threads.append(threading.get_ident())
            return next(texts)

    optimizer = Own([x], llm=ScriptedLLM([]), drafts=3, score=lambda: -abs(x.data - 8))
    optimizer.backward(x * 2, "larger")
    update = taken(optimizer)
    assert (x.data, len(set(threads)), len(threads)) == (8, 1, 3)
    assert [other.values for other in update.proposal.others] == [{"x0": 7}, {"x0": 6}]


@pytest.mark.parametrize("hook", ["_step", "propose"])
def test_an_optimizer_with_a_step_of_its_own_runs_in_a_thread(x, hook):
    threads = []

    def own(self, *args, **kwargs):
        threads.append(threading.current_thread())
        return {x: 9}

    for base in (Optimizer, OptoPrime):
        x._set(3)
        made = type("Own", (base,), {hook: own})
        optimizer = made([x]) if base is Optimizer else made([x], llm=ScriptedLLM([]))
        assert taken(optimizer)[x] == 9
        assert x.data == 9
    assert len(threads) == 2
    assert threading.current_thread() not in threads


def drafting(x, model, **options):
    optimizer = OptoPrime([x], llm=model, score=lambda: -abs(x.data - 8), **options)
    optimizer.zero_feedback()
    optimizer.backward(x * 2, "larger")
    return optimizer


@pytest.fixture
def slow_server():
    with OpenAIServer(otherwise=says(suggests(x0=8), silence=0.4)) as server:
        model = OpenAILLM("tiny", base_url=server.url, api_key="any")
        model(messages="warm up")  # importing the client is no latency
        server.requests.clear()
        yield server, model


@pytest.mark.parametrize("way", ["step", "step_async"])
def test_many_drafts_take_about_one_latency(x, slow_server, way):
    server, model = slow_server
    optimizer = drafting(x, model, drafts=8)
    start = time.monotonic()
    update = optimizer.step() if way == "step" else taken(optimizer)
    took = time.monotonic() - start
    assert (x.data, len(server.requests), len(update.replies)) == (8, 8, 8)
    assert 0.4 <= took < 0.4 * 6  # one after the other they take 3.2 s


@pytest.mark.parametrize("way", ["step", "step_async"])
@pytest.mark.parametrize(("selection", "latencies"), [("majority", 1), ("moa", 2)])
def test_many_candidates_take_a_latency_and_a_choice_another(x, way, selection, latencies):
    numbers = iter(range(100))
    with OpenAIServer(
        otherwise=lambda asked: says(suggests(x0=next(numbers)), silence=0.4)
    ) as server:
        model = OpenAILLM("tiny", base_url=server.url, api_key="any")
        model(messages="warm up")
        optimizer = OptoPrimeMulti([x], llm=model, num_responses=8, selection_technique=selection)
        optimizer.backward(x * 2, "larger")
        start = time.monotonic()
        update = optimizer.step() if way == "step" else taken(optimizer)
        took = time.monotonic() - start
    assert len(update.replies) == 8 + latencies - 1 == len(server.requests) - 1
    assert 0.4 * latencies <= took < 0.4 * (latencies + 5)  # in turn, they take 3.2 s and more


@pytest.mark.parametrize("way", ["step", "step_async"])
def test_a_budget_holds_for_all_questions_of_a_round(x, tmp_path, way):
    optimizer = drafting(x, DummyLLM(lambda messages, **_: GOOD), drafts=6, memory_size=1)
    budget = Budget(calls=4)
    with (
        pytest.raises(BudgetExceeded),
        opto.run("poor", journal=tmp_path / "journal.sqlite", budget=budget) as run,
    ):
        optimizer.step() if way == "step" else taken(optimizer)
    run.journal.close()
    assert run.asked <= 6
    assert (x.data, len(optimizer.memory), optimizer.log) == (3, 0, [])


def test_steps_of_several_optimizers_go_on_at_once(slow_server):
    server, model = slow_server
    nodes = []
    for _ in range(6):
        GRAPH.clear()  # so that each is called x0
        nodes.append(node(3, name="x", trainable=True))
    optimizers = [OptoPrime([n], llm=model) for n in nodes]
    for optimizer, n in zip(optimizers, nodes, strict=True):
        optimizer.backward(n * 2, "larger")

    async def main():
        return await asyncio.gather(*(optimizer.step_async() for optimizer in optimizers))

    start = time.monotonic()
    updates = asyncio.run(main())
    assert time.monotonic() - start < 0.4 * 5  # in turn, they take 2.4 s
    assert len(server.requests) == len(updates) == 6


def test_one_that_is_cancelled_leaves_everything_as_it_was(x, slow_server):
    server, model = slow_server
    optimizer = drafting(x, model, drafts=3, memory_size=1)

    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(optimizer.step_async(), 0.1)

    asyncio.run(main())
    assert server.leaves(3)
    assert (x.data, len(optimizer.memory), optimizer.log) == (3, 0, [])


def test_drafts_keep_whether_is_recorded(x):
    seen = []

    def model(messages, **_):
        seen.append(recording())
        return GOOD

    optimizer = drafting(x, DummyLLM(model), drafts=3)
    with stop_tracing():
        optimizer.step()
    assert seen == [False] * 3


def test_with_parallel_1_a_model_is_asked_by_the_calling_thread(x):
    threads = set()

    def model(messages, **_):
        threads.add(threading.get_ident())
        return GOOD

    optimizer = drafting(x, DummyLLM(model), drafts=3)
    optimizer.parallel = 1
    optimizer.step()
    assert threads == {threading.get_ident()}


def test_a_script_is_asked_in_order(x):
    model = ScriptedLLM([suggests(x0=value) for value in range(4, 24)])
    update = drafting(x, model, drafts=20).step()
    assert [request.sample for request in model.requests] == list(range(20))
    assert x.data == 8
    assert [reply.text for reply in update.replies[:4]] == [suggests(x0=v) for v in (4, 5, 6, 7)]


@pytest.mark.parametrize("wrong", [0, -1, True, "8", None])
def test_parallel_is_a_number(x, wrong):
    with pytest.raises(OptimizerError, match="parallel"):
        AskingOptimizer([x], llm=ScriptedLLM([]), parallel=wrong)


def jittery(answers):
    """A model whose answers depend on the sample alone, and come in any order."""
    lock, count = threading.Lock(), [0]

    def model(messages, temperature, **_):
        with lock:
            count[0] += 1
            turn = count[0]
        time.sleep(0.03 * (turn * 7 % 4))
        return answers[round(temperature * 10)]

    return DummyLLM(model), count


@pytest.mark.parametrize(("first", "second"), [("step", "step_async"), ("step_async", "step")])
def test_a_run_recorded_in_one_way_is_replayed_in_the_other(tmp_path, first, second):
    answers = [suggests(x0=value) for value in range(11)]

    def training(way, **how):
        GRAPH.clear()
        x = node(3, name="x", trainable=True)
        model, count = jittery(answers)
        with opto.run("drafts", journal=tmp_path / "journal.sqlite", **how) as run:
            optimizer = drafting(x, model, drafts=5, temperature=(0.0, 1.0))
            update = optimizer.step() if way == "step" else taken(optimizer)
        run.journal.close()
        return x.data, [reply.text for reply in update.replies], count[0]

    value, texts, asked = training(first)
    assert asked == 5
    assert training(second, replay=True) == (value, texts, 0)


def test_equal_drafts_keep_their_places_in_a_run(tmp_path):
    """Only the sample that a plan gives them tells them apart; whoever comes first must not."""
    lock = threading.Lock()

    def training(**how):
        GRAPH.clear()
        x = node(3, name="x", trainable=True)
        left = [suggests(x0=value) for value in range(4, 10)]

        def model(messages, **_):
            with lock:
                mine = left.pop()
            time.sleep(0.02 * (len(left) % 3))
            return mine

        with opto.run("equal", journal=tmp_path / "journal.sqlite", **how) as run:
            optimizer = drafting(x, DummyLLM(model), drafts=6, temperature=0.7)
            update = optimizer.step()
        run.journal.close()
        return [reply.text for reply in update.replies]

    texts = training()
    assert len(set(texts)) == 6
    for _ in range(3):
        assert training(replay=True) == texts


class Tripling(AskingOptimizer):
    """One whose plan asks the same three times in a round, and tells them apart by nothing."""

    def _rounds(self, verbose=False):
        replies = yield (Request.of("a number?"),) * 3
        texts = tuple(reply.text for reply in replies)
        return Update.of(dict.fromkeys(self.parameters, texts))


@pytest.mark.parametrize("way", ["step", "step_async"])
def test_equal_questions_of_any_plan_are_told_apart(tmp_path, way):
    """Else the record would know them by who came first."""
    lock = threading.Lock()

    def training(**how):
        GRAPH.clear()
        x = node((), name="x", trainable=True)
        left = list("abc")

        def model(messages, **_):
            with lock:
                mine = left.pop()
            time.sleep(0.05 * len(left))
            return mine

        asked = []

        def way_(llm, request, ask):
            asked.append(request.sample)
            return ask(request)

        with opto.run("equal", journal=tmp_path / "journal.sqlite", **how) as run, around(way_):
            optimizer = Tripling([x], llm=DummyLLM(model))
            optimizer.step() if way == "step" else taken(optimizer)
        run.journal.close()
        return x.data, sorted(asked)

    first = training()
    assert first[1] == [0, 1, 2]
    assert sorted(first[0]) == ["a", "b", "c"]
    assert training(replay=True)[0] == first[0]


def test_a_program_that_scores_does_not_hold_up_the_loop_and_is_undone_when_it_is_cancelled(x):
    tried, threads, ticks = [], set(), 0

    def score():
        threads.add(threading.current_thread())
        tried.append(x.data)
        time.sleep(0.05)
        return x.data

    def ready():
        model = ScriptedLLM([suggests(x0=5), suggests(x0=9)])
        optimizer = OptoPrime([x], llm=model, drafts=2, score=score)
        optimizer.backward(x * 2, "larger")
        return optimizer

    async def main(cancelled):
        nonlocal ticks
        task = asyncio.create_task(ready().step_async())
        while not task.done():
            if cancelled and len(tried) == 2:
                task.cancel()
            await asyncio.sleep(0.005)
            ticks += 1
        if not cancelled:
            return task.result()
        assert task.cancelled()
        return None

    asyncio.run(main(cancelled=True))
    assert (tried, x.data) == ([3, 5, 9], 3)
    tried.clear()
    ticks = 0
    update = asyncio.run(main(cancelled=False))
    assert (tried, x.data, [trial.score for trial in update.trials]) == ([3, 5, 9], 9, [3, 5, 9])
    assert threading.current_thread() not in threads
    assert ticks > 6
