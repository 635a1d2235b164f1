"""What an answer costs: the user's table first, then the one that LiteLLM brings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError
from opto.llm.packages import installed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opto.llm.types import Usage

__all__ = ["FREE", "Price", "Prices", "context_of"]

# The table lies in LiteLLM's package. It is read from there: importing LiteLLM takes
# seconds, and it would download the table anew.
TABLE = "model_prices_and_context_window_backup.json"
TIER = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs, in US dollars for a million tokens.

    Args:
        prompt: for a million tokens that are read.
        completion: for a million tokens that are written, thinking included.
        longest: the longest answer that the model gives, in tokens; None if not known.
        tiers: for long prompts other prices: (more tokens than this, prompt, completion).

    Example:
        >>> Price(2.5, 10.0).of(prompt_tokens=1000, completion_tokens=100)
        0.0035
    """

    prompt: float
    completion: float
    longest: int | None = None
    tiers: tuple[tuple[int, float, float], ...] = ()

    def __post_init__(self) -> None:
        for rate in (self.prompt, self.completion):
            if not 0 <= rate < float("inf"):
                raise ArgumentError(
                    f"a price is a number of US dollars for a million tokens, not {rate!r}"
                )

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """US dollars for one answer."""
        read, written = self.prompt, self.completion
        for above, *rates in sorted(self.tiers):
            if prompt_tokens > above:
                read, written = rates
        return (read * prompt_tokens + written * completion_tokens) / MILLION

    def upper(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The most that an answer costs with at most so many tokens."""
        rates = [(self.prompt, self.completion)]
        rates += [(read, written) for above, read, written in self.tiers if prompt_tokens > above]
        read = max(rate for rate, _ in rates)
        written = max(rate for _, rate in rates)
        return (read * prompt_tokens + written * completion_tokens) / MILLION


FREE = Price(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by the name of the model.

    A model that is in neither table has no price: that is None, and never zero. What
    runs on your own machine is `FREE` if you say so. LiteLLM's table counts what the
    provider reads from or writes to its cache of prompts as ordinary prompt.

    Args:
        own: your prices, which go before all others.
        litellm: whether to look into the table of LiteLLM where that is installed. It
            is read from the installed package; nothing is fetched.

    Example:
        >>> from opto.llm import Usage
        >>> prices = Prices({"mine": Price(1.0, 2.0)}, litellm=False)
        >>> prices.cost("mine", Usage(500_000, 250_000))
        1.0
        >>> prices.cost("another", Usage(500_000, 250_000)) is None
        True
    """

    own: Mapping[str, Price] = field(default_factory=dict)
    litellm: bool = True

    def find(self, model: str | None) -> Price | None:
        """The price of a model; None where nobody knows it."""
        if model is None:
            return None
        if model in self.own:
            return self.own[model]
        return _listed(model) if self.litellm else None

    def cost(self, model: str | None, usage: Usage) -> float | None:
        """US dollars for one answer: by your table, else as its backend said, else by LiteLLM's.

        Returns:
            None where the price is not known, or where nobody counted the tokens.
        """
        own = self.own.get(model) if model is not None else None
        if own is None and usage.cost_usd is not None:
            return usage.cost_usd
        price = own or self.find(model)
        if price is None or (not usage.total_tokens and price != FREE):
            return None
        return price.of(usage.prompt_tokens, usage.completion_tokens)


def context_of(model: str) -> int | None:
    """The tokens that a model reads at most, by LiteLLM's table; None where it is not there.

    Example:
        >>> context_of("a model that nobody knows") is None
        True
    """
    tokens = (_entry(model) or {}).get("max_input_tokens")
    return tokens if isinstance(tokens, int) and tokens > 0 else None


def _listed(model: str) -> Price | None:
    entry = _entry(model)
    return None if entry is None else _price(entry)


def _entry(model: str) -> Mapping[str, Any] | None:
    table = _table()
    provider, _, name = model.partition("/")
    entry = table.get(model)
    # "openai/gpt-4o" is listed as "gpt-4o", whose provider is OpenAI.
    if entry is None and name in table and table[name].get("litellm_provider") == provider:
        entry = table[name]
    return entry


def _price(entry: Mapping[str, Any]) -> Price | None:
    read, written = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
    if read is None or written is None:  # it is paid by the second, picture or page
        return None
    tiers = []
    for key, rate in entry.items():
        if (found := TIER.fullmatch(key)) and rate is not None:
            over = entry.get(key.replace("input", "output")) or written
            tiers.append((int(found[1]) * 1000, rate * MILLION, over * MILLION))
    longest = entry.get("max_output_tokens")
    return Price(
        read * MILLION,
        written * MILLION,
        longest if isinstance(longest, int) else None,
        tuple(sorted(tiers)),
    )


def _table() -> Mapping[str, Mapping[str, Any]]:
    """LiteLLM's table; empty where LiteLLM is not installed."""
    from importlib.util import find_spec  # lazy: 3 ms that importing this room need not cost

    spec = find_spec("litellm") if installed("litellm") else None
    if spec is None or spec.origin is None:
        return {}
    path = Path(spec.origin).with_name(TABLE)
    return _read(path) if path.exists() else {}


@cache
def _read(path: Path) -> Mapping[str, Mapping[str, Any]]:
    from json import loads  # lazy: 3 ms that importing this room need not cost

    table: dict[str, Mapping[str, Any]] = loads(path.read_text(encoding="utf-8"))
    return table
