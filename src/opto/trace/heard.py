"""What was said to a node, and how it hands that on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto._plugs import plug
from opto.trace.backward import backpropagate
from opto.trace.propagators import GraphPropagator

if TYPE_CHECKING:
    from opto.trace.propagators import Propagator

__all__ = ["Hearing"]

# Stands in the place of a step's feedback once that has been handed on.
_CLOSED: Any = object()


class Hearing:
    """The feedback of a node."""

    __slots__ = ()

    _said: Any

    @property
    def feedback(self) -> dict[Any, list[Any]]:
        """What was said to it, by the child that said it."""
        if self._said is _CLOSED:
            return {}
        if self._said is None:
            self._said = {}
        said: dict[Any, list[Any]] = self._said
        return said

    @property
    def _feedback(self) -> dict[Any, list[Any]]:
        return self.feedback

    @property
    def backwarded(self) -> bool:
        """Whether feedback has been handed on through it, so that it cannot be again."""
        return self._said is _CLOSED

    def zero_feedback(self) -> None:
        """Forget what was said to it."""
        if self._said is not _CLOSED:
            self._said = None

    def _add_feedback(self, child: Any, feedback: Any) -> None:
        if self._said is None:
            self._said = {child: [feedback]}
        else:
            self.feedback.setdefault(child, []).append(feedback)

    _deliver = _add_feedback

    def _listen(self) -> None:
        # Nobody zeroes the feedback of what is no parameter: a new pass does.
        self.zero_feedback()

    def _close(self, *, retain: bool) -> None:
        self._said = None if retain else _CLOSED

    def backward(
        self,
        feedback: Any = "",
        propagator: Propagator | None = None,
        retain_graph: bool = False,
        visualize: bool = False,
        simple_visualization: bool = True,
        reverse_plot: bool = False,
        print_limit: int = 100,
    ) -> Any:
        """Send feedback on this value back to everything that it was computed from.

        Args:
            feedback: what was wrong or right with the value: words, a number, any object.
            propagator: says what feedback on a result means for its inputs; collects the
                graph for an optimizer by default.
            retain_graph: allow feedback to be sent through the same steps again, which is
                needed where several outputs share steps.
            visualize: return a picture of what was reached.
            simple_visualization: leave copies of a value out of the picture.
            reverse_plot: draw arrows from results to inputs.
            print_limit: how many characters of a value the picture shows.

        Returns:
            The picture (a `graphviz.Digraph` where that package is installed), or None.

        Raises:
            BackwardError: the feedback is None, or was sent through these steps before.

        Example:
            >>> from opto.trace import node
            >>> x = node(3, trainable=True)
            >>> (x * 2).backward("too small")
            >>> [graph.user_feedback for said in x.feedback.values() for graph in said]
            ['too small']
        """
        reached = backpropagate(
            self,
            self._oracle(),
            feedback,
            propagator or GraphPropagator(),
            retain_graph=retain_graph,
        )
        if not visualize:
            return None
        return plug("view.digraph")(
            reached,
            output=self,
            simple_visualization=simple_visualization,
            reverse_plot=reverse_plot,
            print_limit=print_limit,
        )

    def _oracle(self) -> Any:
        """A new root that stands for who speaks."""
        raise NotImplementedError
