"""What all optimizers have in common: parameters, feedback, and the three calls.

optimizer.zero_feedback(); optimizer.backward(output, "too small"); optimizer.step()
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from opto.errors import OptimizerError
from opto.llm.around import tell
from opto.optimizers.marking import mark_steps
from opto.optimizers.options import is_overridden, refuse_unknown
from opto.optimizers.proposal import Update, projected
from opto.trace.nodes import Node, ParameterNode
from opto.trace.propagators import GraphPropagator, Propagator
from opto.trace.utils import sum_feedback

if TYPE_CHECKING:
    from opto.optimizers.blame import Blame

__all__ = ["AbstractOptimizer", "Optimizer"]


class AbstractOptimizer(ABC):
    """Something that changes parameters by feedback.

    Args:
        parameters: a list of `ParameterNode`; one that is listed twice counts once.

    Raises:
        OptimizerError: there is nothing in it that could be changed.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # What a step writes is known as an optimizer's, whatever optimizer it is.
        mark_steps(cls)

    def __init__(self, parameters: Any, *args: Any, **kwargs: Any) -> None:
        refuse_unknown(f"{type(self).__name__}()", Optimizer.__init__, args, kwargs)
        self.parameters: list[ParameterNode[Any]] = _checked(parameters)

    @abstractmethod
    def step(self, *args: Any, **kwargs: Any) -> Update:
        """Change the parameters by the feedback that they have."""

    @abstractmethod
    def zero_feedback(self) -> None:
        """Forget the feedback of all parameters."""


class Optimizer(AbstractOptimizer):
    """The base of optimizers: a subclass writes `_step`.

    Args:
        parameters: a list of `ParameterNode`, as ``module.parameters()`` gives it.
        propagator: what feedback on a result means for its inputs; None for
            `default_propagator`.

    Raises:
        OptimizerError: a parameter or the propagator is none.
        ArgumentError: an argument is unknown.

    Example:
        >>> from opto.trace import node
        >>> class Double(Optimizer):
        ...     def _step(self):
        ...         return {p: 2 * p.data for p in self.parameters}
        >>> x = node(3, name="x", trainable=True)
        >>> result = Double([x]).step()
        >>> x.data, result[x], bool(result)
        (6, 6, True)

    Source: SPEC 7.1.
    """

    def __init__(
        self,
        parameters: Any,
        *args: Any,
        propagator: Propagator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(parameters, *args, **kwargs)
        self._propagator = self.default_propagator() if propagator is None else propagator
        if not isinstance(self._propagator, Propagator):
            raise OptimizerError(
                f"propagator must be a Propagator (see opto.trace.propagators), not "
                f"{type(propagator).__name__}"
            )

    @property
    def propagator(self) -> Propagator:
        """What feedback on a result means for its inputs."""
        return self._propagator

    def default_propagator(self) -> Propagator:
        """The propagator where none was given."""
        return GraphPropagator()

    @property
    def trace_graph(self) -> Any:
        """All feedback on the parameters, added up: with the default propagator a `TraceGraph`."""
        return sum_feedback(parameter for parameter in self.parameters if parameter.trainable)

    def zero_feedback(self) -> None:
        """Forget the feedback of all parameters; to be called before each backward pass."""
        for parameter in self.parameters:
            parameter.zero_feedback()

    def backward(self, node: Node[Any], *args: Any, **kwargs: Any) -> Any:
        """Send feedback back from `node`, with this optimizer's propagator.

        Args:
            node: an output of the program.
            *args: the feedback first, then as in `Node.backward`.
            **kwargs: as in `Node.backward`.

        Returns:
            As `Node.backward`.

        Raises:
            OptimizerError: `node` is no node.
            BackwardError: the feedback cannot be sent back from there.
        """
        if not isinstance(node, Node):
            raise OptimizerError(
                f"backward() takes the node that the program returned, not a "
                f"{type(node).__name__}; the value of a node (.data) has lost its history"
            )
        return node.backward(*args, **{"propagator": self._propagator, **kwargs})

    def explain(self, changes: Mapping[Any, Any] | None = None) -> tuple[Blame, ...]:
        """Which parameters the feedback goes back to, by which steps, and whether that holds.

        To be asked before `step`: afterwards the parameters have other values.

        Args:
            changes: other values by parameter, such as what ``step(bypassing=True)`` returns.
                Each is tried alone: the steps that depend on it are run again, and nothing
                else (see `opto.trace.replay`).

        Raises:
            OptimizerError: no feedback has reached the parameters, or a change is of none
                of them.

        Example:
            >>> from opto.trace import GRAPH, node
            >>> class Idle(Optimizer):
            ...     def _step(self):
            ...         return {}
            >>> GRAPH.clear()
            >>> x, y = node(3, name="x", trainable=True), node(4, name="y", trainable=True)
            >>> optimizer = Idle([x, y])
            >>> optimizer.backward(x * 10 + y * 0, "make it 60")
            >>> for blame in optimizer.explain({x: 6, y: 9}):
            ...     print(blame)
            x0 -> multiply0 -> add0 (2 steps): 60, and was 30
            y0 -> multiply1 -> add0 (2 steps): no difference, and was 30

        Source: issue 5, point 8.
        """
        # lazy: what only those pay for who ask why
        from opto.optimizers.blame import blames

        graph = self.trace_graph
        if not graph:
            raise OptimizerError("no feedback has reached the parameters; call backward() first")
        return blames(self.parameters, graph, changes)

    def propose(self, *args: Any, **kwargs: Any) -> Mapping[Any, Any]:
        """New values by parameter, without changing anything.

        Args:
            *args: as `step`.
            **kwargs: as `step`.
        """
        return self._step(*args, **kwargs)

    def step(self, *args: Any, bypassing: bool = False, **kwargs: Any) -> Update:
        """Change the parameters by the feedback that they have.

        Args:
            *args: as the optimizer's own step takes them.
            bypassing: only say what would be changed.
            **kwargs: as the optimizer's own step takes them.

        Returns:
            What was changed, what was refused and why. True if something changes;
            readable as a dictionary of parameter to new value.

        Raises:
            OptimizerError: no feedback has reached the parameters; call `backward` first.
            ModelError: an optimizer that asks a model got no answer; then nothing is changed.
        """
        return self._taken(self.propose(*args, **kwargs), bypassing)

    async def step_async(self, *args: Any, bypassing: bool = False, **kwargs: Any) -> Update:
        """As `step`, without holding up the event loop while a model is asked.

        Questions of one round are tasks. When the task that awaits this is cancelled, they
        are as well, and parameters, feedback and memory are as they were before. A program
        that scores drafts runs in a thread, with the caller's context; it cannot be stopped, so
        that cancelling waits for it. The step's changes are made in the event loop. An optimizer
        with a ``_step`` or ``propose`` of its own runs it in a thread.

        Args:
            *args: as `step`.
            bypassing: only say what would be changed.
            **kwargs: as `step`.

        Raises:
            OptimizerError: as `step`.
            ModelError: as `step`.

        Example:
            >>> import asyncio
            >>> from opto.llm import ScriptedLLM
            >>> from opto.optimizers import OptoPrime
            >>> from opto.trace import GRAPH, node
            >>> GRAPH.clear()
            >>> x = node(3, name="x", trainable=True)
            >>> optimizer = OptoPrime([x], llm=ScriptedLLM(['{"suggestion": {"x0": 5}}']))
            >>> optimizer.backward(x * 2, "make it 10")
            >>> asyncio.run(optimizer.step_async())
            Update(x0: 3 -> 5)
        """
        if is_overridden(self, Optimizer, "propose"):
            proposed = await Optimizer._propose_async(self, *args, **kwargs)
        else:
            proposed = await self._propose_async(*args, **kwargs)
        return self._taken(proposed, bypassing)

    async def _propose_async(self, *args: Any, **kwargs: Any) -> Mapping[Any, Any]:
        # lazy: 30 ms of import; whoever awaits has paid for it
        from asyncio import to_thread

        return await to_thread(self.propose, *args, **kwargs)

    def _taken(self, proposed: Mapping[Any, Any], bypassing: bool) -> Update:
        update = proposed if isinstance(proposed, Update) else Update.of(_by_parameter(proposed))
        if is_overridden(self, Optimizer, "project"):
            update = update.with_values(self.project(dict(update)))
        if not bypassing:
            self.update(update)
            tell("step", update)
        return update

    def _step(self, *args: Any, **kwargs: Any) -> Mapping[Any, Any]:
        """New values by parameter; what a subclass writes."""
        raise NotImplementedError(
            f"{type(self).__name__} must write _step(), which returns new values by parameter"
        )

    def update(self, update_dict: Mapping[Any, Any]) -> None:
        """Give trainable parameters these values, as they are.

        Args:
            update_dict: values by parameter.
        """
        if isinstance(update_dict, Update):
            update_dict.apply()
            return
        for parameter, value in update_dict.items():
            if parameter.trainable:
                parameter._set(value)

    def project(self, update_dict: Mapping[Any, Any]) -> dict[Any, Any]:
        """The values as the parameters' projections bring them into form.

        Args:
            update_dict: values by parameter.

        Returns:
            Those that no projection refuses.
        """
        pairs = {p: projected(p, value) for p, value in update_dict.items()}
        return {p: value for p, (value, why) in pairs.items() if why is None}

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        # A copy optimizes the same parameters, asks the same model, and goes its own way.
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        for shared in self._shared():
            memo[id(shared)] = shared
        for name, value in vars(self).items():
            setattr(made, name, deepcopy(value, memo))
        return made

    def _shared(self) -> list[Any]:
        """What a copy has in common with the original."""
        return [*self.parameters, self._propagator]


def _by_parameter(proposed: Any) -> dict[Any, Any]:
    """What a step of a subclass returned, if it can be used."""
    if not isinstance(proposed, Mapping):
        raise OptimizerError(
            f"_step() must return a dictionary of new values by parameter, not {proposed!r}"
        )
    for parameter in proposed:
        if not isinstance(parameter, Node):
            raise OptimizerError(
                f"_step() must return new values by parameter, but {parameter!r} is none; the "
                f"parameters are in self.parameters"
            )
    return dict(proposed)


def _checked(parameters: Any) -> list[ParameterNode[Any]]:
    if not isinstance(parameters, list | tuple):
        raise OptimizerError(
            f"parameters must be a list of parameters, not a {type(parameters).__name__}; "
            f"write {_advice(parameters)}"
        )
    for parameter in parameters:
        if not isinstance(parameter, ParameterNode):
            raise OptimizerError(
                f"parameters must hold ParameterNodes only, not {parameter!r}; "
                f"make it with node(..., trainable=True)"
            )
    distinct = list({id(parameter): parameter for parameter in parameters}.values())
    if not any(parameter.trainable for parameter in distinct):
        raise OptimizerError(
            "there is no trainable parameter to optimize; "
            "make one with node(..., trainable=True) or @bundle(trainable=True)"
        )
    return distinct


def _advice(parameters: Any) -> str:
    if isinstance(parameters, ParameterNode):
        return f"[{parameters.py_name}]"
    if callable(getattr(parameters, "parameters", None)):
        return "module.parameters()"
    return "list(...)"
