"""Examples of a batch are told apart in what is shown and in what is said."""

import json

import pytest

from opto.llm import ScriptedLLM
from opto.optimizers import OPRO, OptoPrime, TextGrad, batchify
from opto.trace import GRAPH, bundle, node
from tests.optimizers.answers import suggests

ANSWER = suggests(prompt0="Be brief.")


@bundle()
def answer(prompt, question):
    """Answer a question."""
    return f"{prompt} {question}"


def batch(count=3):
    GRAPH.clear()
    prompt = node("Be kind.", name="prompt", trainable=True)
    outputs = batchify(*[answer(prompt, f"q{i}") for i in range(count)])
    return prompt, outputs


def test_a_model_is_told_in_one_line_what_a_batch_is():
    prompt, outputs = batch()
    optimizer = OptoPrime([prompt], llm=ScriptedLLM([]))
    optimizer.backward(outputs, "shorter")
    told = optimizer.problem_instance(optimizer.summarize()).documentation
    assert "[batchify] All examples of a batch in one text" in told
    assert ">>>" not in told


def test_each_line_names_its_example():
    _, outputs = batch()
    assert outputs.data.splitlines() == [f"ID [{i}]: Be kind. q{i}" for i in range(3)]


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ((), ""),
        ((None, 1.5, True), "ID [0]: None\nID [1]: 1.5\nID [2]: True"),
        (({"a": 1}, [1, 2]), "ID [0]: {'a': 1}\nID [1]: [1, 2]"),
        (("a\nID [1]: b", ""), "ID [0]: a\n    ID [1]: b\nID [1]: "),
        ((node(3), node("x")), "ID [0]: 3\nID [1]: x"),
    ],
)
def test_items_of_all_kinds(items, text):
    assert batchify(*items).data == text


SAID = {
    "words": ["too long", "fine", "wrong:\nsee above"],
    "numbers": [1, 0.5, 0],
    "objects": [{"score": 1}, None, ["a"]],
    "nodes": [node("wrong"), node(1), node(None)],
}


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
@pytest.mark.parametrize("kind", [OptoPrime, OPRO])
def test_a_model_reads_which_remark_is_about_which_example(kind, said):
    prompt, outputs = batch()
    model = ScriptedLLM([ANSWER])
    optimizer = kind([prompt], llm=model)
    optimizer.backward(outputs, batchify(*said).data)
    assert optimizer.step()
    asked = model.requests[0].messages[-1]["content"]
    feedback = asked.partition("\n#Feedback\n")[2]
    assert [feedback.count(f"ID [{i}]: ") for i in range(4)] == [1, 1, 1, 0]
    if kind is OptoPrime:
        assert "ID [2]: Be kind. q2" in asked.partition("\n#Outputs\n")[2]


def test_the_scores_of_a_batch_are_one_score_for_the_memory():
    prompt, _ = batch()
    replies = [suggests(prompt0=f"p{i}") for i in range(4)]
    optimizer = OptoPrime([prompt], llm=ScriptedLLM(replies), memory_size=1, memory_best=1)
    for scores in [(0, 1), (1, 1), (0, 0.5), (0, 0)]:
        optimizer.zero_feedback()
        optimizer.backward(batchify(*[answer(prompt, i) for i in range(2)]), batchify(*scores).data)
        optimizer.step()
    assert [episode.score for episode in optimizer.memory] == [1.0, 0.0]


@pytest.mark.parametrize("said", [("a", 1), ("a", "a"), (0.5, 0.5), ({"x": 1}, None, "z")])
def test_feedback_of_several_kinds_on_several_outputs_adds_up(said):
    prompt, _ = batch()
    model = ScriptedLLM([ANSWER])
    optimizer = OptoPrime([prompt], llm=model)
    outputs = [answer(prompt, f"q{i}") for i in range(len(said))]
    for output, remark in zip(outputs, said, strict=True):
        if remark is not None:
            optimizer.backward(output, remark)
    optimizer.step()
    feedback = model.requests[0].messages[-1]["content"].partition("\n#Feedback\n")[2]
    if len(set(map(str, said))) == 1:  # what is said of all alike is said once
        assert feedback.splitlines()[0] == str(said[0])
        return
    for output, remark in zip(outputs, said, strict=True):
        assert (f"About {output.py_name}: {remark}" in feedback) == (remark is not None)


def test_textgrad_is_told_of_each_example():
    prompt, outputs = batch(2)

    def model(messages, **_):
        asked.append(messages[-1]["content"])
        return (
            "shorter"
            if "new value for" not in asked[-1]
            else ("<IMPROVED_VARIABLE>Be brief.</IMPROVED_VARIABLE>")
        )

    asked = []
    optimizer = TextGrad([prompt], llm=model, parallel=1)
    optimizer.backward(outputs, batchify("too long", "fine").data)
    optimizer.step()
    assert prompt.data == "Be brief."
    assert "ID [0]: too long" in asked[0]
    assert "ID [1]: fine" in asked[0]


def test_a_prompt_written_down_is_read_again():
    optimizer = OptoPrime([batch()[0]], llm=ScriptedLLM([ANSWER]), memory_size=3)
    optimizer.backward(batchify(answer(optimizer.parameters[0], "q")), batchify(1).data)
    optimizer.step()
    (episode,) = optimizer.memory
    assert json.loads(str(episode))["feedback"] == "ID [0]: 1"
