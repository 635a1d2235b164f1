"""Old address of `opto.optimizers.batches`."""

from opto.optimizers.batches import batchify

__all__ = ["batchify"]
