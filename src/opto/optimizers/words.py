"""The words of OptoPrime's questions: prompts filled with a problem. Pure functions.

What is the same for all problems comes first, so that a provider's prompt cache, or a local
model's, need not read it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.formats import Field
from opto.optimizers.render import cut, fence_for, fenced
from opto.prompts import prompt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opto.formats import JSONFormat
    from opto.optimizers.memory import Episode

__all__ = ["objective_words", "repair_words", "system_words", "user_words"]

ANSWER_LIMIT = 2000
"""Characters of a useless answer that are shown when it is asked for again."""


def objective_words(titles: Mapping[str, str]) -> str:
    """What the model shall do, where the user did not say it."""
    return _filled("optoprime_objective", titles)


def system_words(form: JSONFormat, titles: Mapping[str, str], *, example: bool = False) -> str:
    """How to read a problem, and how to answer it.

    Args:
        form: the form of the answer.
        titles: the title of each section.
        example: whether a problem and its answer are shown.
    """
    shape = form.shape([Field("<name of a variable>", "its new value")])
    keys = {**titles, "reasoning": form.reasoning, "suggestion": form.suggestion}
    words = _filled("optoprime_system", {**keys, "shape": shape})
    return f"{words}\n\n{_filled('optoprime_example', keys)}" if example else words


def user_words(
    problem: Any,
    form: JSONFormat,
    fields: Sequence[Field],
    memory: Iterable[Episode] = (),
    *,
    highlight: bool = False,
) -> str:
    """The problem, what was tried before, and the form that the answer shall have.

    Args:
        problem: its sections, as text.
        form: the form of the answer.
        fields: what the answer may set.
        memory: earlier rounds, the oldest first.
        highlight: whether the variables are named once more.
    """
    parts = [str(problem)]
    tries = "\n".join(map(str, memory))
    if tries:
        parts.append(prompt("optoprime_memory").fill(tries=tries))
    if highlight:
        parts.append(prompt("optoprime_highlight").fill(names=", ".join(f.name for f in fields)))
    parts.append(prompt("optoprime_closing").fill(shape=form.shape(fields)))
    return "\n\n".join(parts)


def repair_words(user: str, answer: str, why: str) -> str:
    """The question once more, after an answer that was of no use.

    It begins as the question did, so that a prompt cache serves it.

    Args:
        user: the question.
        answer: what the model answered.
        why: what was wrong with it.
    """
    answer = cut(answer, ANSWER_LIMIT)
    shown = fenced(answer, fence_for([answer, user])) if answer.strip() else "(nothing)"
    return f"{user}\n\n{prompt('optoprime_repair').fill(answer=shown, why=why)}"


def _filled(name: str, values: Mapping[str, str]) -> str:
    words = prompt(name)
    return words.fill(**{field: values[field] for field in words.fields})
