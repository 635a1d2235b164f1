"""The second version's names in the tagged dialect (SPEC 7.5, 7.6)."""

from copy import deepcopy

import pytest

from opto.errors import ArgumentError, OptimizerError
from opto.llm import ScriptedLLM
from opto.optimizers import OPROv2, OptoPrime, OptoPrimeV2
from opto.optimizers.opro_v2 import OPROPromptSymbolSet
from opto.optimizers.optoprime_v2 import (
    OptimizerPromptSymbolSet,
    OptimizerPromptSymbolSet2,
    OptimizerPromptSymbolSetJSON,
)
from opto.trace import GRAPH, bundle, node
from tests.optimizers.answers import suggests


def says(**values):
    return OptimizerPromptSymbolSet().example_output("why", values)


@bundle()
def scale(v, k=2):
    """Multiply by k"""
    return v * k


def stepped(kind=OptoPrimeV2, answer=None, feedback="make it larger", **options):
    GRAPH.clear()
    x = node(3, name="x", trainable=True)
    model = ScriptedLLM([answer or says(x0=5)] * 2)
    optimizer = kind([x], llm=model, **options)
    optimizer.zero_feedback()
    optimizer.backward((scale(x) + node(1, name="b")) * x, feedback)
    update = optimizer.step()
    system, user = (message["content"] for message in model.requests[0].messages)
    return x, update, system, user, optimizer


def test_the_problem_of_one_small_program():
    """SPEC 12 A.1."""
    x, update, _, user, optimizer = stepped()
    assert (x.data, update.reasoning) == (5, "why")
    assert user.startswith("# Instruction\n")
    assert "# Code\nscale0 = scale(v=x0, k=k0)\nadd0 = " in user
    assert '# Variables\n<variable name="x0" type="int">\n<value>\n3\n</value>\n</variable>' in user
    assert '# Outputs\n<node name="multiply0" type="int">\n<value>\n21\n</value>\n</node>' in user
    assert "</node>\n\n<node" in user
    assert "# Constraints" not in user
    assert "# Feedback\nmake it larger" in user
    assert (optimizer.max_tokens, optimizer.initial_var_char_limit) == (8192, 2000)


def test_no_json_is_asked_for_in_tags():
    x = node(3, name="x", trainable=True)
    model = ScriptedLLM([says(x0=4)])
    optimizer = OptoPrimeV2([x], llm=model)
    optimizer.backward(x + 1, "larger")
    optimizer.step()
    assert model.requests[0].response_format is None


def test_the_symbols_for_json_ask_for_it():
    x, _, system, user, _ = stepped(
        answer=suggests(x0=5), optimizer_prompt_symbol_set=OptimizerPromptSymbolSetJSON()
    )
    assert x.data == 5
    assert '"suggestion"' in system
    assert '<variable name="x0" type="int">' in user


def test_shorter_tags():
    symbols = OptimizerPromptSymbolSet2()
    x, _, system, user, _ = stepped(
        answer="<reason>r</reason><var><name>x0</name><data>5</data></var>",
        optimizer_prompt_symbol_set=symbols,
    )
    assert x.data == 5
    assert '<var name="x0" type="int">\n<data>\n3\n</data>\n</var>' in user
    assert '<const name="b0" type="int">' in user
    assert "<reason>" in system
    assert "<variable" not in system + user


def test_own_titles_are_really_used():
    class Own(OptimizerPromptSymbolSet):
        variables_section_title = "## Parameters"
        code_section_title = "## Steps"

    _, _, system, user, _ = stepped(optimizer_prompt_symbol_set=Own())
    for words in (system, user):
        assert "## Parameters" in words
        assert "## Steps" in words
        assert "# Variables" not in words


def test_an_own_answer_is_asked_for_and_read():
    class Own(OptimizerPromptSymbolSet):
        custom_output_format_instruction = "Answer with name=value."

        def output_response_extractor(self, response):
            name, _, value = response.partition("=")
            return {"reasoning": "own", "variables": {name: value}}

    x, update, system, user, optimizer = stepped(
        answer="x0=5", optimizer_prompt_symbol_set=Own(), include_example=False
    )
    assert (x.data, update.reasoning) == (5, "own")
    assert system.endswith("Answer with name=value.")
    assert "<name>" not in user
    assert optimizer.extract_llm_suggestion("x0=7")["variables"] == {"x0": "7"}


@pytest.mark.parametrize(
    ("optimizer", "base"),
    [(OptoPrimeV2, OptimizerPromptSymbolSet), (OPROv2, OPROPromptSymbolSet)],
)
def test_the_example_is_answered_as_one_says(optimizer, base, x):
    """SPEC 7.5: who asks for a form of their own gives its example as well."""

    class Own(base):
        custom_output_format_instruction = "Say it as name := value."

        def example_output(self, reasoning, variables):
            return "".join(f"{name} := {value}" for name, value in variables.items())

    made = optimizer(
        [x],
        llm=ScriptedLLM([]),
        optimizer_prompt_symbol_set=Own(),
        include_example=True,
    )
    made.backward(x * 2, "larger")
    system, _ = deepcopy(made).construct_prompt(made.summarize())
    assert "count0 := 5" in system
    assert "<name>count0" not in system


@pytest.mark.parametrize("symbols", ["tags", OptimizerPromptSymbolSet])
def test_symbols_that_are_none_are_refused(symbols, x):
    with pytest.raises(OptimizerError, match="must be an OptimizerPromptSymbolSet, such as"):
        OptoPrimeV2([x], llm=ScriptedLLM([]), optimizer_prompt_symbol_set=symbols)


def test_what_an_answer_suggests_can_be_asked_for_and_overridden():
    *_, optimizer = stepped()
    said = optimizer.extract_llm_suggestion(says(x0=7, y0=1))
    assert said == {"reasoning": "why", "variables": {"x0": "7", "y0": "1"}}
    [value] = optimizer.construct_update_dict(said["variables"]).values()
    assert value == 7

    class Own(OptoPrimeV2):
        def extract_llm_suggestion(self, response):
            given = super().extract_llm_suggestion(response)
            return {**given, "variables": {"x0": "9"}}

    assert stepped(Own)[0].data == 9


def test_values_that_cannot_be_changed_are_shortened_as_one_says():
    def brief(value, limit):
        return f"{str(value)[:limit]}~"

    def program(**options):
        x = node("v" * 50, name="x", trainable=True)
        optimizer = OptoPrimeV2([x], llm=ScriptedLLM([]), initial_var_char_limit=9, **options)
        optimizer.backward(x + node("i" * 50, name="i"), "shorter")
        return optimizer.problem_instance(optimizer.summarize())

    problem = program()
    assert "v" * 50 in problem.variables
    assert "iiiiiiiii... (41 characters skipped due to length limit)" in problem.inputs
    assert "iiiiiiiii~" in program(truncate_expression=brief).inputs


def test_memory_is_shown_in_rounds():
    x = node(3, name="x", trainable=True)
    model = ScriptedLLM([says(x0=4), says(x0=5)])
    optimizer = OptoPrimeV2([x], llm=model, memory_size=2)
    for _ in range(2):
        optimizer.zero_feedback()
        optimizer.backward(x + 1, "larger")
        optimizer.step()
    assert '<round number="1">\n<variable name="x0">' in model.requests[1].messages[1]["content"]


def test_each_title_masks_its_own_section():
    """SPEC 11.C9."""
    *_, optimizer = stepped()
    summary = optimizer.summarize()
    whole = optimizer.problem_instance(summary)
    for name, title in whole.titles.items():
        masked = optimizer.problem_instance(summary, mask=[title])
        assert getattr(masked, name) == ""
        for other in set(whole.titles) - {name}:
            assert getattr(masked, other) == getattr(whole, other)


def test_arguments_of_other_dialects_are_refused():
    for name in ("json_keys", "prompt_symbols", "dialect", "value_limit"):
        with pytest.raises(ArgumentError, match=name):
            stepped(**{name: None})
    with pytest.raises(ArgumentError, match="memory_size"):
        stepped(memry_size=1)


def test_a_tagged_optoprime_is_the_same():
    x, _, system, user, _ = stepped(OptoPrime, dialect="tagged")
    assert x.data == 5
    assert (system, user) == stepped()[2:4]


def test_the_second_opro():
    """SPEC 7.6."""
    x, _, system, user, optimizer = stepped(OPROv2, include_example=True)
    assert x.data == 5
    assert user.startswith("# Problem Context\n")
    assert '# Solution\n<solution name="x0" type="int">' in user
    assert "# Feedback\nmake it larger" in user
    assert "scale" not in user
    assert "An example" in system
    assert (optimizer.memory.size, optimizer.max_tokens) == (5, 8192)
    assert optimizer.buffer[0].variables == {"x0": 3}


def test_the_second_opro_takes_symbols():
    class Own(OPROPromptSymbolSet):
        variables_section_title = "# Draft"
        variable_tag = "draft"

    _, _, system, user, _ = stepped(OPROv2, optimizer_prompt_symbol_set=Own())
    assert '# Draft\n<draft name="x0" type="int">' in user
    assert "solution" not in (system + user).lower()
