"""The titles and tags of the tagged dialect, as the original's second version lets them be set.

A subclass, or an instance, gives other ones; all of them are really used.

Source: SPEC 7.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.formats import JSONFormat, TagFormat
from opto.optimizers.dialect import Dialect
from opto.optimizers.options import is_overridden
from opto.optimizers.writing import Tags

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opto.formats import Format

__all__ = [
    "OPROPromptSymbolSet",
    "OptimizerPromptSymbolSet",
    "OptimizerPromptSymbolSet2",
    "OptimizerPromptSymbolSetJSON",
]


class OptimizerPromptSymbolSet:
    """What sections and tags are called.

    Attributes:
        expect_json: whether the answer is JSON; the problem is tagged in any case.
        custom_output_format_instruction: words that say how to answer, in place of ours;
            then `output_response_extractor` must be written as well, to read such answers.

    Example:
        >>> class Own(OptimizerPromptSymbolSet):
        ...     variables_section_title = "# Parameters"
        ...     value_tag = "content"
        >>> Own().dialect().titles["variables"]
        '# Parameters'
    """

    instruction_section_title: str = "# Instruction"
    code_section_title: str = "# Code"
    documentation_section_title: str = "# Documentation"
    variables_section_title: str = "# Variables"
    inputs_section_title: str = "# Inputs"
    others_section_title: str = "# Others"
    outputs_section_title: str = "# Outputs"
    feedback_section_title: str = "# Feedback"

    node_tag: str = "node"
    variable_tag: str = "variable"
    value_tag: str = "value"
    constraint_tag: str = "constraint"
    reasoning_tag: str = "reasoning"
    improved_variable_tag: str = "variable"
    name_tag: str = "name"

    expect_json: bool = False
    custom_output_format_instruction: str | None = None

    @property
    def default_prompt_symbols(self) -> dict[str, str]:
        """The titles by section."""
        return {
            "instruction": self.instruction_section_title,
            "code": self.code_section_title,
            "documentation": self.documentation_section_title,
            "variables": self.variables_section_title,
            "inputs": self.inputs_section_title,
            "others": self.others_section_title,
            "outputs": self.outputs_section_title,
            "feedback": self.feedback_section_title,
        }

    @property
    def format(self) -> Format:
        """The form of the answer."""
        if self.expect_json:
            return JSONFormat()
        return TagFormat(
            self.reasoning_tag, self.improved_variable_tag, self.name_tag, self.value_tag
        )

    def output_response_extractor(self, response: str) -> dict[str, Any]:
        """What an answer says: ``reasoning``, and ``variables`` by name.

        Args:
            response: the text of the answer.
        """
        parsed = self.format.parse(response, ())
        return {"reasoning": parsed.reasoning, "variables": dict(parsed.unknown)}

    def example_output(self, reasoning: str, variables: Mapping[str, Any]) -> str:
        """An answer that says this.

        Args:
            reasoning: the thoughts.
            variables: values by name.
        """
        return self.format.write(variables, reasoning)

    def _written(self) -> Callable[[str, Mapping[str, Any]], str] | None:
        """How the answer of an example is written, where a subclass says that."""
        own = is_overridden(self, OptimizerPromptSymbolSet, "example_output")
        return self.example_output if own else None

    def dialect(self) -> Dialect:
        """The dialect with these titles and tags."""
        return Dialect(
            self.format,
            self.default_prompt_symbols,
            Tags(self.variable_tag, self.node_tag, self.value_tag, self.constraint_tag),
            system="tagged_system",
            answer="optoprime_answer" if self.expect_json else "tagged_answer",
            example="tagged_example",
            instruction=self.custom_output_format_instruction,
            written=self._written(),
        )


class OptimizerPromptSymbolSetJSON(OptimizerPromptSymbolSet):
    """A tagged problem whose answer is JSON."""

    expect_json = True


class OptimizerPromptSymbolSet2(OptimizerPromptSymbolSet):
    """Shorter tags."""

    node_tag = "const"
    variable_tag = "var"
    value_tag = "data"
    reasoning_tag = "reason"
    improved_variable_tag = "var"


class OPROPromptSymbolSet(OptimizerPromptSymbolSet):
    """The sections of OPRO, and its tag of what is to be improved."""

    instruction_section_title = "# Problem Context"
    variables_section_title = "# Solution"
    variable_tag = "solution"

    @property
    def default_prompt_symbols(self) -> dict[str, str]:
        """The titles by section; the graph has none, and is not shown."""
        titles = super().default_prompt_symbols
        return {name: titles[name] for name in ("instruction", "variables", "feedback")}

    def dialect(self) -> Dialect:
        """The dialect with these titles and tags."""
        return Dialect(
            self.format,
            self.default_prompt_symbols,
            Tags(self.variable_tag, self.node_tag, self.value_tag, self.constraint_tag),
            family="opro",
            system="opro_tagged_system",
            answer="opro_answer" if self.expect_json else "tagged_answer",
            example="opro_tagged_example",
            instruction=self.custom_output_format_instruction,
            written=self._written(),
        )
