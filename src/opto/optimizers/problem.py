"""What an optimizer reads: the run and what was said about it, as titled sections of text."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError
from opto.optimizers.render import cut, fence_for, fenced, indented, line_of, safe_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from opto.formats import Field
    from opto.optimizers.code import Head
    from opto.optimizers.summary import FunctionFeedback

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
        titles: the title of each section.
        fields: what an answer may set.
        current: the present values by field name.
        heads: for fields that hold code, what the code must keep, as far as it is known.

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

    def __str__(self) -> str:
        sections = (f"{self.titles[name]}\n{getattr(self, name)}" for name in TITLES)
        return "\n\n".join(section.rstrip("\n") for section in sections)

    @classmethod
    def of(
        cls,
        summary: FunctionFeedback,
        instruction: str,
        mask: Collection[str] = (),
        value_limit: int = 2000,
        **more: Any,
    ) -> Problem:
        """The problem that a summary of a run tells.

        Args:
            summary: the run and the feedback.
            instruction: what the model shall do.
            mask: titles of sections to leave empty, such as ``["#Inputs"]``.
            value_limit: characters above which values that cannot be changed lose
                their middle. Variables are always shown whole.
            **more: the other fields, by name.
        """
        shown = {
            name: {k: (cut(safe_text(v), value_limit), v, c) for k, (v, c) in values.items()}
            for name, values in {
                "inputs": summary.inputs,
                "others": summary.others,
                "outputs": summary.output,
            }.items()
        }
        shown["variables"] = {k: (safe_text(v), v, c) for k, (v, c) in summary.variables.items()}
        feedback = safe_text(summary.user_feedback)
        texts = [text for values in shown.values() for text, _, _ in values.values()]
        fence = fence_for([*texts, feedback])
        titles = more.get("titles", TITLES)
        sections = {
            "instruction": instruction,
            "code": "\n".join(line for _, line in sorted(summary.graph, key=lambda step: step[0])),
            "documentation": "\n".join(map(indented, summary.documentation.values())),
            "constraints": "\n".join(
                f"({_kind(k, v)}) {k}: {indented(c)}"
                for k, (v, c) in summary.variables.items()
                if c
            ),
            "feedback": _remark(feedback, fence),
            **{
                name: "\n".join(_value(k, t, v, fence) for k, (t, v, _) in values.items())
                for name, values in shown.items()
            },
        }
        hidden = _masked(mask, titles)
        visible: dict[str, Any] = {k: "" if k in hidden else v for k, v in sections.items()}
        return cls(**visible, **more)


def _masked(mask: Collection[str], titles: Mapping[str, str]) -> set[str]:
    """The sections whose titles, the default ones or the present ones, are in the mask."""
    known = {title.replace(" ", ""): name for name, title in [*TITLES.items(), *titles.items()]}
    unknown = [title for title in mask if title.replace(" ", "") not in known]
    if unknown:
        raise ArgumentError.unknown("mask", unknown, titles.values())
    return {known[title.replace(" ", "")] for title in mask}


def _remark(text: str, fence: str) -> str:
    # On a line of its own, what looks like a title would be one.
    return fenced(text, fence) if text.startswith("#") else line_of(text, fence).lstrip("\n")


def _kind(name: str, value: Any) -> str:
    return "code" if "__code" in name else type(value).__name__


def _value(name: str, text: str, value: Any, fence: str) -> str:
    if "__code" in name:
        return f"(code) {name}:\n{fenced(text, fence, 'python')}"
    return f"({_kind(name, value)}) {name}={line_of(text, fence)}"
