"""Names that the original's module has beside `TextGrad`, for programs that import them.

Source: SPEC 1.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError
from opto.optimizers.fences import alone, explained, line_of, marks
from opto.optimizers.render import safe_text
from opto.optimizers.textgrad_reading import IMPROVED
from opto.prompts import prompt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "GradientInfo",
    "construct_reduce_prompt",
    "construct_tgd_prompt",
    "get_short_value",
    "rm_node_attrs",
]


@dataclass(frozen=True, slots=True)
class GradientInfo:
    """What is wanted of a value, and what that was said in view of.

    Args:
        gradient: the wish.
        gradient_context: texts by what they tell; None for what a user said.
    """

    gradient: str
    gradient_context: Mapping[str, str] | None = None


def construct_reduce_prompt(gradients: Iterable[Any]) -> str:
    """Several wishes as a list for a model.

    Args:
        gradients: texts, or `GradientInfo`.

    Example:
        >>> print(construct_reduce_prompt(["longer", GradientInfo("kinder")]))
        - longer
        - kinder
    """
    texts = [safe_text(one.gradient if isinstance(one, GradientInfo) else one) for one in gradients]
    return explained("\n".join(f"- {line_of(text)}" for text in texts))


def construct_tgd_prompt(
    do_momentum: bool = False,
    do_constrained: bool = False,
    do_in_context_examples: bool = False,
    **optimizer_kwargs: Any,
) -> str | list[Any]:
    """The question for a new value of a variable.

    Args:
        do_momentum: show the values that it had, ``past_values``.
        do_constrained: show what is demanded of it, ``constraint_text``.
        do_in_context_examples: show ``in_context_examples``.
        **optimizer_kwargs: ``variable_grad``, what is wanted: a text, or a list of parts of a
            message; ``variable_value``, or else ``variable_short``; ``variable_desc``, what it
            is for; ``new_variable_start_tag`` and ``new_variable_end_tag``. Others are not used.

    Returns:
        The words; where what is wanted comes in parts, those parts and the words after them.

    Raises:
        ArgumentError: it is not said what is wanted, or of which value.

    Example:
        >>> question = construct_tgd_prompt(variable_value="Hi!", variable_grad="Be kinder.")
        >>> question.splitlines()[:2], question.splitlines()[-3:]
        (['# Variable', 'Hi!'], ['<IMPROVED_VARIABLE>', '...', '</IMPROVED_VARIABLE>'])
    """
    given = optimizer_kwargs
    value = given.get("variable_value", given.get("variable_short"))
    if "variable_grad" not in given or value is None:
        raise ArgumentError("construct_tgd_prompt() needs variable_grad=... and variable_value=...")
    wanted, desc = given["variable_grad"], given.get("variable_desc")
    in_parts = isinstance(wanted, list | tuple)
    shown = {
        "variable": value,
        "constraint": given.get("constraint_text") if do_constrained else None,
        "past": given.get("past_values") if do_momentum else None,
        "examples": given.get("in_context_examples") if do_in_context_examples else None,
        "wanted": "What the messages before this one say." if in_parts else wanted,
    }
    texts = {name: "(none)" if part is None else safe_text(part) for name, part in shown.items()}
    start = str(given.get("new_variable_start_tag", f"<{IMPROVED}>"))
    end = str(given.get("new_variable_end_tag", f"</{IMPROVED}>"))
    own = marks((start, end), (IMPROVED,))
    lines = {name: alone(text, own) for name, text in texts.items()}
    if desc:
        lines["variable"] = f"{alone(safe_text(desc), own)}:\n{lines['variable']}"
    words = explained(prompt("textgrad_tgd").fill(**lines, start=start, end=end))
    return [*wanted, words] if in_parts else words


def get_short_value(text: Any, n_words_offset: int = 10) -> str:
    """A value as its first and last words.

    Args:
        text: any value.
        n_words_offset: how many words at each end.

    Example:
        >>> get_short_value("one two three four five", 1)
        'one (...) five'
    """
    words = safe_text(text).split()
    hidden = slice(n_words_offset, max(n_words_offset, len(words) - n_words_offset))
    if words[hidden]:
        words[hidden] = ["(...)"]
    return " ".join(words)


def rm_node_attrs(text: str) -> str:
    """A description without what stands in square brackets.

    Args:
        text: such as a node's ``_description``.

    Example:
        >>> rm_node_attrs("[add] x plus y")
        'x plus y'
    """
    return re.sub(r"\[[^\[\]]*\]", "", text).strip()
