"""Several optimizers as one: each changes its own parameters, in one step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.errors import OptimizerError
from opto.optimizers.domains import is_numeric
from opto.optimizers.numeric import NumericOptimizer
from opto.optimizers.optimizer import Optimizer
from opto.optimizers.optoprime import OptoPrime
from opto.optimizers.proposal import Proposal, Update

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Together", "tune"]


class Together(Optimizer):
    """Several optimizers, each with parameters of its own, as one.

    Feedback is sent back once, by the first one's propagator, and each takes its own step. A
    step changes the parameters of all, or, where one fails, of none.

    Args:
        *parts: the optimizers.

    Raises:
        OptimizerError: there are none, or two have a parameter in common.

    Example:
        >>> from opto.llm import ScriptedLLM
        >>> from opto.trace import GRAPH, node
        >>> GRAPH.clear()
        >>> words = node("Be kind.", name="words", trainable=True)
        >>> heat = node(0.5, name="heat", trainable=True)
        >>> reply = '{"reasoning": "Too soft.", "suggestion": {"words0": "Be clear."}}'
        >>> both = Together(
        ...     OptoPrime([words], llm=ScriptedLLM([reply])),
        ...     NumericOptimizer([heat], score=lambda: -heat.data, seed=1),
        ... )
        >>> from opto.trace import bundle
        >>> @bundle()
        ... def agent(words, heat):
        ...     return f"{words} ({heat})"
        >>> both.backward(agent(words, heat), "be clearer")
        >>> update = both.step()
        >>> words.data, heat.data != 0.5
        ('Be clear.', True)
    """

    def __init__(self, *parts: Optimizer) -> None:
        if not parts:
            raise OptimizerError("Together() takes optimizers, such as OptoPrime([...], llm=...)")
        every = [parameter for part in parts for parameter in part.parameters]
        if len({id(parameter) for parameter in every}) < len(every):
            raise OptimizerError("each parameter is changed by one optimizer; one has two here")
        super().__init__(every, propagator=parts[0].propagator)
        self.parts = parts

    def _step(self, *args: Any, **kwargs: Any) -> Update:
        """The changes of all parts, none of them made yet."""
        proposed = [part.propose(*args, **kwargs) for part in self.parts]
        updates = [u if isinstance(u, Update) else Update.of(u) for u in proposed]
        return Update(
            tuple(change for update in updates for change in update.changes),
            tuple(refusal for update in updates for refusal in update.refused),
            next((u.proposal for u in updates if u.proposal.replies), Proposal()),
            tuple(trial for update in updates for trial in update.trials),
            tuple(reply for update in updates for reply in update.replies),
        )

    def _shared(self) -> list[Any]:
        return [*super()._shared(), *(shared for part in self.parts for shared in part._shared())]


def tune(
    parameters: list[Any],
    llm: Any = None,
    *,
    score: Callable[[], float] | None = None,
    **options: Any,
) -> Optimizer:
    """One optimizer for words and numbers: a model writes, and a sampler tunes the rest.

    Args:
        parameters: a list of parameters; which of them are numbers or choices is found out.
        llm: the model, as in `OptoPrime`.
        score: how good the program is, as in `NumericOptimizer`; None where feedback is
            given as numbers.
        **options: further arguments of `OptoPrime`.
    """
    numbers = [p for p in parameters if p.trainable and is_numeric(p)]
    words = [p for p in parameters if not any(p is number for number in numbers)]
    if not numbers:
        return OptoPrime(words, llm, **options)
    numeric = NumericOptimizer(numbers, score)
    return Together(OptoPrime(words, llm, **options), numeric) if words else numeric
