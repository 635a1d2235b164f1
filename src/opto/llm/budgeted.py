"""A layer that keeps a model within a budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError
from opto.llm.attempts import PerAttempt, as_sent
from opto.llm.failures import may_cost
from opto.llm.governor import was_sent
from opto.llm.layers import layers
from opto.llm.ledger import Amount
from opto.llm.prices import Price, Prices
from opto.llm.tokens import bound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opto.llm.budget import Budget
    from opto.llm.port import LLM
    from opto.llm.types import Reply, Request

__all__ = ["Budgeted", "longest_of", "most_written"]


class Budgeted(PerAttempt):
    """A model that asks its budget before each attempt.

    How a call is settled:

    * answered: by the tokens that the server counted, at the price of your table, else
      as the backend said, else by LiteLLM's table; by the upper estimate where the
      server counted nothing;
    * turned down by the provider (any error status but a gateway's timeout), no
      connection made, or cancelled while it waited for its turn: given back, as
      providers do not charge for it;
    * no answer in time, or broken off: as its upper estimate, since the provider may have
      written the whole answer. The real bill can be lower.

    The upper estimate is the longest answer at the price of the model, and the prompt
    counted by the model's tokenizer, or by its bytes where that is not at hand. Put a
    cache outside of this layer: what comes out of a cache costs nothing. Of several models
    that are asked in turn (`AutoGenLLM`), it is that of the dearest, and what those may have
    cost that failed before is not seen; a layer around each of them sees it.

    Args:
        source: the model, or another layer.
        budget: what it may cost; many models may share one. It may be replaced by a
            higher one at any time: ``model.budget = model.budget.raised(usd=5.0)``.
        prices: your prices by the name of the model, which go before LiteLLM's.
        longest: tokens of the longest answer for requests that set no ``max_tokens``;
            it is sent as such. None for the model's own limit in the table of prices.

    Example:
        >>> from opto.llm import Budget, OpenAILLM, Price
        >>> model = Budgeted(
        ...     OpenAILLM("llama", base_url="http://127.0.0.1:8080/v1"),
        ...     Budget(usd=1.0),
        ...     prices={"llama": Price(0.1, 0.2)},
        ...     longest=1000,
        ... )
        >>> model.budget.left
        {'usd': 1.0}
    """

    def __init__(
        self,
        source: LLM,
        budget: Budget,
        *,
        prices: Mapping[str, Price] | Prices | None = None,
        longest: int | None = None,
    ) -> None:
        super().__init__(source)
        self.budget = budget
        self.prices = prices if isinstance(prices, Prices) else Prices(prices or {})
        self.longest = longest

    def _beside(self) -> Iterator[object]:
        yield self.budget

    def attempt(self, request: Request) -> Reply:
        """Ask the source once, if the budget allows what it may cost at most.

        Raises:
            BudgetExceeded: it does not; nothing was sent.
            ArgumentError: the price or the longest answer is not known, and a limit needs it.
            ModelError: the source did not answer.
        """
        asked, sent = self._sent(request)
        upper = self._most(sent)
        what = f"the answer of {sent[0].model or 'the model'!r}"
        ticket = self.budget.reserve(upper, what, request.live)
        try:
            reply = self.source.answer(asked)
        except BaseException as error:
            charged = was_sent(error) and may_cost(error)
            self.budget.settle(ticket, upper if charged else Amount())
            raise
        self.budget.settle(ticket, self._actual(reply, sent, upper))
        return reply if asked is request else replace(reply, request=request.digest)

    def recall(self, request: Request, reply: Reply) -> None:
        """Charge a reply out of the record of a run, which was paid for when it was given.

        Nothing is asked for and nothing refused: so a program that goes on from its record
        has spent what it had spent. A budget with a `path` knows that by itself. What is
        not in a record are attempts that brought no answer.

        Args:
            request: what was asked.
            reply: what was answered.
        """
        if self.budget.path is None:
            _, sent = self._sent(request)
            self.budget.charge(self._paid(reply, sent))

    def _paid(self, reply: Reply, sent: tuple[Request, ...]) -> Amount:
        if reply.usage.total_tokens:
            return Amount(self._cost(reply, sent), reply.usage.total_tokens, 1)
        try:
            return self._actual(reply, sent, self._most(sent))
        except ArgumentError:  # nobody knows its price now, or how long it may have been
            return Amount(None, 0, 1)

    def _sent(self, request: Request) -> tuple[Request, tuple[Request, ...]]:
        """The request for the source, and as each model gets it that may answer."""
        *_, model = layers(self.source)
        several = getattr(model, "models", None) or (self.source,)
        sent = tuple(as_sent(one, request) for one in several)
        if self.longest is None or all(longest_of(one) is not None for one in sent):
            return request, sent
        asked = replace(request, max_tokens=self.longest)
        return asked, tuple(as_sent(one, asked) for one in several)

    def _most(self, sent: tuple[Request, ...]) -> Amount:
        """The upper estimate: that of the dearest of those who may answer."""
        amounts = [self._upper(one) for one in sent]
        if len(amounts) == 1:
            return amounts[0]
        known = [amount.usd for amount in amounts if amount.usd is not None]
        usd = max(known) if len(known) == len(amounts) else None
        return Amount(usd, max(amount.tokens for amount in amounts), 1)

    def _upper(self, sent: Request) -> Amount:
        price = self.prices.find(sent.model)
        if price is None and self.budget.usd is not None:
            raise ArgumentError(
                f"nobody knows the price of {sent.model!r}, so that a budget in US dollars "
                f"cannot hold; give Budgeted(..., prices={{{sent.model!r}: Price(read, written)}}) "
                f"in dollars for a million tokens (FREE for a model on this machine), or limit "
                f"tokens= or calls= instead"
            )
        written = most_written(sent, price)
        if written is None:
            if self.budget.usd is None and self.budget.tokens is None:
                return Amount(None, 0, 1)
            if price is not None and not price.upper(MANY, MANY) and self.budget.tokens is None:
                return Amount(0.0, 0, 1)
            raise ArgumentError(
                f"an answer of {sent.model!r} may have any length, so that its cost has no upper "
                f"bound; give max_tokens= with the request, or Budgeted(..., longest=...)"
            )
        read = bound(sent)
        usd = None if price is None else price.upper(read, written)
        return Amount(usd, read + written, 1)

    def _actual(self, reply: Reply, sent: tuple[Request, ...], upper: Amount) -> Amount:
        if reply.recalled:  # the source has a record, and asked nobody
            return Amount()
        usd = self._cost(reply, sent)
        tokens = reply.usage.total_tokens or upper.tokens
        return Amount(upper.usd if usd is None else usd, tokens, 1)

    def _cost(self, reply: Reply, sent: tuple[Request, ...]) -> float | None:
        answering = [one.model for one in sent if one.model == reply.model]
        names = answering or [one.model for one in sent]
        costs = [self.prices.cost(name, reply.usage) for name in names]
        known = [cost for cost in costs if cost is not None]
        return max(known) if len(known) == len(costs) else None


MANY = 1_000_000_000


def longest_of(sent: Request) -> int | None:
    """Tokens of the longest answer that a request allows; None where it sets no limit."""
    for name in ("max_completion_tokens", "max_output_tokens"):
        if sent.max_tokens is None and sent.extra.get(name) is not None:
            return int(sent.extra[name])
    return sent.max_tokens


def most_written(sent: Request, price: Price | None) -> int | None:
    """Tokens that the answers to a request have at most; None where they may have any."""
    longest = longest_of(sent)
    if longest is None and price is not None:
        longest = price.longest
    answers: Any = sent.extra.get("n") or 1
    return None if longest is None else longest * int(answers)
