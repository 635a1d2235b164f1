"""From what was read in an answer to a proposal of typed values, and reasons for the rest."""

from __future__ import annotations

import re
from json import dumps
from typing import TYPE_CHECKING, Any

from opto.errors import AnswerError
from opto.optimizers.code import new_version
from opto.optimizers.convert import convert, same
from opto.optimizers.proposal import Proposal, Refusal, put_through
from opto.optimizers.render import shown

if TYPE_CHECKING:
    from opto.formats import Parsed
    from opto.llm import Reply
    from opto.optimizers.problem import Problem

__all__ = ["answer_in", "proposal_of", "typed"]

_NEARLY = re.compile(
    r"(?:about|around|approx(?:imately|\.)?|roughly|circa|ca\.|exactly|[=~≈])\s*"
    r"(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\.?",
    re.IGNORECASE,
)
"""A number, and no more than a word that says how sure it is."""


def answer_in(reply: Reply) -> str:
    """The text of an answer; where the model called a tool instead, the call's arguments.

    A tool takes what was asked for as an object, so that its arguments are an answer in JSON.

    Args:
        reply: what the model answered.

    Example:
        >>> from opto.llm import Reply
        >>> call = {"function": {"name": "set", "arguments": '{"x0": 5}'}}
        >>> message = {"content": None, "tool_calls": [call]}
        >>> answer_in(Reply.read({"choices": [{"message": message}]}))
        '{"x0": 5}'
    """
    calls = getattr(reply.choices[0].message, "tool_calls", None)
    calls = calls if isinstance(calls, list | tuple) else ()
    given = [_of(_of(call, "function"), "arguments") for call in calls]
    texts = [part if isinstance(part, str) else _json(part) for part in given if part]
    return "\n".join(texts) or reply.text


def _of(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)


def _json(arguments: Any) -> str:
    return dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict | list) else ""


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
    # Asked now, so that the reason can be told when it is asked for again; the value is
    # put through them when it is taken, and not twice.
    for name in [*values]:
        _, why = put_through(problem.projections.get(name, ()), values[name])
        if why is not None:
            refused.append(Refusal(name, shown(values.pop(name)), why))
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
        number = _NEARLY.fullmatch(given.strip()) if isinstance(given, str) else None
        if number and isinstance(current, int | float) and not isinstance(current, bool):
            return convert(number["number"], current), (f"{given!r} read as {number['number']}",)
        return convert(given, current), ()
    except (RecursionError, MemoryError) as cause:
        raise AnswerError("it is too large or nests too deeply") from cause
