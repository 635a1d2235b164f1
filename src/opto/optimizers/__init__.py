"""READ and PROPOSE: from a run and what was said about it to new values for its parameters.

Each optimizer is imported when it is first used, so that a program pays for its own only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opto.optimizers.batches import batchify
    from opto.optimizers.numeric import NumericOptimizer
    from opto.optimizers.opro import OPRO
    from opto.optimizers.opro_v2 import OPROv2
    from opto.optimizers.optimizer import Optimizer
    from opto.optimizers.optoprime import OptoPrime
    from opto.optimizers.optoprime_v2 import OptoPrimeV2
    from opto.optimizers.optoprimemulti import OptoPrimeMulti
    from opto.optimizers.textgrad import TextGrad
    from opto.optimizers.together import Together, tune

__all__ = [
    "OPRO",
    "NumericOptimizer",
    "OPROv2",
    "Optimizer",
    "OptoPrime",
    "OptoPrimeMulti",
    "OptoPrimeV1",
    "OptoPrimeV2",
    "TextGrad",
    "Together",
    "batchify",
    "tune",
]

_ADDRESSES = {
    "NumericOptimizer": "numeric:NumericOptimizer",
    "OPRO": "opro:OPRO",
    "OPROv2": "opro_v2:OPROv2",
    "Optimizer": "optimizer:Optimizer",
    "OptoPrime": "optoprime:OptoPrime",
    "OptoPrimeMulti": "optoprimemulti:OptoPrimeMulti",
    "OptoPrimeV1": "optoprime:OptoPrime",
    "OptoPrimeV2": "optoprime_v2:OptoPrimeV2",
    "TextGrad": "textgrad:TextGrad",
    "Together": "together:Together",
    "batchify": "batches:batchify",
    "tune": "together:tune",
}


def __getattr__(name: str) -> Any:
    if name not in _ADDRESSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _ADDRESSES[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), attribute)
