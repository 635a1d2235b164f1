"""The words of questions: prompts filled with a problem. Pure functions.

What is the same for all problems comes first, so that a provider's prompt cache, or a local
model's, need not read it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.formats import Field
from opto.optimizers.fences import alone, explained, fenced
from opto.optimizers.render import cut
from opto.prompts import prompt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opto.optimizers.dialect import Dialect
    from opto.optimizers.memory import Episode

__all__ = ["objective_words", "repair_words", "system_words", "tried_words", "user_words"]

_ANY = Field("<name of a variable>", "its new value")
_EXAMPLE = {"count0": 5}

ANSWER_LIMIT = 2000
"""Characters of a useless answer that are shown when it is asked for again."""


def objective_words(dialect: Dialect) -> str:
    """What the model shall do, where the user did not say it.

    Args:
        dialect: how the optimizer speaks.
    """
    return _filled(f"{dialect.family}_objective", dialect.words)


def system_words(dialect: Dialect, *, example: bool = False) -> str:
    """How to read a problem, and how to answer it.

    Args:
        dialect: how the optimizer speaks.
        example: whether a problem and its answer are shown.
    """
    words = {**dialect.words, "shape": dialect.format.shape([_ANY])}
    parts = [_filled(dialect.system, words)]
    parts.append(dialect.instruction or _filled(dialect.answer, words))
    if example:
        reasoning = str(prompt(f"{dialect.family}_example_reasoning"))
        written = dialect.written
        words["answer"] = (
            written(reasoning, _EXAMPLE) if written else dialect.format.write(_EXAMPLE, reasoning)
        )
        parts.append(_filled(dialect.example, words))
    return "\n\n".join(parts)


def user_words(
    problem: Any,
    dialect: Dialect,
    fields: Sequence[Field],
    memory: Iterable[Episode] = (),
    *,
    highlight: bool = False,
    left_out: int = 0,
) -> str:
    """The problem, what was tried before, and the form that the answer shall have.

    Args:
        problem: its sections, as text.
        dialect: how the optimizer speaks.
        fields: what the answer may set.
        memory: earlier rounds, the oldest first.
        highlight: whether the variables are named once more.
        left_out: how many rounds before these there is no room for.
    """
    parts = [str(problem)]
    tries = tried_words(dialect, list(memory))
    if left_out:
        tries = f"({left_out:,} earlier rounds are left out)\n{tries}".rstrip()
    if tries:
        parts.append(prompt(f"{dialect.family}_memory").fill(tries=tries))
    if highlight or dialect.instruction:
        parts.append(prompt("optoprime_highlight").fill(names=", ".join(f.name for f in fields)))
    if not dialect.instruction:
        parts.append(prompt("optoprime_closing").fill(shape=dialect.format.shape(fields)))
    return explained("\n\n".join(parts))


def tried_words(dialect: Dialect, memory: Sequence[Episode]) -> str:
    """Earlier rounds.

    Args:
        dialect: how the optimizer speaks.
        memory: the rounds, the oldest first.
    """
    return dialect.writing.tries(memory, tuple(dialect.titles.values()))


def repair_words(user: str, answer: str, why: str) -> str:
    """The question once more, after an answer that was of no use.

    It begins as the question did, so that a prompt cache serves it.

    Args:
        user: the question.
        answer: what the model answered.
        why: what was wrong with it.
    """
    answer = cut(answer, ANSWER_LIMIT)
    shown = fenced(answer) if answer.strip() else "(nothing)"
    again = prompt("optoprime_repair").fill(answer=shown, why=alone(why))
    return f"{user}\n\n{explained(again, user)}"


def _filled(name: str, values: Mapping[str, str]) -> str:
    words = prompt(name)
    return words.fill(**{field: values[field] for field in words.fields})
