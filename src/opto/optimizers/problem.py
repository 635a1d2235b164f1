"""What an optimizer reads: the run and what was said about it, as titled sections of text."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError
from opto.optimizers.fences import alone, indented, marks, moved_in
from opto.optimizers.render import cut, safe_text
from opto.optimizers.writing import LINES, Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from opto.formats import Field
    from opto.optimizers.code import Head
    from opto.optimizers.summary import FunctionFeedback
    from opto.optimizers.writing import Writing

__all__ = ["TITLES", "Problem"]

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "instruction": "#Instruction",
        "code": "#Code",
        "documentation": "#Documentation",
        "variables": "#Variables",
        "constraints": "#Constraints",
        "inputs": "#Inputs",
        "others": "#Others",
        "outputs": "#Outputs",
        "feedback": "#Feedback",
    }
)
"""The sections in their order, and the titles that they have by default."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is put before a model, section by section, and what it is asked for.

    Args:
        instruction: what it shall do.
        code: the steps of the run.
        documentation: what the operations do.
        variables: the parameters that it may change.
        inputs: the values that it may not.
        others: values in between.
        outputs: the results that something was said about.
        feedback: what was said.
        constraints: what new values must keep to.
        titles: the title of each section; one without a title is not shown.
        fields: what an answer may set.
        current: the present values by field name.
        heads: for fields that hold code, what the code must keep, as far as it is known.
        projections: what new values are put through, by field name.

    Source: SPEC 7.2 and 12 A.1; the sections are those of the Trace paper (section 4).
    """

    instruction: str = ""
    code: str = ""
    documentation: str = ""
    variables: str = ""
    inputs: str = ""
    others: str = ""
    outputs: str = ""
    feedback: str = ""
    constraints: str = ""
    titles: Mapping[str, str] = field(default_factory=lambda: TITLES, repr=False)
    fields: tuple[Field, ...] = field(default=(), repr=False)
    current: Mapping[str, Any] = field(default_factory=dict, repr=False)
    heads: Mapping[str, Head | None] = field(default_factory=dict, repr=False)
    projections: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        shown = [name for name in TITLES if name in self.titles]
        sections = (f"{self.titles[name]}\n{getattr(self, name)}" for name in shown)
        return "\n\n".join(section.rstrip("\n") for section in sections)

    def texts(self) -> list[str]:
        """All texts in it."""
        return [*self.titles.values(), *[str(getattr(self, name)) for name in TITLES]]

    @classmethod
    def of(
        cls,
        summary: FunctionFeedback,
        instruction: str,
        mask: Collection[str] = (),
        value_limit: int = 2000,
        writing: Writing = LINES,
        shorten: Callable[[str, int], str] = cut,
        limits: Mapping[str, int] = MappingProxyType({}),
        **more: Any,
    ) -> Problem:
        """The problem that a summary of a run tells.

        Args:
            summary: the run and the feedback.
            instruction: what the model shall do.
            mask: titles of sections to leave empty, such as ``["#Inputs"]``.
            value_limit: characters above which values that cannot be changed are
                shortened. Variables are always shown whole.
            writing: how values are written.
            shorten: from a text and a limit to a shorter text.
            limits: other limits for the values of a section, by its name.
            **more: the other fields, by name.
        """
        titles = more.get("titles", TITLES)
        hidden = _masked(mask, titles)
        shown = {
            name: [
                Shown.of(k, shorten(safe_text(v), limits.get(name, value_limit)), v)
                for k, (v, _) in of.items()
            ]
            for name, of in {
                "inputs": summary.inputs,
                "others": summary.others,
                "outputs": summary.output,
            }.items()
        }
        variables = [
            Shown.of(k, safe_text(v), v, None if "constraints" in hidden else c)
            for k, (v, c) in summary.variables.items()
        ]
        feedback = safe_text(summary.user_feedback)
        heads = tuple(titles.values())
        own = marks(heads, writing.tags)
        sections = {
            "instruction": moved_in(safe_text(instruction), own),
            "code": "\n".join(line for _, line in sorted(summary.graph, key=lambda step: step[0])),
            "documentation": "\n".join(map(indented, summary.documentation.values())),
            "variables": writing.variables(variables, heads),
            "constraints": writing.constraints(variables),
            "feedback": alone(feedback, own),
            **{name: writing.others(values, heads) for name, values in shown.items()},
        }
        visible: dict[str, Any] = {k: "" if k in hidden else v for k, v in sections.items()}
        return cls(**visible, **more)


def _masked(mask: Collection[str], titles: Mapping[str, str]) -> set[str]:
    """The sections whose titles, the default ones or the present ones, are in the mask."""
    known = {title.replace(" ", ""): name for name, title in [*TITLES.items(), *titles.items()]}
    unknown = [title for title in mask if title.replace(" ", "") not in known]
    if unknown:
        raise ArgumentError.unknown("mask", unknown, titles.values())
    return {known[title.replace(" ", "")] for title in mask}
