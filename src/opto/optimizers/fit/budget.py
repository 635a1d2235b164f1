"""How many tokens a prompt may have, and how many it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opto.errors import OptimizerError
from opto.llm.layers import layers
from opto.llm.port import LLM

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DEFAULT", "LARGEST", "Budget", "budget_of"]

DEFAULT = 32_000
"""Tokens of a prompt where the model's context is not known."""

LARGEST = 64_000
"""Tokens of a prompt, however large the context is, unless parameters take more."""

ANSWER = 4096
# An answer that was of no use is shown when it is asked for again.
REPAIR = 600
# What an estimate says may be that much of what the model's own tokenizer finds.
CERTAIN = 0.8
PIECE = 20_000


@dataclass(frozen=True, slots=True)
class Budget:
    """A number of tokens, and the model whose tokens they are.

    Args:
        tokens: how many a prompt shall have at most.
        most: how many it may have where parameters alone take more than `tokens`; None
            where nobody knows.
        model: the model's name: its own tokenizer counts where that lies on this disk, and
            an estimate does otherwise, see `opto.llm.tokens.count_text`. None for an estimate.

    Example:
        >>> Budget(10).allows("few words"), Budget(10).allows("many words " * 10)
        (True, False)
    """

    tokens: int
    most: int | None = None
    model: str | None = None

    def allows(self, text: str, tokens: int | None = None) -> bool:
        """Whether a text has at most so many tokens, or as many as the budget has."""
        tokens = self.tokens if tokens is None else tokens
        # No tokenizer makes more than one token of a byte.
        if 4 * len(text) <= tokens or len(text.encode("utf-8", "surrogatepass")) <= tokens:
            return True
        return self.count(text, tokens) <= tokens

    def count(self, text: str, enough: int | None = None) -> int:
        """The tokens of a text; counting ends soon after `enough`."""
        from opto.llm.tokens import count_text  # lazy: short problems are never counted

        total = 0
        for start in range(0, len(text), PIECE):
            total += count_text(text[start : start + PIECE], self.model).tokens
            if enough is not None and total > enough:
                break
        return total


def budget_of(
    models: Iterable[Any], max_tokens: int | None = None, tokens: int | None = None
) -> Budget:
    """The budget of a prompt that each of some models is to read.

    Args:
        models: the models.
        max_tokens: the longest answer, which has to be in the context too.
        tokens: the budget where the user said it. None for what the smallest context leaves
            beside the answer, at most `LARGEST`; where no context is known, `DEFAULT`.

    Raises:
        OptimizerError: `tokens` is no number of tokens.
    """
    known = [_known(model, max_tokens or ANSWER) for model in models]
    name = next((name for name, _ in known if name), None)
    if tokens is not None:
        if type(tokens) is not int or tokens < 1:
            raise OptimizerError(f"token_budget must be a whole number from 1 on, not {tokens!r}")
        return Budget(tokens, tokens, name)
    left = [room for _, room in known if room is not None]
    if not left:
        return Budget(DEFAULT, None, name)
    return Budget(min(LARGEST, *left), min(left), name)


def _known(model: Any, answer: int) -> tuple[str | None, int | None]:
    """A model's name, and what its context leaves for a prompt."""
    if not isinstance(model, LLM):  # of a callable, nobody knows whom it asks
        return None, None
    *_, source = layers(model)
    name = getattr(source, "model_name", None)
    name = name if isinstance(name, str) else None
    context = getattr(source, "context", None)
    if type(context) is int:
        # A local model counts only while it is loaded. Counted by it, a run that goes on from
        # its record would ask otherwise than it did at first, and all of it once more.
        name = None
    else:
        context = _listed(name)
    if context is None:
        return name, None
    longest = getattr(source, "max_tokens", None)
    answer = min(answer, longest) if type(longest) is int else answer
    left = context - min(answer, context // 2) - min(REPAIR, context // 8)
    return name, max(1, left if _counts(name) else int(left * CERTAIN))


def _listed(name: str | None) -> int | None:
    from opto.llm.prices import context_of  # lazy: not needed where the user or the model says it

    return None if name is None else context_of(name)


def _counts(name: str | None) -> bool:
    from opto.llm.tokenizers import tokenizer  # lazy: not needed where no context is known

    return name is not None and tokenizer(name) is not None
