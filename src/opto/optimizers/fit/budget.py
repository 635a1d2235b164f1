"""How many tokens a problem may have, and how many it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opto.errors import OptimizerError

__all__ = ["DEFAULT", "Budget", "budget_of"]

DEFAULT = 16_000
"""Tokens for a problem where the model's context is not known."""

MOST = 64_000
LEAST = 500
# For the system's words, the closing and some memory, beside the problem and the answer.
AROUND = 2000
ANSWER = 4096
PIECE = 20_000


@dataclass(frozen=True, slots=True)
class Budget:
    """A number of tokens, and the model whose tokens they are.

    Args:
        tokens: how many a text may have.
        model: the model's name: its own tokenizer counts where that is at hand, and an
            estimate does otherwise, see `opto.llm.tokens.count_text`.

    Example:
        >>> Budget(10).allows("few words"), Budget(10).allows("many words " * 10)
        (True, False)
    """

    tokens: int
    model: str | None = None

    def allows(self, text: str) -> bool:
        """Whether a text is within the budget."""
        return self.allows_within(text, self.tokens)

    def allows_within(self, text: str, tokens: int) -> bool:
        """Whether a text has at most so many tokens."""
        # No tokenizer makes more than one token of a byte.
        if len(text.encode("utf-8", "surrogatepass")) <= tokens:
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


def budget_of(llm: Any, max_tokens: int | None = None, tokens: int | None = None) -> Budget:
    """The budget of problems that a model is to read.

    Args:
        llm: the model.
        max_tokens: the longest answer, which has to be in the context too.
        tokens: the budget where the user said it. None for what the model's context leaves
            beside the answer and 2,000 tokens for all else, at most 64,000; where the
            context is not known, 16,000. Known is the context of a local model.

    Raises:
        OptimizerError: `tokens` is no number of tokens.
    """
    model = getattr(llm, "model_name", None)
    name = model if isinstance(model, str) else None
    if tokens is not None:
        if type(tokens) is not int or tokens < 1:
            raise OptimizerError(f"token_budget must be a whole number from 1 on, not {tokens!r}")
        return Budget(tokens, name)
    context = getattr(llm, "context", None)
    if not isinstance(context, int):
        return Budget(DEFAULT, name)
    left = context - min(max_tokens or ANSWER, context // 4) - min(AROUND, context // 8)
    return Budget(max(LEAST, min(MOST, left)), name)
