"""Several examples as one output, and what was said about each as one feedback.

Source: SPEC 9.5.
"""

from __future__ import annotations

from typing import Any

from opto.optimizers.fences import indented
from opto.optimizers.render import safe_text
from opto.trace.bundle import bundle

__all__ = ["batchify"]


# The words are for models: they need not be told how it is called.
@bundle(description="[batchify] All examples of a batch in one text, each after its number.")
def batchify(*items: Any) -> str:
    r"""The items, each with the number of its example before it: ``ID [0]: ...``.

    For the outputs of a batch and, with ``.data``, for what was said about them, so that an
    optimizer sees which remark is about which example. No text of an item can pass for another
    item: its further lines are moved in.

    Args:
        *items: nodes or plain values, one for each example, in their order.

    Example:
        >>> from opto.trace import node
        >>> x = node(2, name="x", trainable=True)
        >>> outputs = batchify(*[x * 1, x * 5])
        >>> print(outputs.data)
        ID [0]: 2
        ID [1]: 10
        >>> said = batchify("fine", "too large,\nby far").data
        >>> print(said)
        ID [0]: fine
        ID [1]: too large,
            by far
        >>> _ = outputs.backward(said)
    """
    return "\n".join(f"ID [{i}]: {indented(safe_text(item))}" for i, item in enumerate(items))
