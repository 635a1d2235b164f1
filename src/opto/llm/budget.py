"""A budget: what a run may cost, and what it has cost so far."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError, BudgetExceeded
from opto.llm.ledger import Amount, Ledger, Limits, Standing, opened
from opto.llm.shared import as_given

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from opto.llm.live import Live

__all__ = ["Budget"]

LIMITS = tuple(f.name for f in fields(Limits))
# Seconds after which a process looks whether another one has settled.
LOOK_AGAIN = 0.05


@dataclass(frozen=True, kw_only=True, repr=False)
class Budget:
    """Limits for all models that share it: optimizer, agent and judge together.

    What a call may cost at most is reserved before it is sent, and settled when it is
    done; so calls at the same time never end above a limit. A call that does not fit
    while others are under way waits for them, for what they do not need. Only then
    is it refused, before anything is sent.

    Args:
        usd: US dollars in all.
        tokens: tokens read and written in all.
        calls: attempts in all; one that is tried again counts again, unless the
            provider turned it down or was not reached.
        seconds: wall-clock time from the first call on, pauses included. It is looked at
            before a call; one that is under way is not cut off.
        path: a SQLite file; every budget of that path, in all processes of this machine
            and in later runs, shares what is spent. None for this process alone.
        lease: seconds that the reservation of a killed process stays; then it is given
            back. It must be longer than a call takes.

    Raises:
        ArgumentError: there is no limit, or one is not a number above zero.

    Example:
        >>> budget = Budget(usd=1.0, calls=2)
        >>> ticket = budget.reserve(Amount(usd=0.75, tokens=900, calls=1))
        >>> budget.settle(ticket, Amount(usd=0.25, tokens=400, calls=1))
        >>> budget.left
        {'usd': 0.75, 'calls': 1}

    Source: issue 4, point 5.
    """

    usd: float | None = None
    tokens: int | None = None
    calls: int | None = None
    seconds: float | None = None
    path: str | PathLike[str] | None = None
    lease: float = 600.0
    _ledger: Ledger | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in (*LIMITS, "lease")}
        for name, limit in given.items():
            if limit is not None and not _is_limit(limit):
                raise ArgumentError(
                    f"Budget({name}=...) must be a number above zero, not {limit!r}"
                )
        if all(given[name] is None for name in LIMITS):
            raise ArgumentError("a budget needs a limit: usd=, tokens=, calls= or seconds=")
        if self._ledger is None:
            object.__setattr__(self, "_ledger", opened(self.path, self.lease))

    def __repr__(self) -> str:
        return as_given(self)

    @property
    def account(self) -> Standing:
        """What is spent and reserved now."""
        return self._account.standing()

    @property
    def left(self) -> Mapping[str, float | None]:
        """What remains of each limit, after what is spent and reserved; None: not known."""
        standing = self.account
        left: dict[str, float | None] = {}
        for name in LIMITS:
            limit = getattr(self, name)
            if limit is not None:
                used = _used(standing, name)
                left[name] = None if used is None else max(limit - used, 0)
        return left

    def raised(self, **limits: float) -> Budget:
        """This budget with higher limits: what is spent stays spent.

        Args:
            **limits: the new limits by name, each in all and not in addition.

        Raises:
            ArgumentError: a limit has no such name, or would be lower.

        Example:
            >>> Budget(usd=1.0).raised(usd=2.0)
            Budget(usd=2.0)
        """
        if unknown := set(limits) - set(LIMITS):
            raise ArgumentError.unknown("Budget.raised()", sorted(unknown), LIMITS)
        for name, limit in limits.items():
            before = getattr(self, name)
            if before is None or limit < before:
                raise ArgumentError(
                    f"the budget has {name}={before}; raised({name}={limit!r}) would lower it: "
                    f"a limit is given as what may be spent in all"
                )
        changes: dict[str, Any] = dict(limits)
        return replace(self, **changes)

    def reserve(self, asked: Amount, what: str = "the call", live: Live | None = None) -> int:
        """Set aside what a call may cost at most; wait for calls under way where that can help.

        Args:
            asked: the upper estimate.
            what: names the call in the message.
            live: what accompanies the call; when it is cancelled, waiting ends.

        Returns:
            The ticket to settle with.

        Raises:
            BudgetExceeded: it does not fit, whatever the calls under way will cost.
        """
        limits = Limits(*(getattr(self, name) for name in LIMITS))
        start = monotonic()
        while True:
            ticket, standing = self._account.reserve(asked, limits)
            if ticket is not None:
                return ticket
            broken = limits.broken(standing, asked, with_reserved=False)
            if broken or monotonic() - start > self.lease:
                name = broken or str(limits.broken(standing, asked, with_reserved=True))
                raise BudgetExceeded(self._refusal(name, asked, standing, what))
            if live is not None:
                live.check()
            self._account.shared.wait(LOOK_AGAIN)

    def settle(self, ticket: int, actual: Amount) -> None:
        """Put what a call has cost in the place of what was reserved for it."""
        self._account.settle(ticket, actual)

    def charge(self, actual: Amount) -> None:
        """Add what was spent without having been reserved, whatever the limits say."""
        self._account.settle(None, actual)

    @property
    def _account(self) -> Ledger:
        if self._ledger is None:
            raise ArgumentError("a budget is made by Budget(...)")
        return self._ledger

    def _refusal(self, name: str, asked: Amount, standing: Standing, what: str) -> str:
        limit = getattr(self, name)
        spent, reserved = (_said(name, _part(standing, side, name)) for side in SIDES)
        more = f"budget.raised({name}={limit * 2:g})"
        if name == "seconds":
            need = f"its {_said(name, limit)} are over"
        else:
            need = f"{what} may take up to {_said(name, getattr(asked, name))}"
        return (
            f"nothing was sent, for the budget does not allow it: {need}; of {_said(name, limit)}, "
            f"{spent} are spent and {reserved} reserved by calls under way, so that "
            f"{_said(name, self._rest(name, standing))} are left. What was answered is kept; go "
            f"on with a higher limit, such as {more}"
        )

    def _rest(self, name: str, standing: Standing) -> float | None:
        used = _used(standing, name)
        return None if used is None else max(getattr(self, name) - used, 0)


SIDES = ("spent", "reserved")


def _is_limit(limit: object) -> bool:
    number = isinstance(limit, (int, float)) and not isinstance(limit, bool)
    return number and 0 < limit < float("inf")  # type: ignore[operator]


def _part(standing: Standing, side: str, name: str) -> float | None:
    if name == "seconds":
        return standing.seconds if side == "spent" else 0.0
    part: float | None = getattr(getattr(standing, side), name)
    return part


def _used(standing: Standing, name: str) -> float | None:
    spent, reserved = (_part(standing, side, name) for side in SIDES)
    return None if spent is None or reserved is None else spent + reserved


def _said(name: str, amount: float | None) -> str:
    if amount is None:
        return "an unknown amount"
    return f"${amount:.6g}" if name == "usd" else f"{amount:.10g} {name}"
