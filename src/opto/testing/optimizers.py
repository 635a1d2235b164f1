"""What every optimizer keeps, whatever it does in its steps.

The methods named ``test_...`` are found by pytest and by unittest-style runners alike; they
need neither.
"""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

from opto.errors import OptimizerError, OptoError
from opto.optimizers.proposal import Update
from opto.trace.nodes import Node, ParameterNode, node

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.optimizers.optimizer import Optimizer

__all__ = ["OptimizerContract"]


class OptimizerContract:
    """Tests to inherit; say how your optimizer is made.

    Attributes:
        value: a value of the parameter from which your optimizer makes a change.
        feedback: what is said about the output, so that it does.

    Example:
        >>> from opto.optimizers import Optimizer
        >>> class Halving(Optimizer):
        ...     def _step(self):
        ...         return {p: p.data / 2 for p in self.parameters if p.feedback}
        >>> class TestHalving(OptimizerContract):
        ...     def make(self, parameters):
        ...         return Halving(parameters)
        >>> TestHalving().check_all()

    Source: issue 5, point 7; SPEC 7.1 and 7.8.
    """

    value: Any = 3.0
    feedback: Any = "make it smaller"

    def make(self, parameters: list[ParameterNode[Any]]) -> Optimizer:
        """A new optimizer of yours for these parameters; one that asks a model brings its own."""
        raise NotImplementedError("a contract needs make(), which returns your optimizer")

    def program(self, x: Any) -> Any:
        """A traced program of one parameter."""
        return x * 2.0

    def check_all(self) -> None:
        """Run all tests, where no test runner does."""
        for name in dir(self):
            if name.startswith("test_"):
                getattr(self, name)()

    def test_a_step_changes_a_parameter_and_says_so(self) -> None:
        """The value is another one afterwards, and it is the one in the result."""
        x, optimizer = self._ready()
        update = optimizer.step()
        _hold(isinstance(update, Update), f"step() returned {update!r}, which is no Update")
        _hold(x.data != self.value, "step() changed nothing; set `value` and `feedback` so it does")
        _hold(update[x] is x.data, f"the result says {update[x]!r}, but the value is {x.data!r}")

    def test_bypassing_changes_nothing(self) -> None:
        """The result says what would be changed."""
        x, optimizer = self._ready()
        update = optimizer.step(bypassing=True)
        _hold(x.data == self.value, "step(bypassing=True) changed the parameter")
        _hold(bool(update), "step(bypassing=True) did not say what it would change")

    def test_an_update_can_be_undone(self) -> None:
        """`Update.undo` gives the former value back."""
        x, optimizer = self._ready()
        optimizer.step().undo()
        _hold(x.data == self.value, "the update could not be undone")

    def test_only_own_parameters_change(self) -> None:
        """Neither those of others, nor those that are not trainable."""
        x, other, fixed = self._parameter(), self._parameter(), self._parameter()
        fixed.trainable = False
        optimizer = self.make([x, fixed])
        output = self.program(x) + self.program(other) + self.program(fixed)
        optimizer.backward(output, self.feedback)
        optimizer.step()
        _hold(other.data == self.value, "a parameter of somebody else was changed")
        _hold(fixed.data == self.value, "a parameter that is not trainable was changed")

    def test_zero_feedback_forgets(self) -> None:
        """A new round begins without what was said in the last one."""
        x, optimizer = self._ready()
        optimizer.zero_feedback()
        _hold(not x.feedback, "zero_feedback() left feedback behind")

    def test_rounds_follow_each_other(self) -> None:
        """Forward, backward and step can be repeated with the same optimizer."""
        x, optimizer = self._ready()
        optimizer.step()
        optimizer.zero_feedback()
        optimizer.backward(self.program(x), self.feedback)
        optimizer.step()

    def test_parameters_must_be_a_list_of_parameters(self) -> None:
        """Anything else is refused when the optimizer is made."""
        for wrong in (self._parameter(), [node(1.0)], []):
            given: Any = wrong
            _raises(OptimizerError, partial(self.make, given), f"parameters={wrong!r}")

    def test_feedback_goes_to_nodes_only(self) -> None:
        """A plain value has no history."""
        _, optimizer = self._ready()
        value: Any = 3.0
        _raises(OptoError, lambda: optimizer.backward(value, self.feedback), "backward(3.0)")

    def test_a_copy_optimizes_the_same_parameters(self) -> None:
        """`deepcopy` shares the parameters."""
        x, optimizer = self._ready()
        copy = deepcopy(optimizer)
        _hold(copy.parameters[0] is x, "a deep copy of the optimizer has parameters of its own")
        copy.step()
        _hold(x.data != self.value, "a step of a copy changed nothing")

    def _parameter(self) -> ParameterNode[Any]:
        made: Any = node(self.value, trainable=True)
        return made  # type: ignore[no-any-return]

    def _ready(self) -> tuple[ParameterNode[Any], Optimizer]:
        """A parameter that has feedback, and its optimizer."""
        x = self._parameter()
        optimizer = self.make([x])
        optimizer.zero_feedback()
        output: Node[Any] = self.program(x)
        optimizer.backward(output, self.feedback)
        return x, optimizer


def _hold(true: bool, otherwise: str) -> None:
    if not true:
        raise AssertionError(otherwise)


def _raises(kind: type[Exception], call: Callable[[], Any], what: str) -> None:
    try:
        call()
    except kind:
        return
    raise AssertionError(f"{what} should raise {kind.__name__}")
