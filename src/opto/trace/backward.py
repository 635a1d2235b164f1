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
    from collections.abc import Sequence

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
    steps = [n for n in nodes if id(n) in fed and (n._args or n._hidden)]
    for step in steps:
        if step.backwarded:
            raise _used(output, step)
    output._deliver(oracle, propagator.init_feedback(output, feedback))
    # A long-lived constant keeps what the last pass said, or it would keep all graphs.
    heard = {id(output)}
    for step in reversed(steps):
        for parent, share in propagator(step).items():
            if id(parent) not in fed and parent.kind != "parameter":
                continue
            if id(parent) not in heard:
                heard.add(id(parent))
                parent._listen()
            parent._deliver(step, share)
        step._close(retain=retain_graph)
    return nodes


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
