"""Old address of `opto.optimizers.memory`."""

from opto.optimizers.memory import FIFOBuffer

__all__ = ["FIFOBuffer"]
