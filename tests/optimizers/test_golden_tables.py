"""The rows of SPEC 12 A.2 that are about more than one value, and all of A.3: our expectations."""

import copy
import pickle

import pytest

from opto.errors import ModelUnavailable, OptimizerError
from opto.formats import TagFormat
from opto.llm import LLM, Reply, ScriptedLLM
from opto.optimizers import OptoPrime, OptoPrimeMulti, OptoPrimeV2, TextGrad
from opto.optimizers.utils import extract_xml_like_data
from opto.trace import GRAPH, node
from tests.optimizers.answers import suggests

GOOD = suggests(x0=5)
NEW = "<IMPROVED_VARIABLE>5</IMPROVED_VARIABLE>"


def ready(kind=OptoPrime, llm=None, **options):
    GRAPH.clear()
    x = node(3, name="x", trainable=True)
    optimizer = kind([x], llm=llm, **options)
    optimizer.backward(x * 2 + 1, "larger")
    return x, optimizer


# -- A.2 -----------------------------------------------------------------------------------

LOGGED = {
    "no JSON": ("I think so.", 3),
    "empty": ("", 3),
    "no change": ("TERMINATE", 3),
    "the word in a value": (suggests("TERMINATE soon", x0=4), 4),
    "the word as an answer, beside values": (
        '{"answer": "TERMINATE", "suggestion": {"x0": 4}}',
        4,
    ),
}


@pytest.mark.parametrize(("said", "value"), LOGGED.values(), ids=LOGGED)
def test_whatever_was_answered_is_logged(said, value):
    x, optimizer = ready(llm=ScriptedLLM([said, said]))
    optimizer.step()
    assert x.data == value
    assert [entry["response"] for entry in optimizer.log] == [said]
    assert len(optimizer.summary_log) == 1


def test_a_value_may_hold_the_word_terminate():
    """SPEC 11.C2."""
    prompt = node("Go on.", name="prompt", trainable=True)
    text = "Say TERMINATE when you are done."
    for kind, said in [
        (OptoPrime, suggests(prompt0=text)),
        (OptoPrimeV2, TagFormat().write({"prompt0": text})),
    ]:
        prompt._set("Go on.")
        optimizer = kind([prompt], llm=ScriptedLLM([said]))
        optimizer.zero_feedback()
        optimizer.backward(prompt + "!", "say when to end")
        optimizer.step()
        assert prompt.data == text
        assert optimizer.log[0]["response"] == said


def test_a_model_that_fails_passes_through_and_nothing_has_changed():
    x, optimizer = ready(llm=ScriptedLLM([ModelUnavailable("down"), GOOD]))
    with pytest.raises(ModelUnavailable, match="down"):
        optimizer.step()
    assert (x.data, optimizer.log) == (3, [])
    assert optimizer.step()[x] == 5  # the feedback is still there


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ([], "no trainable parameter"),
        ((), "no trainable parameter"),
        ({}, "must be a list"),
        (None, "must be a list"),
        ([3], "ParameterNodes only"),
        ([node(1)], "ParameterNodes only"),
        (node(1, trainable=True), "must be a list"),
    ],
)
def test_what_are_no_parameters(parameters, why):
    with pytest.raises(OptimizerError, match=why):
        OptoPrime(parameters, llm=ScriptedLLM([]))


def test_a_tuple_is_a_list_and_a_parameter_counts_once():
    x = node(3, name="x", trainable=True)
    for parameters in ((x,), [x, x]):
        assert OptoPrime(parameters, llm=ScriptedLLM([])).parameters == [x]


class Creating:
    """A model of the original's second convention, with ``create``."""

    def __init__(self, text, *, as_text=False):
        self.text = text
        self.as_text = as_text
        self.calls = 0

    def create(self, messages, **_):
        self.calls += 1
        return self.text if self.as_text else {"choices": [{"message": {"content": self.text}}]}


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    ("kind", "text", "calls"), [(OptoPrime, GOOD, 1), (OptoPrimeMulti, GOOD, 3), (TextGrad, NEW, 3)]
)
def test_models_with_create_and_models_that_are_called(kind, text, calls, as_text):
    model = Creating(text, as_text=as_text)
    x, optimizer = ready(kind, model)
    assert optimizer.step()[x] == 5
    assert model.calls == calls  # TextGrad: two steps and one parameter
    asked = []

    def called(messages, **_):
        asked.append(messages)
        return text

    x, optimizer = ready(kind, called)
    assert optimizer.step()[x] == 5
    assert len(asked) == calls


@pytest.mark.parametrize("kind", [OptoPrime, OptoPrimeV2, OptoPrimeMulti, TextGrad])
def test_an_optimizer_can_be_pickled_and_copied(kind):
    x, optimizer = ready(kind, LLM("gpt-4o", backend="openai"))
    again = pickle.loads(pickle.dumps(optimizer))  # noqa: S301 - written here
    assert [p.data for p in again.parameters] == [3]
    assert again.llm.model_name == "gpt-4o"
    other = copy.deepcopy(optimizer)
    assert other.parameters == [x]
    assert other.llm is optimizer.llm


# -- A.3 -----------------------------------------------------------------------------------


def says(value, name="x0"):
    return f"<variable><name>{name}</name><value>{value}</value></variable>"


WHY = "<reasoning>r</reasoning>"
TABLE = {
    "several lines keep their indentation": (
        f"{WHY}{says(chr(10) + '    a' + chr(10) + '      b' + chr(10))}",
        {"x0": "    a\n      b"},
    ),
    "tags in the reasoning": (f"<reasoning>{says(1)} or</reasoning>{says(2)}", {"x0": "2"}),
    "before the reasoning": (f"{says(1)}{WHY}", {"x0": "1"}),
    "a name as an attribute": (
        f"{WHY}<variable name='x0'><value>5</value></variable>",
        {"x0": "5"},
    ),
    "no end of the reasoning": ("<reasoning>r x0 should be 5", {}),
    "no end of the reasoning, and values in it": (f"<reasoning>{says(1)} or not", {}),
    "no end of the reasoning, and values at the end": (f"<reasoning>r\n{says(1)}", {"x0": "1"}),
    "a tag in a value": (f"{WHY}{says('a <value> b')}", {"x0": "a <value> b"}),
    "entities of a text": (f"{WHY}{says('a &lt;b&gt;')}", {"x0": "a &lt;b&gt;"}),
    "escaped tags": (f"{WHY}{says('&lt;value&gt;')}", {"x0": "<value>"}),
    "a name again": (f"{WHY}{says(1)}{says(2)}", {"x0": "2"}),
    "no name": (f"{WHY}{says(1, name='')}{says(2, name='y0')}", {"y0": "2"}),
    "an empty value": (f"{WHY}{says('')}", {"x0": ""}),
}


@pytest.mark.parametrize(("text", "variables"), TABLE.values(), ids=TABLE)
def test_what_is_read_in_a_tagged_answer(text, variables):
    assert extract_xml_like_data(text)["variables"] == variables


def test_reasoning_that_was_cut_off_is_no_answer_though_it_ends_like_one():
    said = f"<reasoning>Perhaps\n{says(1)}"
    for finish, value in [("length", 3), ("stop", 1)]:
        reply = Reply(said, finish_reason=finish)
        x, optimizer = ready(OptoPrimeV2, ScriptedLLM([reply, reply]))
        update = optimizer.step()
        assert x.data == value
        assert (update.failure is None) == (finish == "stop")
