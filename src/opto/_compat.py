"""Old names that live elsewhere now: the only table of them.

A module that had such names in the original ends with
``__getattr__ = old_names(__name__)`` (PEP 562), so that they cost nothing until used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OLD_NAMES", "old_names"]

OLD_NAMES: dict[str, dict[str, str]] = {
    "opto.trace.nodes": {
        "NAME_SCOPES": "opto.trace.oldnames:NAME_SCOPES",
        "NodeVizStyleGuide": "opto.view.guide:NodeVizStyleGuide",
        "NodeVizStyleGuideColorful": "opto.view.guide:NodeVizStyleGuideColorful",
        "USED_NODES": "opto.trace.oldnames:USED_NODES",
    },
    "opto.trace.bundle": {
        "ALLOW_EXTERNAL_DEPENDENCIES": "opto.trace.oldnames:ALLOW_EXTERNAL_DEPENDENCIES",
        "detach_inputs": "opto.trace.oldnames:detach_inputs",
        "disable_external_dependencies_check": (
            "opto.trace.oldnames:disable_external_dependencies_check"
        ),
        "trace_nodes": "opto.trace.oldnames:trace_nodes",
        "update_local": "opto.trace.oldnames:update_local",
        "wrap_node": "opto.trace.oldnames:wrap_node",
    },
    "opto.trace.utils": {
        "dedent": "opto.trace.oldnames:dedent",
        "escape_json_nested_quotes": "opto.trace.oldnames:escape_json_nested_quotes",
        "render_opt_step": "opto.view.step:render_opt_step",
    },
}


def old_names(module: str) -> Callable[[str], Any]:
    """A module's ``__getattr__`` for the old names that it is asked for.

    Example:
        >>> old_names("opto.trace.nodes")("USED_NODE")
        Traceback (most recent call last):
            ...
        AttributeError: module 'opto.trace.nodes' has no attribute 'USED_NODE'
    """
    table = OLD_NAMES[module]

    def find(name: str) -> Any:
        if name not in table:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        target, _, attribute = table[name].partition(":")
        return getattr(import_module(target), attribute)

    return find
