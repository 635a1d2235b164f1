"""What is installed, asked without importing it."""

from __future__ import annotations

import sys

from opto.errors import ModelMissing

__all__ = ["installed", "needed"]

# Import name -> what to type to get it.
INSTALL = {
    "azure.identity": 'pip install "azure-identity"',
    "litellm": 'pip install "litellm>=1.75,!=1.82.7,!=1.82.8,!=1.107.*" mcp',
    "openai": 'pip install "openai>=1.60"',
}


def installed(package: str) -> bool:
    """Whether `package` can be imported."""
    if package in sys.modules:
        return sys.modules[package] is not None
    from importlib.util import find_spec  # lazy: 3 ms that importing this room need not cost

    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # the parent of a dotted name is missing
        return False


def needed(package: str, what: str) -> None:
    """Make sure that `package` is there before `what` is promised.

    Raises:
        ModelMissing: it is not installed; the message has the command.
    """
    if not installed(package):
        raise ModelMissing(
            f"{what} needs the package {package!r}, which is not installed: {INSTALL[package]}"
        )
