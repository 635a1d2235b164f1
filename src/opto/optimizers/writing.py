"""How values stand in a prompt: one a line, or each as an element.

In both, no value can leave its place: a line is one line, or fenced; an element holds no tag
of ours and no title, or its value is fenced; a name is one line.

Source: SPEC 7.2 and 7.5, 11.C11, C20.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from opto.formats import on_one_line
from opto.optimizers.fences import fenced, indented, line_of, marks, within

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from opto.optimizers.fences import Marks
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

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags that mean something in a problem."""

    def variables(self, values: Collection[Shown], titles: tuple[str, ...]) -> str:
        """Values that may be changed.

        Args:
            values: the values.
            titles: lines that would begin a section.
        """

    def others(self, values: Collection[Shown], titles: tuple[str, ...]) -> str:
        """Values that may not."""

    def constraints(self, values: Collection[Shown]) -> str:
        """What new values must keep to, where that stands in a section of its own."""

    def tries(self, memory: Collection[Episode], titles: tuple[str, ...]) -> str:
        """Earlier rounds, the oldest first."""


@dataclass(frozen=True, slots=True)
class Lines:
    """``(type) name=value``, and a fence round what is no plain line."""

    @property
    def words(self) -> Mapping[str, str]:
        """None."""
        return {}

    @property
    def tags(self) -> tuple[str, ...]:
        """None."""
        return ()

    def variables(self, values: Collection[Shown], titles: tuple[str, ...]) -> str:
        """A value a line."""
        own = marks(titles)
        return "\n".join(_line(value, own) for value in values)

    others = variables

    def constraints(self, values: Collection[Shown]) -> str:
        """A constraint a line."""
        return "\n".join(f"{_head(v)}: {indented(v.constraint)}" for v in values if v.constraint)

    def tries(self, memory: Collection[Episode], titles: tuple[str, ...]) -> str:  # noqa: ARG002 - as in `Writing`
        """A round a line, as JSON: in it, no text can pretend to be another part."""
        return "\n".join(map(str, memory))


def _line(value: Shown, own: Marks) -> str:
    if value.kind == "code":
        return f"{_head(value)}:\n{fenced(value.text, 'python', own)}"
    return f"{_head(value)}={line_of(value.text, own)}"


def _head(value: Shown) -> str:
    return on_one_line(f"({value.kind}) {value.name}")


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

    @property
    def tags(self) -> tuple[str, ...]:
        """Those of values, and of earlier rounds."""
        return (self.variable, self.node, self.value, self.constraint, "round", "feedback")

    def variables(self, values: Collection[Shown], titles: tuple[str, ...]) -> str:
        """An element each, a blank line between them."""
        own = marks(titles, self.tags)
        return "\n\n".join(self._element(self.variable, v, own) for v in values)

    def others(self, values: Collection[Shown], titles: tuple[str, ...]) -> str:
        """An element each, of another tag."""
        own = marks(titles, self.tags)
        return "\n\n".join(self._element(self.node, v, own) for v in values)

    def constraints(self, values: Collection[Shown]) -> str:  # noqa: ARG002 - as in `Writing`
        """None: they stand in the elements."""
        return ""

    def tries(self, memory: Collection[Episode], titles: tuple[str, ...]) -> str:
        """Each round with its values, and what was said about the outputs."""
        rounds, own = [], marks(titles, self.tags)
        for number, (variables, feedback) in enumerate(memory, 1):
            values = [
                self._element(self.variable, Shown(k, str(v), ""), own)
                for k, v in variables.items()
            ]
            said = f"<feedback>\n{within(feedback, own)}\n</feedback>"
            rounds.append("\n".join([f'<round number="{number}">', *values, said, "</round>"]))
        return "\n".join(rounds)

    def _element(self, tag: str, value: Shown, own: Marks) -> str:
        kind = f' type="{escape(value.kind)}"' if value.kind else ""
        head = on_one_line(f'<{tag} name="{escape(value.name)}"{kind}>')
        language = "python" if value.kind == "code" else ""
        parts = [head, f"<{self.value}>", within(value.text, own, language), f"</{self.value}>"]
        if value.constraint:
            text = within(value.constraint, own)
            parts += [f"<{self.constraint}>", text, f"</{self.constraint}>"]
        return "\n".join([*parts, f"</{tag}>"])
