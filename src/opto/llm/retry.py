"""Asking again, politely: how often, how long between, and when to give up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from opto.errors import ModelUnavailable, OptoError
from opto.llm.live import pause

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.llm.failures import Failure
    from opto.llm.live import Live

__all__ = ["Retry"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """When a failed call is tried again.

    Between two attempts lies what the provider asks for in ``Retry-After``, else a
    time that doubles from `base_delay` on up to `max_delay`; a random part is
    added, so that many clients do not come back at one moment.

    Args:
        max_retries: how often a call is tried again at most.
        base_delay: seconds before the first retry.
        max_delay: seconds between two attempts at most, where the provider asks
            for nothing else.
        patience: seconds after the first attempt at which no further one starts.

    Example:
        >>> Retry(max_retries=0).run(lambda: "at once", judge=None, who="the model")
        'at once'
    """

    max_retries: int = 10
    base_delay: float = 1.0
    max_delay: float = 30.0
    patience: float = 120.0

    def run(
        self,
        call: Callable[[], T],
        *,
        judge: Callable[[BaseException], Failure],
        who: str,
        live: Live | None = None,
    ) -> T:
        """The result of `call`, tried as often as this allows.

        Once a part of the text was given to somebody who listens, no attempt follows: it
        would tell the beginning twice.

        Args:
            call: takes nothing.
            judge: what an exception of it means.
            who: names the model in messages.
            live: what accompanies the question.

        Raises:
            ModelUnavailable: the last attempt failed in a way that may pass.
            ModelRefused: an attempt failed in a way that will not.
            asyncio.CancelledError: nobody wants the result any more.
        """
        # lazy: 40 ms of import, paid by the first question
        import tenacity

        grows = tenacity.wait_exponential(self.base_delay, self.max_delay)
        varies = tenacity.wait_random(0, self.base_delay)

        def wait(state: tenacity.RetryCallState) -> float:
            asked = judge(_error(state)).wait
            return varies(state) + (grows(state) if asked is None else asked)

        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception(
                lambda error: not _told(live) and judge(error).transient
            ),
            sleep=partial(pause, live),
            wait=wait,
            stop=tenacity.stop_after_attempt(self.max_retries + 1)
            | tenacity.stop_before_delay(self.patience),
            before_sleep=lambda state: _note(who, judge(_error(state)), state),
            reraise=True,
        )
        start = monotonic()
        try:
            return attempts(call)
        except Exception as error:
            if isinstance(error, OptoError) and not isinstance(error, ModelUnavailable):
                raise  # it is final, and said in our words already
            number = attempts.statistics["attempt_number"]
            failure = judge(error)
            if told := _told(live):
                end = f"the text had come to {told} characters, and is not asked for again"
                failure = replace(failure, meaning=f"{failure.meaning}; {end}")
            raise failure.as_error(who, number, monotonic() - start) from error


def _told(live: Live | None) -> int:
    return 0 if live is None else live.given


def _error(state: Any) -> BaseException:
    error: BaseException = state.outcome.exception()
    return error


def _note(who: str, failure: Failure, state: Any) -> None:
    # lazy: whoever gets here has waited for a network already
    from logging import getLogger

    getLogger("opto.llm").info(
        "%s: %s; attempt %d follows in %.1f s",
        who,
        failure.meaning,
        state.attempt_number + 1,
        state.upcoming_sleep,
    )
