import pytest

from opto.errors import ModelRefused, ModelUnavailable, OptimizerError, StoreError
from opto.llm import ScriptedLLM
from opto.optimizers import OptoPrime, OptoPrimeMulti
from opto.optimizers.memory import Episode
from tests.optimizers.answers import suggests

GOOD = suggests(x0=4)


def test_a_refused_form_is_given_up_for_good(asked, x):
    refusal = ModelRefused("the model does not take this request (response_format is not known)")
    optimizer, model = asked(refusal, GOOD, suggests(x0=5))
    optimizer.step()
    optimizer.step()
    assert x.data == 5
    formats = [request.response_format for request in model.requests]
    assert formats == [{"type": "json_object"}, None, None]


def test_a_form_that_one_model_refuses_is_asked_of_the_others(x):
    refusal = ModelRefused("json_schema is not known")
    one = ScriptedLLM([refusal, suggests(x0=4), suggests(x0=5)])
    other = ScriptedLLM([suggests(x0=4), suggests(x0=5)])
    one.enforces_schema = other.enforces_schema = True
    optimizer = OptoPrimeMulti(
        [x],
        llm=other,
        num_responses=2,
        generation_technique="multi_llm",
        selection_technique="last_of_n",
        llm_profiles=[one, other],
    )
    for _ in range(2):
        optimizer.zero_feedback()
        optimizer.backward(x * 2, "larger")
        optimizer.step()
    assert [request.response_format is None for request in one.requests] == [False, True, True]
    assert [request.response_format is None for request in other.requests] == [False, False]


def test_another_model_of_an_optimizer_is_asked_in_the_form_again(asked):
    optimizer, _ = asked(ModelRefused("no json_object"), GOOD)
    optimizer.step()
    optimizer.llm = model = ScriptedLLM([suggests(x0=5)])
    optimizer.step()
    assert model.requests[0].response_format == {"type": "json_object"}


@pytest.mark.parametrize(
    "error",
    [
        ModelRefused("the key is missing or wrong"),
        ModelUnavailable("too many requests"),
        OSError("broken pipe"),
    ],
)
def test_no_other_failure_leads_to_a_second_call(asked, x, error):
    """SPEC 11.C13."""
    optimizer, model = asked(error, GOOD)
    with pytest.raises(type(error)):
        optimizer.step()
    assert (len(model.requests), x.data) == (1, 3)


@pytest.mark.parametrize(
    "error", [ValueError("no JSON mode here"), TypeError("unexpected argument 'response_format'")]
)
@pytest.mark.parametrize("optimizer", [OptoPrime, OptoPrimeMulti])
def test_a_function_may_refuse_the_form_by_an_error_of_its_own(optimizer, error, x):
    """SPEC 12 A.2: where the JSON-mode call raises, there is a second call without."""
    asked = []

    def model(messages, **options):
        asked.append("response_format" in options)
        if asked[-1]:
            raise error
        return suggests(x0=4)

    made = optimizer([x], llm=model, parallel=1)
    made.backward(x + 1, "larger")
    made.step()
    assert x.data == 4
    assert asked[:2] == [True, False]
    assert True not in asked[2:]


@pytest.mark.parametrize("error", [ValueError("boom"), ModelUnavailable("json is busy")])
def test_another_error_of_a_function_is_no_refusal_of_the_form(error, x):
    """SPEC 11.C13."""
    asked = []

    def model(messages, **options):
        asked.append(options)
        raise error

    optimizer = OptoPrime([x], llm=model)
    optimizer.backward(x + 1, "larger")
    with pytest.raises(type(error), match=str(error)):
        optimizer.step()
    assert (len(asked), x.data) == (1, 3)


def test_a_refusal_without_a_form_passes_through(asked):
    optimizer, model = asked(ModelRefused("bad schema"), GOOD, use_json_object_format=False)
    with pytest.raises(ModelRefused):
        optimizer.step()
    assert len(model.requests) == 1


def test_verbose_prints_question_and_answer(asked, capsys):
    optimizer, _ = asked(GOOD)
    optimizer.step(True)
    out = capsys.readouterr().out
    assert "(int) x0=3" in out
    assert GOOD in out


def test_verbose_can_print_the_answer_alone(asked, capsys):
    optimizer, _ = asked(GOOD, GOOD)
    optimizer.step(verbose="output")
    out = capsys.readouterr().out
    assert "(int) x0=3" not in out
    assert GOOD in out
    optimizer.step()
    assert capsys.readouterr().out == ""


def test_the_logs_hold_texts(asked):
    optimizer, model = asked("nonsense", GOOD)
    optimizer.step()
    [entry] = optimizer.log
    assert entry["system_prompt"] == model.requests[0].messages[0]["content"]
    assert entry["user_prompt"] == model.requests[0].messages[1]["content"]
    assert (entry["response"], entry["responses"]) == (GOOD, ["nonsense", GOOD])
    [entry] = optimizer.summary_log
    assert entry["problem_instance"].variables == "(int) x0=3"
    assert entry["problem_instance"].current == {}
    assert entry["summary"].variables == {"x0": ("3", None)}


def test_without_a_log_nothing_is_kept(asked):
    optimizer, _ = asked(GOOD, log=False)
    optimizer.step()
    assert (optimizer.log, optimizer.summary_log) == (None, None)


def test_objective_and_memory_can_be_saved(asked, tmp_path, x):
    optimizer, _ = asked(GOOD, memory_size=2, objective="Reach 10.")
    optimizer.step()
    optimizer.save(tmp_path / "state.json")
    other = OptoPrime([x], llm=ScriptedLLM([]))
    other.load(tmp_path / "state.json")
    assert other.objective == "Reach 10."
    assert list(other.memory) == [Episode({"x0": 3}, "larger")]
    assert other.memory.size == 2


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "{}",
        '{"kind": "opto.optimizer/1"}',
        '{"kind": "opto.optimizer/1", "memory": {"size": 1, "episodes": []}, "objective": 5}',
    ],
)
def test_a_broken_file_changes_nothing(asked, tmp_path, text):
    optimizer, _ = asked(objective="Mine.", memory_size=1)
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(StoreError):
        optimizer.load(tmp_path / "state.json")
    assert (optimizer.objective, optimizer.memory.size) == ("Mine.", 1)


def test_a_memory_of_no_size_is_refused(x):
    with pytest.raises(OptimizerError, match="0, 1, 2"):
        OptoPrime([x], llm=ScriptedLLM([]), memory_size=-1)
