"""What is proposed for the parameters, what is changed, and what was refused and why.

A `Proposal` speaks of names and values only, so that it can be stored and judged away from
the program. An `Update` knows the parameters. Nothing changes before `Update.apply`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from opto.llm import Usage
from opto.optimizers.convert import same
from opto.optimizers.render import shown
from opto.trace.written import mark, steps

if TYPE_CHECKING:
    from opto.llm import Reply

__all__ = ["Change", "Proposal", "Refusal", "Trial", "Update", "projected", "put_through"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A value that was not taken.

    Args:
        name: the variable, as the answer named it.
        text: the value that was given, in short; empty where there is none to show.
        why: the reason, in words that a model can act on.

    Example:
        >>> print(Refusal("x0", "'two'", "it must be a whole number"))
        x0: it must be a whole number
    """

    name: str
    text: str
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """New values by name, in the types of the parameters, and how they came about.

    Args:
        values: what is to change.
        refused: what was given and is not taken.
        unchanged: names that were given their present values.
        given: all that the answer gave, as it gave it.
        reasoning: what the model thought.
        repairs: liberties that were taken in reading the answer.
        failure: why nothing could be read; None if something was.
        stop: whether the model said that nothing is left to change.
        replies: the answers that it was read from, the last one counting.
        others: further proposals of the same step, where several were asked for.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    refused: tuple[Refusal, ...] = ()
    unchanged: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)
    reasoning: str = ""
    repairs: tuple[str, ...] = ()
    failure: str | None = None
    stop: bool = False
    replies: tuple[Reply, ...] = ()
    others: tuple[Proposal, ...] = ()

    @property
    def complaint(self) -> str | None:
        """What was wrong with an answer that gives nothing to use; None for one that does.

        An answer that wants no change is used.
        """
        if self.failure is not None:
            return self.failure
        if self.values or self.unchanged or not self.refused:
            return None
        return "\n".join(map(str, self.refused))


# Without ==, which for parameters and arrays compares values one by one.
@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A new value for a parameter.

    Args:
        parameter: the `ParameterNode`.
        name: what it is called in the problem.
        before: its present value.
        after: the value that is proposed.
    """

    parameter: Any
    name: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.name}: {shown(self.before)} -> {shown(self.after)}"


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Values that were tried out on the program.

    Args:
        changes: the values that it gave; none for the present values.
        score: what they were worth; None where the program could not be scored with them.
        failure: why it could not.
    """

    changes: tuple[Change, ...]
    score: float | None
    failure: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Update(Mapping[Any, Any]):
    """Changes that can be made and taken back, and the result of an optimizer's step.

    It is true when there are changes, and can be read as a dictionary of parameter to
    new value.

    Args:
        changes: what `apply` does.
        refused: what was proposed and is not taken, with reasons.
        proposal: where it comes from.
        trials: what was tried out: the present values, then the drafts in their order.
        replies: all answers of the step.

    Example:
        >>> from opto.trace import node
        >>> x = node(1, name="x", trainable=True)
        >>> update = Update.of({x: 2})
        >>> update.apply()
        >>> x.data
        2
        >>> update.undo()
        >>> x.data
        1
    """

    changes: tuple[Change, ...] = ()
    refused: tuple[Refusal, ...] = ()
    proposal: Proposal = field(default_factory=Proposal)
    trials: tuple[Trial, ...] = ()
    replies: tuple[Reply, ...] = ()

    @property
    def reply(self) -> Reply | None:
        """The model's answer that counted."""
        return self.proposal.replies[-1] if self.proposal.replies else None

    @property
    def usage(self) -> Usage:
        """What all answers of the step cost together."""
        return sum((reply.usage for reply in self.replies), Usage(cost_usd=0.0))

    @property
    def reasoning(self) -> str:
        """What the model thought."""
        return self.proposal.reasoning

    @property
    def repairs(self) -> tuple[str, ...]:
        """Liberties that were taken in reading the answer."""
        return self.proposal.repairs

    @property
    def failure(self) -> str | None:
        """Why no answer could be read; None if one could."""
        return self.proposal.failure

    @property
    def stop(self) -> bool:
        """Whether the model said that nothing is left to change."""
        return self.proposal.stop

    @classmethod
    def of(
        cls,
        values: Mapping[Any, Any],
        proposal: Proposal | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Update:
        """The update that gives parameters these values, as far as their projections allow.

        Args:
            values: new values by parameter.
            proposal: where they come from.
            parameters: the parameters by the names that they have in the problem.
        """
        proposal = proposal or Proposal()
        named = {id(parameter): name for name, parameter in (parameters or {}).items()}
        changes, refused, unchanged = [], list(proposal.refused), list(proposal.unchanged)
        for parameter, value in values.items():
            name = named.get(id(parameter), parameter.py_name)
            after, why = projected(parameter, value)
            if not parameter.trainable:
                why = "it is not trainable"
            if why is not None:
                refused.append(Refusal(name, shown(value), why))
            elif same(after, parameter._data):
                unchanged.append(name)
            else:
                # Whoever sets it, and in whatever way: an optimizer wrote it.
                mark(parameter, after)
                changes.append(Change(parameter, name, parameter._data, after))
        if len(unchanged) > len(proposal.unchanged):
            proposal = replace(proposal, unchanged=tuple(unchanged))
        return cls(tuple(changes), tuple(refused), proposal, replies=proposal.replies)

    def with_values(self, values: Mapping[Any, Any]) -> Update:
        """This update with other values, which came of those that it has.

        Args:
            values: new values by parameter.
        """
        names = {change.name: change.parameter for change in self.changes}
        made = Update.of(values, replace(self.proposal, refused=self.refused), names)
        return replace(made, trials=self.trials, replies=self.replies)

    def among(self, updates: Sequence[Update]) -> Update:
        """This update, which was chosen from `updates`, with what came of all of them."""
        if len(updates) == 1 and updates[0] is self:
            return self
        others = tuple(u.proposal for u in updates if u.proposal is not self.proposal)
        replies = tuple(reply for update in updates for reply in update.replies)
        return replace(self, proposal=replace(self.proposal, others=others), replies=replies)

    def apply(self) -> None:
        """Make the changes: all of them, or none if one cannot be made."""
        try:
            with steps([change.parameter for change in self.changes]):
                for change in self.changes:
                    change.parameter._set(change.after)
        except BaseException:
            self.undo()
            raise

    def undo(self) -> None:
        """Give the parameters the values back that they had when the update was made."""
        for change in self.changes:
            change.parameter._set(change.before)

    def __getitem__(self, parameter: Any) -> Any:
        # By identity: == of nodes compares their values.
        for change in self.changes:
            if change.parameter is parameter:
                return change.after
        raise KeyError(parameter)

    def __iter__(self) -> Iterator[Any]:
        return (change.parameter for change in self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def __repr__(self) -> str:
        parts = [*map(str, self.changes), *(f"refused {refusal}" for refusal in self.refused)]
        return f"Update({'; '.join(parts) or self.failure or 'no change'})"


def projected(parameter: Any, value: Any) -> tuple[Any, str | None]:
    """The value as the parameter's projections bring it into form, or why one refuses it."""
    return put_through(getattr(parameter, "projections", None) or (), value)


def put_through(projections: Iterable[Any], value: Any) -> tuple[Any, str | None]:
    """The value as projections bring it into form, one after the other, or why one refuses it."""
    for projection in projections:
        try:
            value = projection.project(value)
        except Exception as cause:  # noqa: BLE001 - a user's projection refuses as it likes
            return value, str(cause) or type(cause).__name__
    return value, None
