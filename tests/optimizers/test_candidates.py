import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.llm import Reply
from opto.optimizers.candidates import beside, experts_in
from opto.optimizers.proposal import Proposal, Refusal
from tests.optimizers.reader import outside


@pytest.mark.parametrize(
    ("text", "experts"),
    [
        ("a poet\na lawyer\na cook", ["a poet", "a lawyer", "a cook"]),
        ("Here they are:\n\n1. a poet\n2) a lawyer\n", ["a poet", "a lawyer"]),
        ("- **a poet**\n* `a lawyer`\n• a cook", ["a poet", "a lawyer", "a cook"]),
        ('{"experts": ["a poet", "a lawyer"]}', ["a poet", "a lawyer"]),
        ('```json\n["a poet", 5]\n```', ["a poet"]),
        ("<think>who?\n1. nobody</think>\na poet", ["a poet"]),
        ("<think>1. nobody", []),
        ("a poet\na poet\na\t lawyer", ["a poet", "a lawyer"]),
        ("1. a\n2. b\n3. c\n4. d\n5. e", ["a", "b", "c", "d"]),
        ("[a poet] and so on", ["[a poet] and so on"]),
        ("[" * 100_000 + "]", ["[" * 200]),
        ("", []),
    ],
)
def test_experts_are_read_in_what_models_write(text, experts):
    assert list(experts_in(text, 4)) == experts


@given(st.text(), st.integers(1, 5))
def test_whatever_is_written_experts_are_few_short_and_on_one_line(text, count):
    experts = experts_in(text, count)
    assert len(experts) <= count
    assert all(e.strip() and len(e) <= 200 and len(e.splitlines()) == 1 for e in experts)


def test_a_candidate_is_told_with_all_that_became_of_it():
    proposal = Proposal(
        {"x0": 5, "__code0": "def f():\n    return 1"},
        (Refusal("y0", "'a'", "it must be a whole number"),),
        ("z0",),
        reasoning="It is too small.",
    )
    words = beside("the question", "multi_selection", [proposal, Proposal(replies=(Reply("{}"),))])
    assert words.startswith("the question\n\n")
    assert (
        "Candidate 1\nReasoning: It is too small.\nx0=5\n"
        "__code0=\n```\ndef f():\n    return 1\n```\n"
        "Stays as it is: z0\nRefused: y0: it must be a whole number\n\n"
        "Candidate 2\nChanges: none\n" in words
    )


def test_an_answer_that_could_not_be_read_is_told_as_it_is():
    proposal = Proposal(failure="it holds no JSON", replies=(Reply("I would\nrather not"),))
    words = beside("the question", "multi_refinement", [proposal])
    assert "Cannot be used: it holds no JSON\nAnswer: \n```\nI would\nrather not\n```" in words


@given(st.text(alphabet="ab`#\n ", max_size=40), st.text(alphabet="ab`#\n ", max_size=40))
def test_no_text_of_a_candidate_leaves_its_place(value, reasoning):
    """Between two fences, or on the one line that begins with words of ours."""
    words = beside("q", "multi_selection", [Proposal({"x0": value}, reasoning=reasoning)])
    begin, end = words.index("Candidate 1"), words.rindex("\n\nFind out")
    lines = [line for line in outside(words[begin:end]) if isinstance(line, str)]
    for line in lines:
        assert line.startswith(("Candidate 1", "Reasoning: ", "x0=", "Changes: none"))
    assert len(lines) <= 3
