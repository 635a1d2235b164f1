"""Old parameter files read where nothing can come of it: a pickle is a program."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opto.errors import StoreError
from opto.sandbox.engine import engine_for
from opto.sandbox.policy import Policy, policy_here
from opto.sandbox.task import Task
from opto.trace.saving import pickles

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["old_values"]

# Its own errors are all that the reader needs of the library.
_IMPORT = "from opto.errors import StoreError\n"
_INSTEAD = "class StoreError(ValueError): pass\n"
_READ = """

def read(raw, own):
    found = old_parameters(raw, frozenset(own))
    return [(list(path), old.value, old.trainable) for path, old in found.items()]
"""
_POLICY = Policy(time=30, result=256 * 1024 * 1024)


def old_values(raw: bytes, own: frozenset[str]) -> Mapping[tuple[str, ...], tuple[Any, bool]]:
    """Values of parameters, and whether they are trainable, from a pickle of the original.

    It is read in the sandbox, by the same narrow reader as `opto.trace.saving` has.

    Args:
        raw: the file.
        own: full names of classes of the user's that may stand in it as containers.

    Raises:
        StoreError: the file is damaged, or asks for more than parameters and plain values.
        SandboxUnavailable: this machine cannot hold the level that is asked for.
    """
    policy = policy_here(_POLICY)
    task = Task(_text(), "read", (raw, sorted(own)), label="<reader of old files>")
    outcome = engine_for(policy).call(task, policy)
    if not outcome.ok:
        raise StoreError(outcome.message if outcome.error == "StoreError" else outcome.sentence)
    return {tuple(path): (value, trainable) for path, value, trainable in outcome.value}


@lru_cache(maxsize=1)
def _text() -> str:
    text = Path(pickles.__file__).read_text(encoding="utf-8")
    return text.replace(_IMPORT, _INSTEAD) + _READ
