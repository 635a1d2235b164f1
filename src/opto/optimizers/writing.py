"""How values stand in a prompt: one a line, or each as an element.

In both, no value can leave its place: a line is one line, or fenced; an element holds no tag
of ours and no title, or its value is fenced.

Source: SPEC 7.2 and 7.5, 11.C11, C20.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from opto.formats import guarded
from opto.optimizers.render import fenced, indented, line_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from opto.optimizers.memory import Episode

__all__ = ["LINES", "Lines", "Shown", "Tags", "Writing"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A value that is shown.

    Args:
        name: what it is called.
        text: the value as text, as much as is to be seen of it.
        kind: its type in one word.
        constraint: what a new value must keep to, where there may be one.
    """

    name: str
    text: str
    kind: str
    constraint: str | None = None

    @classmethod
    def of(cls, name: str, text: str, value: Any, constraint: Any = None) -> Shown:
        """The value as it is shown."""
        kind = "code" if "__code" in name else type(value).__name__
        return cls(name, text, kind, str(constraint) if constraint else None)


class Writing(Protocol):
    """A way to write values."""

    @property
    def words(self) -> Mapping[str, str]:
        """Its tags, for prompts that speak of them."""

    def variables(self, values: Collection[Shown], fence: str, titles: Collection[str]) -> str:
        """Values that may be changed.

        Args:
            values: the values.
            fence: backticks that stand in none of them.
            titles: lines that would begin a section.
        """

    def others(self, values: Collection[Shown], fence: str, titles: Collection[str]) -> str:
        """Values that may not."""

    def constraints(self, values: Collection[Shown]) -> str:
        """What new values must keep to, where that stands in a section of its own."""

    def tries(self, memory: Collection[Episode], titles: Collection[str]) -> str:
        """Earlier rounds, the oldest first."""


@dataclass(frozen=True, slots=True)
class Lines:
    """``(type) name=value``, and a fence round what is no plain line."""

    @property
    def words(self) -> Mapping[str, str]:
        """None."""
        return {}

    def variables(self, values: Collection[Shown], fence: str, titles: Collection[str]) -> str:  # noqa: ARG002 - as in `Writing`
        """A value a line."""
        return "\n".join(_line(value, fence) for value in values)

    others = variables

    def constraints(self, values: Collection[Shown]) -> str:
        """A constraint a line."""
        return "\n".join(
            f"({v.kind}) {v.name}: {indented(v.constraint)}" for v in values if v.constraint
        )

    def tries(self, memory: Collection[Episode], titles: Collection[str]) -> str:  # noqa: ARG002 - as in `Writing`
        """A round a line, as JSON: in it, no text can pretend to be another part."""
        return "\n".join(map(str, memory))


def _line(value: Shown, fence: str) -> str:
    if value.kind == "code":
        return f"(code) {value.name}:\n{fenced(value.text, fence, 'python')}"
    return f"({value.kind}) {value.name}={line_of(value.text, fence)}"


LINES = Lines()


@dataclass(frozen=True, slots=True)
class Tags:
    """Each value as an element, with its constraint in it.

    Args:
        variable: the tag of a value that may be changed.
        node: the tag of one that may not.
        value: the tag of what it is.
        constraint: the tag of what a new value must keep to.
    """

    variable: str = "variable"
    node: str = "node"
    value: str = "value"
    constraint: str = "constraint"

    @property
    def words(self) -> Mapping[str, str]:
        """The tags."""
        return {
            "variable_tag": self.variable,
            "node_tag": self.node,
            "value_tag": self.value,
            "constraint_tag": self.constraint,
        }

    def variables(self, values: Collection[Shown], fence: str, titles: Collection[str]) -> str:  # noqa: ARG002 - as in `Writing`
        """An element each, a blank line between them."""
        return "\n\n".join(self._element(self.variable, v, titles) for v in values)

    def others(self, values: Collection[Shown], fence: str, titles: Collection[str]) -> str:  # noqa: ARG002 - as in `Writing`
        """An element each, of another tag."""
        return "\n\n".join(self._element(self.node, v, titles) for v in values)

    def constraints(self, values: Collection[Shown]) -> str:  # noqa: ARG002 - as in `Writing`
        """None: they stand in the elements."""
        return ""

    def tries(self, memory: Collection[Episode], titles: Collection[str]) -> str:
        """Each round with its values, and what was said about the outputs."""
        rounds = []
        for number, (variables, feedback) in enumerate(memory, 1):
            values = [
                self._element(self.variable, Shown(k, str(v), ""), titles)
                for k, v in variables.items()
            ]
            said = f"<feedback>\n{self._text(feedback, titles)}\n</feedback>"
            rounds.append("\n".join([f'<round number="{number}">', *values, said, "</round>"]))
        return "\n".join(rounds)

    def _element(self, tag: str, value: Shown, titles: Collection[str]) -> str:
        kind = f' type="{escape(value.kind)}"' if value.kind else ""
        parts = [f'<{tag} name="{escape(value.name)}"{kind}>', f"<{self.value}>"]
        language = "python" if value.kind == "code" else ""
        parts += [self._text(value.text, titles, language), f"</{self.value}>"]
        if value.constraint:
            text = self._text(value.constraint, titles)
            parts += [f"<{self.constraint}>", text, f"</{self.constraint}>"]
        return "\n".join([*parts, f"</{tag}>"])

    def _text(self, text: str, titles: Collection[str], language: str = "") -> str:
        own = (self.variable, self.node, self.value, self.constraint, "round", "feedback")
        fenced_off = any(line.strip() in titles for line in text.splitlines())
        return guarded(text, own, language, always=fenced_off)
