from __future__ import annotations

import re

import pytest

from opto.llm.local.pins import DEFAULT, MODELS


def test_default_is_a_known_model() -> None:
    assert DEFAULT in MODELS


@pytest.mark.parametrize("weights", MODELS.values(), ids=list(MODELS))
def test_pin_is_exact(weights) -> None:
    assert re.fullmatch("[0-9a-f]{64}", weights.sha256)
    assert re.fullmatch("[0-9a-f]{40}", weights.revision)
    assert weights.url.startswith("https://")
    assert weights.revision in weights.url
    assert weights.file in weights.url


@pytest.mark.parametrize("weights", MODELS.values(), ids=list(MODELS))
def test_slices_add_up_to_the_file(weights) -> None:
    mirror = weights.mirror
    lengths = [mirror.length(n, weights.size) for n in range(1, mirror.slices + 1)]
    assert sum(lengths) == weights.size
    assert min(lengths) > 0
