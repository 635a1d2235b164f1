"""Names that the original's module has beside `TextGrad`, for programs that import them.

Source: SPEC 1.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.optimizers.render import fence_for, line_of, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["GradientInfo", "construct_reduce_prompt", "get_short_value", "rm_node_attrs"]


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
    fence = fence_for(texts)
    return "\n".join(f"- {line_of(text, fence)}" for text in texts)


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
