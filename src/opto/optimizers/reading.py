"""From what was read in an answer to a proposal of typed values, and reasons for the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from json import dumps, loads
from typing import TYPE_CHECKING, Any

from opto.errors import AnswerError
from opto.formats import plainly_marked
from opto.optimizers.code import new_version
from opto.optimizers.convert import convert, same
from opto.optimizers.proposal import Proposal, Refusal, put_through
from opto.optimizers.render import shown

if TYPE_CHECKING:
    from opto.formats import Parsed
    from opto.llm import Reply
    from opto.optimizers.problem import Problem

__all__ = ["answer_in", "proposal_of", "typed"]

_SAID = {"name", "type", "value", "constraint", "description"}
_SHOWN = (int, float, complex, list, tuple, dict, set, frozenset, Enum)
"""Values that a text can show; one that is a text itself, or is made of one, is not looked into."""

_ASSIGNED = r"""^[\s`*"']*{}[\s`*"']*(?::=|[:=])\s*"""
"""What stands before a value that is written as an assignment to the variable."""

_NEARLY = re.compile(
    r"(?:about|around|approx(?:imately|\.)?|roughly|circa|ca\.|exactly|[=~≈])\s*"
    r"(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\.?",
    re.IGNORECASE,
)
"""A number, and no more than a word that says how sure it is."""


def answer_in(reply: Reply) -> str:
    """The text of an answer; where the model called tools as well, with the calls' arguments.

    A tool takes what was asked for as an object, so that its arguments are an answer in JSON.
    Thoughts at the beginning are marked as all readers know them, however the model does it.

    Args:
        reply: what the model answered.

    Example:
        >>> from opto.llm import Reply
        >>> call = {"function": {"name": "set", "arguments": '{"x0": 5}'}}
        >>> message = {"content": None, "tool_calls": [call]}
        >>> answer_in(Reply.read({"choices": [{"message": message}]}))
        '{"x0": 5}'
    """
    if reply.raw is None:  # a text, and nothing besides
        return plainly_marked(reply.text)
    message = reply.choices[0].message
    calls = getattr(message, "tool_calls", None)
    calls = list(calls) if isinstance(calls, list | tuple) else []
    given = [_of(_of(call, "function"), "arguments") for call in calls]
    given.append(_of(getattr(message, "function_call", None), "arguments"))
    texts = _joined([part for part in given if part])
    return plainly_marked("\n".join(filter(None, (reply.text, *texts))))


def _of(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)


def _joined(given: list[Any]) -> list[str]:
    """The arguments of calls as texts; those of several calls, of which each is a part, as one."""
    read = [_object(part) for part in given]
    if len(read) < 2 or None in read:
        return [part if isinstance(part, str) else _json(part) for part in given]
    whole: dict[str, Any] = {}
    for part in filter(None, read):
        named = part.keys() == {"name", "value"} and isinstance(part["name"], str)
        for key, value in ({part["name"]: part["value"]} if named else part).items():
            both = isinstance(value, dict) and isinstance(whole.get(key), dict)
            whole[key] = {**whole[key], **value} if both else value
    return [_json(whole)]


def _object(part: Any) -> dict[str, Any] | None:
    try:
        read = loads(part) if isinstance(part, str) else part
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _json(arguments: Any) -> str:
    try:
        return dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict | list) else ""
    except (TypeError, ValueError, RecursionError):  # a client's own types
        return ""


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
    # A parameter that the run did not use is none of the variables that were asked for.
    beyond = {name: given for name, given in parsed.unknown.items() if name in problem.current}
    for name, given in {**parsed.values, **beyond}.items():
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
    known = ", ".join([field.name for field in problem.fields] or problem.current)
    refused += [
        Refusal(name, shown(given), f"there is no variable of this name; there is {known}")
        for name, given in parsed.unknown.items()
        if name not in beyond
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
    try:
        return _typed(name, given, problem)
    except AnswerError:
        if not _describes(given, name):
            raise
    value, liberties = _typed(name, given["value"], problem)
    return value, (f"the value of {name!r} in an object that describes it", *liberties)


def _describes(given: Any, name: str) -> bool:
    """Whether an object is a value with what a prompt says of it, as models copy that."""
    if not isinstance(given, Mapping) or "value" not in given or not _SAID.issuperset(given):
        return False
    return bool(given.get("name", name) == name)


def _typed(name: str, given: Any, problem: Problem) -> tuple[Any, tuple[str, ...]]:
    current = problem.current[name]
    try:
        if name in problem.heads:
            return new_version(given, problem.heads[name])
        if not isinstance(given, str) or not isinstance(current, _SHOWN):
            return convert(given, current), ()
        text = re.sub(_ASSIGNED.format(re.escape(name)), "", given)
        number = _NEARLY.fullmatch(text.strip())
        if number and isinstance(current, int | float) and not isinstance(current, bool):
            text = number["number"]
        return convert(text, current), () if text == given else (f"{given!r} read as {text}",)
    except (RecursionError, MemoryError) as cause:
        raise AnswerError("it is too large or nests too deeply") from cause
