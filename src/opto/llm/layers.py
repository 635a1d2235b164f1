"""Everything that may stand around a model, in one place and in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto._plugs import plug
from opto.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    from opto.llm.budget import Budget
    from opto.llm.governor import Governor
    from opto.llm.prices import Price, Prices

__all__ = ["layered", "layers"]


def layered(
    model: Any,
    *,
    governor: Governor | None = None,
    budget: Budget | None = None,
    prices: Mapping[str, Price] | Prices | None = None,
    shaped: bool = False,
    journal: Any | str | PathLike[str] | None = None,
    cache: bool = False,
) -> Any:
    """A model within the layers that are asked for, each around those before it.

    From the inside out, and why so:

    1. The governor, next to the model: each attempt waits for its turn right before it is
       sent. Were it further out, a call could wait for money after its turn had come, and
       turns would be sent in bursts.
    2. The budget: each attempt is paid for, retries too. What does not fit is refused before
       it waits for a turn.
    3. The form: where a JSON schema goes into the prompt as words, these words are sent and
       paid for, so that the budget has to see them; and when a form is refused, asking again
       is another attempt.
    4. The journal, outermost: what is answered from it is neither paid for nor waits, and
       what was asked again inside stands in it once, with its last answer.

    What stands around all models of a program, a run and its telemetry, is around these.

    Args:
        model: the backend.
        governor: how fast it may be asked.
        budget: what it may cost.
        prices: for the budget, your prices by the name of the model.
        shaped: take JSON schemas whether the backend enforces them or not, see `Shaped`.
        journal: the journal, or its path; None for the user's own if there is `cache`.
        cache: answer from the journal what was answered before.

    Raises:
        ArgumentError: a budget or governor is none.
        StoreError: the journal cannot be used.

    Example:
        >>> from opto.llm import Budget, Governor, OpenAILLM
        >>> layered(OpenAILLM("tiny"), governor=Governor(concurrent=4), budget=Budget(calls=9))
        Budgeted(Governed(OpenAILLM('tiny'), Governor(concurrent=4)), Budget(calls=9))

    Source: issue 4, point 2.
    """
    if governor is not None:
        model = plug("layer.governed")(model, _checked("governor", governor, "turn"))
    if budget is not None:
        budget = _checked("budget", budget, "reserve")
        model = plug("layer.budgeted")(model, budget, prices=prices)
    if shaped:
        model = plug("layer.shaped")(model)
    if cache or journal is not None:
        model = plug("store.recorded")(model, journal, cache=cache)
    return model


def layers(llm: Any) -> Iterator[Any]:
    """A model and what is within it, from the outside in; the last is no layer.

    Example:
        >>> from opto.llm import Governed, Governor, ScriptedLLM
        >>> model = Governed(ScriptedLLM(["Hello"]), Governor(concurrent=4))
        >>> [type(one).__name__ for one in layers(model)]
        ['Governed', 'ScriptedLLM']
    """
    while llm is not None:
        yield llm
        llm = getattr(llm, "source", None)


EXAMPLES = {"budget": "Budget(usd=1.0)", "governor": "Governor(requests_per_minute=500)"}


def _checked(name: str, given: Any, method: str) -> Any:
    if not hasattr(given, method):
        raise ArgumentError(f"LLM({name}=...) takes one such as {EXAMPLES[name]}, not {given!r}")
    return given
