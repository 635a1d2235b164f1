"""A layer that keeps a model within a budget, and the estimate before a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError
from opto.llm.attempts import PerAttempt, as_sent
from opto.llm.failures import may_cost
from opto.llm.governor import was_sent
from opto.llm.ledger import Amount
from opto.llm.prices import Price, Prices
from opto.llm.tokens import bound, count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opto.llm.budget import Budget
    from opto.llm.port import LLM
    from opto.llm.types import Reply, Request, Usage

__all__ = ["Budgeted", "Estimate", "estimate"]


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
    cache outside of this layer: what comes out of a cache costs nothing.

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
        upper = self._upper(sent)
        what = f"the answer of {sent.model or 'the model'!r}"
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

    def _paid(self, reply: Reply, sent: Request) -> Amount:
        if reply.usage.total_tokens:
            cost = self.prices.cost(sent.model, reply.usage)
            return Amount(cost, reply.usage.total_tokens, 1)
        try:
            return self._actual(reply, sent, self._upper(sent))
        except ArgumentError:  # nobody knows its price now, or how long it may have been
            return Amount(None, 0, 1)

    def _sent(self, request: Request) -> tuple[Request, Request]:
        """The request for the source, and as the model gets it."""
        sent = as_sent(self.source, request)
        if self.longest is None or _longest(sent) is not None:
            return request, sent
        longest = self.longest
        return replace(request, max_tokens=longest), replace(sent, max_tokens=longest)

    def _upper(self, sent: Request) -> Amount:
        price = self.prices.find(sent.model)
        if price is None and self.budget.usd is not None:
            raise ArgumentError(
                f"nobody knows the price of {sent.model!r}, so that a budget in US dollars "
                f"cannot hold; give Budgeted(..., prices={{{sent.model!r}: Price(read, written)}}) "
                f"in dollars for a million tokens (FREE for a model on this machine), or limit "
                f"tokens= or calls= instead"
            )
        written = _most_written(sent, price)
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

    def _actual(self, reply: Reply, sent: Request, upper: Amount) -> Amount:
        if reply.recalled:  # the source has a record, and asked nobody
            return Amount()
        usd = self.prices.cost(sent.model, reply.usage)
        tokens = reply.usage.total_tokens or upper.tokens
        return Amount(upper.usd if usd is None else usd, tokens, 1)


MANY = 1_000_000_000


def _longest(sent: Request) -> int | None:
    for name in ("max_completion_tokens", "max_output_tokens"):
        if sent.max_tokens is None and sent.extra.get(name) is not None:
            return int(sent.extra[name])
    return sent.max_tokens


def _most_written(sent: Request, price: Price | None) -> int | None:
    longest = _longest(sent)
    if longest is None and price is not None:
        longest = price.longest
    answers: Any = sent.extra.get("n") or 1
    return None if longest is None else longest * int(answers)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What requests will cost, before they are sent: a range.

    Args:
        calls: how many requests there are.
        low: what is read, and one token written to each.
        likely: what is read, and as much written as in the history; None without one.
        high: the most that is read, and the longest answers; None where they may have
            any length.
        exact: whether all prompts were counted by the tokenizer of the model.
    """

    calls: int
    low: Amount
    likely: Amount | None
    high: Amount | None
    exact: bool


def estimate(
    requests: Iterable[Request],
    llm: LLM | None = None,
    *,
    prices: Mapping[str, Price] | Prices | None = None,
    history: Iterable[Usage] = (),
    longest: int | None = None,
) -> Estimate:
    """What `requests` will cost, before anything is sent; without retries.

    Args:
        requests: what will be asked.
        llm: who will be asked, for its name and defaults.
        prices: as of `Budgeted`. Where a price is not known, the sums in dollars are None.
        history: what answers to such requests have cost before.
        longest: as of `Budgeted`.

    Example:
        >>> from opto.llm import Price, Request
        >>> asked = [Request.of("Say hello.", model="mine", max_tokens=100)] * 10
        >>> cost = estimate(asked, prices={"mine": Price(1.0, 1.0)})
        >>> cost.calls, cost.low.usd < 0.001 < cost.high.usd
        (10, True)
    """
    table = prices if isinstance(prices, Prices) else Prices(prices or {})
    usages = list(history)
    mean = sum(u.completion_tokens for u in usages) / len(usages) if usages else None
    low: list[Amount] = []
    likely: list[Amount] = []
    high: list[Amount | None] = []
    exact = True
    for request in requests:
        sent = request if llm is None else as_sent(llm, request)
        price = table.find(sent.model)
        prompt = count(sent)
        exact = exact and prompt.exact
        low.append(_amount(price, prompt.tokens, 1))
        written = _most_written(sent, price) if _longest(sent) is not None else longest
        written = _most_written(sent, price) if written is None else written
        high.append(None if written is None else _amount(price, bound(sent), written, upper=True))
        if mean is not None:
            likely.append(_amount(price, prompt.tokens, round(mean)))
    return Estimate(len(low), _sum(low), _sum(likely) if usages else None, _whole(high), exact)


def _amount(price: Price | None, read: int, written: int, *, upper: bool = False) -> Amount:
    if price is None:
        return Amount(None, read + written, 1)
    usd = (price.upper if upper else price.of)(read, written)
    return Amount(usd, read + written, 1)


def _sum(amounts: list[Amount]) -> Amount:
    money = [amount.usd for amount in amounts]
    known = [usd for usd in money if usd is not None]
    return Amount(
        sum(known) if len(known) == len(money) else None,
        sum(amount.tokens for amount in amounts),
        len(amounts),
    )


def _whole(amounts: list[Amount | None]) -> Amount | None:
    known = [amount for amount in amounts if amount is not None]
    return _sum(known) if len(known) == len(amounts) else None
