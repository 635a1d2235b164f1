"""From what was read in an answer to a proposal of typed values, and reasons for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.errors import AnswerError
from opto.optimizers.code import new_version
from opto.optimizers.convert import convert, same
from opto.optimizers.proposal import Proposal, Refusal
from opto.optimizers.render import shown

if TYPE_CHECKING:
    from opto.formats import Parsed
    from opto.optimizers.problem import Problem

__all__ = ["proposal_of", "typed"]


def proposal_of(parsed: Parsed, problem: Problem) -> Proposal:
    """The values of an answer in the types of the parameters.

    Args:
        parsed: the answer.
        problem: what it answers, with the present values.
    """
    values: dict[str, Any] = {}
    repairs = list(parsed.repairs)
    refused = [Refusal(name, "", why) for name, why in parsed.refused.items()]
    unchanged = []
    for name, given in parsed.values.items():
        try:
            value, liberties = typed(name, given, problem)
        except AnswerError as error:
            refused.append(Refusal(name, shown(given), str(error)))
            continue
        repairs += liberties
        if same(value, problem.current[name]):
            unchanged.append(name)
        else:
            values[name] = value
    known = ", ".join(problem.current)
    refused += [
        Refusal(name, shown(given), f"there is no variable of this name; there is {known}")
        for name, given in parsed.unknown.items()
    ]
    return Proposal(
        values,
        tuple(refused),
        tuple(unchanged),
        given={**parsed.values, **parsed.unknown},
        reasoning=parsed.reasoning,
        repairs=tuple(repairs),
        failure=parsed.failure,
        stop=parsed.stop,
    )


def typed(name: str, given: Any, problem: Problem) -> tuple[Any, tuple[str, ...]]:
    """One value in the type of its parameter, and the liberties that were taken with it.

    Raises:
        AnswerError: it does not fit.
    """
    current = problem.current[name]
    try:
        if name in problem.heads:
            return new_version(given, problem.heads[name])
        return convert(given, current), ()
    except (RecursionError, MemoryError) as cause:
        raise AnswerError("it is too large or nests too deeply") from cause
