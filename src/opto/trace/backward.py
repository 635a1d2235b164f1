"""One backward pass over a recorded program, in O(nodes + edges).

It only hands feedback on; what feedback is, the propagator says.
"""

from __future__ import annotations

# Not from `threading`, which takes 2 ms to import.
from _thread import RLock
from typing import TYPE_CHECKING, Any

from opto.errors import BackwardError
from opto.trace.hidden import settle
from opto.trace.order import ancestors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opto.trace.propagators import Propagator

__all__ = ["backpropagate"]


def backpropagate(
    output: Any, oracle: Any, feedback: Any, propagator: Propagator, *, retain_graph: bool
) -> list[Any]:
    """Give `feedback` on `output` to everything that it was computed from.

    Args:
        output: the node that the feedback is about.
        oracle: the node that stands for who said it.
        feedback: what was said.
        propagator: says what a result's feedback means for its inputs.
        retain_graph: leave the steps as they were, so that feedback can be sent again.

    Returns:
        The nodes that were reached, inputs before what uses them.

    Raises:
        BackwardError: feedback was None, or was sent through one of the steps before.
            Nothing has been delivered then.
    """
    if feedback is None:
        raise BackwardError(
            f"backward() on {output.name} got None as feedback, which says nothing; "
            'give words, a number or any other object ("" for no comment)'
        )
    with _ONE_AT_A_TIME:
        return _pass(output, oracle, feedback, propagator, retain_graph=retain_graph)


_GIVEN = ("node", "parameter")

# Outputs share steps: two passes at once would take each other's feedback on its way.
_ONE_AT_A_TIME = RLock()


def _pass(
    output: Any, oracle: Any, feedback: Any, propagator: Propagator, *, retain_graph: bool
) -> list[Any]:
    if output.backwarded:
        raise _used(output, output)
    nodes = ancestors(output)
    settle(nodes)
    fed = _fed(nodes)
    # A result of an untraced call is closed too: what it heard would hold itself.
    steps = [n for n in nodes if id(n) in fed and (n._args or n._hidden or n.kind not in _GIVEN)]
    heard = False
    for step in steps:
        if step.backwarded:
            raise _used(output, step)
        heard = heard or step._said is not None
    first = propagator.init_feedback(output, feedback)
    # What a step has heard by itself is to be passed on, so that each must be asked.
    share_of = None if heard or not steps else _at_once(propagator, steps, first)
    if share_of is not None:
        _jump(steps, fed, share_of)
        for step in steps:
            step._close(retain=retain_graph)
    else:
        output._deliver(oracle, first)
        _walk(steps, fed, propagator, retain=retain_graph)
    return nodes


def _at_once(propagator: Any, steps: Sequence[Any], first: Any) -> Any:
    # A propagator need not be a `Propagator`.
    asked = getattr(propagator, "at_once", None)
    return None if asked is None else asked(steps, first)


def _jump(steps: Sequence[Any], fed: set[int], share_of: Callable[[Any], Any]) -> None:
    """Give what is no step itself its shares of the steps that it is an input of."""
    inner = {id(step) for step in steps}
    listening: set[int] = set()
    for step in reversed(steps):
        inputs = (*step._args, *step._hidden)
        ends = [n for n in inputs if id(n) not in inner and (id(n) in fed or n.kind == "parameter")]
        if ends:
            share = share_of(step)
            for end in dict.fromkeys(ends):
                _tell(end, step, share, listening)


def _walk(steps: Sequence[Any], fed: set[int], propagator: Propagator, *, retain: bool) -> None:
    """Ask the propagator for the shares of each step, from the output on."""
    # The output has heard already what this pass says.
    listening = {id(steps[-1])} if steps else set()
    for step in reversed(steps):
        for parent, share in propagator(step).items():
            if id(parent) in fed or parent.kind == "parameter":
                _tell(parent, step, share, listening)
        step._close(retain=retain)


def _tell(node: Any, step: Any, share: Any, listening: set[int]) -> None:
    # A long-lived constant keeps what the last pass said, or it would keep all graphs.
    if id(node) not in listening:
        listening.add(id(node))
        node._listen()
    node._deliver(step, share)


def _fed(nodes: Sequence[Any]) -> set[int]:
    """What depends on a parameter, by `id`; all nodes, where there is no parameter.

    A constant that heard would hold its child, which holds the constant: a circle that
    only the cyclic collector can free.
    """
    fed: set[int] = set()
    for node in nodes:
        for arg in node._args:
            if id(arg) in fed:
                fed.add(id(node))
                break
        else:
            if node.kind == "parameter" or node._hidden:
                fed.add(id(node))
    return fed or {id(node) for node in nodes}


def _used(output: Any, step: Any) -> BackwardError:
    where = f"{step.name} has been backwarded"
    if step is not output:
        where = f"{step.name}, which {output.name} was computed from, has been backwarded"
    return BackwardError(
        f"{where}: feedback was already sent through it. Run the program again, or give "
        "retain_graph=True to the first backward() when several outputs share steps"
    )
