"""OPRO: a history of values and feedback, and nothing of the graph (SPEC 7.3)."""

import pytest

import opto.optimizers
from opto.errors import ArgumentError, OptimizerError
from opto.llm import ScriptedLLM
from opto.optimizers import OPRO, OptoPrime
from opto.trace import bundle, node


@bundle()
def secret_operation(x, scale=77):
    """Multiplies by a secret."""
    return x * scale


def suggests(**values):
    return OPRO.dialects["json"]().format.write(values)


def run(optimizer, x, feedback="larger"):
    optimizer.zero_feedback()
    optimizer.backward(secret_operation(x), feedback)
    return optimizer.step()


def asked(model):
    return model.requests[-1].messages[-1]["content"]


@pytest.fixture
def x():
    return node(3, name="x", trainable=True, constraint="at most 50")


def test_it_is_made_from_the_parameters_of_a_function_as_others_are():
    @bundle(trainable=True)
    def f(x):
        return x

    better = "def f(x):\n    return x + 1"
    optimizer = OPRO(f.parameters(), llm=ScriptedLLM([suggests(__code0=better)]))
    optimizer.zero_feedback()
    optimizer.backward(f(1), "larger")
    assert optimizer.step()
    assert f(1).data == 2


def test_a_step_asks_once_shows_the_parameters_and_hides_the_graph(x):
    model = ScriptedLLM([suggests(x0=5)])
    assert run(OPRO([x], llm=model), x)
    assert x.data == 5
    [request] = model.requests
    words = "".join(message["content"] for message in request.messages)
    assert "(int) x0=3" in words
    assert "(int) x0: at most 50" in words
    assert "#Feedback\nlarger" in words
    for hidden in ("secret", "77", "231", "scale", "#Code", "#Inputs", "#Outputs", "#Others"):
        assert hidden not in words
    assert '{"suggestion": {"x0": <int>}}' in words
    assert "reasoning" not in words  # SPEC 11.C16: its own short answer, not OptoPrime's


def test_the_history_holds_all_rounds_in_their_order(x):
    model = ScriptedLLM([suggests(x0=n) for n in range(10, 50, 10)])
    optimizer = OPRO([x], llm=model)
    for n in range(4):
        run(optimizer, x, f"remark {n}")
    words = asked(model)
    places = [words.index(f'"remark {n}"') for n in range(3)]
    assert places == sorted(places)
    assert "#Feedback\nremark 3" in words
    assert [tuple(e) for e in optimizer.buffer] == [
        ({"x0": value}, f"remark {n}") for n, value in enumerate([3, 10, 20, 30])
    ]


@pytest.mark.parametrize("kind", [OPRO, OptoPrime])
def test_the_history_can_be_bounded_and_keep_the_best(kind, x):
    model = ScriptedLLM([suggests(x0=n) for n in range(10, 60, 10)])
    optimizer = kind([x], llm=model, memory_size=1, memory_best=1)
    for score in (1, 9, 2, 3, 4):
        run(optimizer, x, score)
    words = asked(model)
    assert '"feedback": "9"' in words
    assert '"feedback": "3"' in words
    for forgotten in (1, 2):
        assert f'"feedback": "{forgotten}"' not in words
    assert words.index('"9"') < words.index('"3"')


def test_without_memory_only_the_present_is_shown(x):
    model = ScriptedLLM([suggests(x0=5), suggests(x0=6)])
    optimizer = OPRO([x], llm=model, memory_size=0)
    run(optimizer, x, "one")
    run(optimizer, x, "two")
    assert "one" not in asked(model)


def test_the_history_survives_save_and_load(x, tmp_path):
    optimizer = OPRO([x], llm=ScriptedLLM([suggests(x0=5)]))
    run(optimizer, x)
    optimizer.save(tmp_path / "state.json")
    again = OPRO([x], llm=ScriptedLLM([]))
    again.load(tmp_path / "state.json")
    assert (again.buffer, again.memory.size) == (optimizer.buffer, None)


def test_the_tagged_dialect_shows_rounds(x):
    form = OPRO.dialects["tagged"]().format
    model = ScriptedLLM([form.write({"x0": 5}, "why"), form.write({"x0": 6}, "why")])
    optimizer = OPRO([x], llm=model, dialect="tagged")
    run(optimizer, x, "one")
    run(optimizer, x, "two")
    assert x.data == 6
    words = asked(model)
    assert '# Solution\n<solution name="x0" type="int">\n<value>\n5\n</value>' in words
    assert '<round number="1">\n<solution name="x0">\n<value>\n3\n</value>\n</solution>' in words
    assert "secret" not in words


def test_masks_are_those_of_all_optimizers_and_others_are_refused(x):
    model = ScriptedLLM([suggests(x0=5)] * 3)
    optimizer = OPRO([x], llm=model)
    optimizer.backward(secret_operation(x), "larger")
    optimizer.step(mask=["#Inputs"])  # hidden in any case
    optimizer.step(mask=["#Variables", "#Constraints"])
    assert "(int) x0" not in asked(model).split('"suggestion"')[0]
    with pytest.raises(ArgumentError, match="#Input"):
        optimizer.step(mask=["#Input"])


def test_arguments_that_nobody_takes_are_refused(x):
    with pytest.raises(ArgumentError, match="memory_size"):
        OPRO([x], llm=ScriptedLLM([]), memory_siz=3)
    with pytest.raises(OptimizerError, match="0, 1, 2"):
        OPRO([x], llm=ScriptedLLM([]), memory_size=-1)
    with pytest.raises(ArgumentError, match="'json', 'tagged'"):
        OPRO([x], llm=ScriptedLLM([]), dialect="yaml")


def test_useless_answers_change_nothing(x):
    optimizer = OPRO([x], llm=ScriptedLLM(["nonsense"] * 2))
    update = run(optimizer, x)
    assert (bool(update), x.data, len(optimizer.buffer)) == (False, 3, 1)


def test_the_old_addresses_work():
    assert opto.optimizers.opro.OPRO is OPRO
    assert opto.optimizers.OptoPrimeV1 is OptoPrime
    with pytest.raises(AttributeError, match="OptoPrim'"):
        _ = opto.optimizers.OptoPrim
