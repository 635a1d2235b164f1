"""Thoughts are told from answers, however a model marks them."""

import pytest

from opto.formats import Field, JSONFormat, TagFormat, plainly_marked, read_answer
from tests.formats.test_either import says, suggests

FIELDS = [Field.of("x0", 3)]
MARKS = {
    "mistral": ("[THINK]", "[/THINK]"),
    "kimi": ("◁think▷", "◁/think▷"),
    "open thinker": ("<|begin_of_thought|>", "<|end_of_thought|>"),
    "cohere": ("<|START_THINKING|>", "<|END_THINKING|>"),
    "seed": ("<seed:think>", "</seed:think>"),
    "analysis": ("<analysis>", "</analysis>"),
    "Reflection": ("<Reflection>", "</Reflection>"),
    "channels": (
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    "deepseek": ("<think>", "</think>"),
    "upper case": ("<THINK>", "</Think>"),
}  # fmt: skip
WAYS = [(JSONFormat(), lambda n: suggests(x0=n)), (TagFormat(), lambda n: says(x0=n))]


@pytest.mark.parametrize(("form", "written"), WAYS, ids=["json", "tagged"])
@pytest.mark.parametrize(("opening", "closing"), MARKS.values(), ids=MARKS)
def test_what_was_thought_is_never_taken(opening, closing, form, written):
    def read(text):
        parsed = read_answer(form, plainly_marked(text), FIELDS)
        return {name: int(value) for name, value in parsed.values.items()}

    thought = f"Perhaps {written(1)}? </think> no"
    assert read(f"\n{opening}Perhaps {written(1)}?{closing}\n{written(5)}") == {"x0": 5}
    assert read(f"{opening}Perhaps {written(1)}") == {}  # cut off
    assert read(f"{opening}Perhaps {written(1)}{closing}") == {}
    if "think>" not in opening.lower():
        assert read(f"{opening}{thought}{closing}{written(5)}") == {"x0": 5}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<|channel|>final<|message|>5<|return|>", "5"),
        ("<|start|>assistant<|channel|>final<|message|>5", "5"),
        ("<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>5<|end_of_solution|>\n",
         "<think>a</think>5"),
        ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>5<|END_RESPONSE|>",
         "<think>a</think>5"),
        ("5 [THINK] 6 [/THINK]", "5 [THINK] 6 [/THINK]"),
        ("<analysis>a", "<think>a"),
        ("", ""),
    ],
)  # fmt: skip
def test_only_marks_that_begin_an_answer_are_looked_at(text, answer):
    assert plainly_marked(text) == answer
