"""How feedback on a result becomes feedback on its inputs, one step at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from opto.errors import BackwardError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["AbstractFeedback", "AbstractPropagator", "Propagator", "SumPropagator"]


class AbstractFeedback:
    """Something that can be propagated and added up, so that `sum` works on it."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must say how two of it add up (__add__)")

    def __radd__(self, other: Any) -> Any:
        return self if other == 0 else self.__add__(other)


class AbstractPropagator(ABC):
    """The protocol: called on a result, gives each of its parents a share."""

    def __call__(self, child: Any) -> dict[Any, Any]:
        """The feedback that each parent of `child` gets from it.

        Raises:
            BackwardError: a propagator returned something else than a share for each
                parent.
        """
        shares = self.propagate(child)
        if not isinstance(shares, dict):
            raise BackwardError(
                f"{type(self).__name__} must return a dict of parent to feedback for "
                f"{child.name}, not {type(shares).__name__}"
            )
        for parent in child._args:
            if parent not in shares:
                raise BackwardError(
                    f"{type(self).__name__} gave no feedback to {parent.name}, of which "
                    f"{child.name} was computed; it must return a value for every parent"
                )
        return shares

    @abstractmethod
    def propagate(self, child: Any) -> dict[Any, Any]:
        """Feedback for each parent of `child`, from ``child.feedback``."""


class Propagator(AbstractPropagator):
    """A propagator with a rule for all steps, and others for single operations.

    Subclasses say what feedback on an output begins as, and the rule for all steps.

    Example:
        >>> from opto.trace import node
        >>> from opto.trace.propagators import Propagator
        >>> class Slope(Propagator):
        ...     def init_feedback(self, node, feedback):
        ...         return feedback
        ...     def _propagate(self, child):
        ...         return {p: sum(v[0] for v in child.feedback.values()) for p in child.parents}
        >>> x = node(3.0, trainable=True)
        >>> y = x * 2.0
        >>> slope = Slope()
        >>> slope.register("multiply", lambda child: {
        ...     p: sum(v[0] for v in child.feedback.values()) * child.data / p.data
        ...     for p in child.parents})
        >>> y.backward(1.0, propagator=slope)
        >>> [said for said in x.feedback.values()]
        [[2.0]]
    """

    def __init__(self) -> None:
        self.override: dict[str, Callable[[Any], dict[Any, Any]]] = {}

    def register(self, operator_name: str, propagate_function: Callable[[Any], Any]) -> None:
        """Use `propagate_function` for the results of one operation.

        Args:
            operator_name: the operation, such as ``"add"``.
            propagate_function: given the result node, returns feedback by parent.
        """
        self.override[operator_name] = propagate_function

    def propagate(self, child: Any) -> dict[Any, Any]:
        """By the rule of the operation that made `child`, if it has one."""
        rule = self.override.get(child.op_name) if self.override else None
        return self._propagate(child) if rule is None else rule(child)

    def at_once(self, way: Sequence[Any], feedback: Any) -> Callable[[Any], Any] | None:  # noqa: ARG002 - the protocol's
        """What the inputs of any step hear, where that can be told without going step by step.

        Args:
            way: the steps of the pass, inputs before what uses them; the last is the output.
            feedback: what was said about the output, as `init_feedback` gave it.

        Returns:
            A function of a step that gives the share of its inputs, which is asked only for
            the steps that parameters are inputs of; None, to have each step asked in turn.
        """
        return None

    @abstractmethod
    def init_feedback(self, node: Any, feedback: Any) -> Any:
        """What feedback on the output `node` begins as."""

    @abstractmethod
    def _propagate(self, child: Any) -> dict[Any, Any]:
        """The rule for all operations that have none of their own."""


class SumPropagator(Propagator):
    """Passes on the sum of what was said: words one after the other, numbers added.

    Example:
        >>> from opto.trace import node
        >>> from opto.trace.propagators.propagators import SumPropagator
        >>> x = node(3, trainable=True)
        >>> (x + 1).backward("too small", propagator=SumPropagator())
        >>> list(x.feedback.values())
        [['too small']]
    """

    def init_feedback(self, node: Any, feedback: Any) -> Any:  # noqa: ARG002 - the protocol's
        """What was said, as it is."""
        return feedback

    def _propagate(self, child: Any) -> dict[Any, Any]:
        total = _total(said for shares in child.feedback.values() for said in shares)
        return dict.fromkeys((*child.parents, *child._hidden), total)


def _total(said: Iterable[Any]) -> Any:
    first, *rest = said
    for other in rest:
        first = first + other
    return first
