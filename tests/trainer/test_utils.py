"""Where programs for the original look for what lives elsewhere now."""

import opto.optimizers
from opto.trainer.utils import batchify


def test_batches_are_put_together_at_the_old_address():
    assert batchify is opto.optimizers.batchify
    assert batchify("a", "b").data == "ID [0]: a\nID [1]: b"
