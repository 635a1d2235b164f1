"""Gradient descent by back-propagation in both ways of the guide, step by step as in PyTorch."""

from __future__ import annotations

import pytest

from opto.trace import GRAPH, node
from tests.docs.test_readme import ROOT
from tests.support.pages import blocks, printed

# torch 2.13.0+cpu, float64, SGD(lr=0.1), x = 3: for _ in range(10): l = abs(x*x-2.0)+(x+1.0)*0.25
TORCH = [
    8.0, 4.484375, 2.234375, 0.7943750000000002, 1.204725, 0.7379290000000001,
    1.2383572400000005, 0.9738563664, 0.8389578323839999, 1.18174078727424,
]  # fmt: skip


@pytest.fixture
def names(tmp_path):
    GRAPH.clear()
    found = {}
    for code, expected in blocks((ROOT / "docs/custom_optimizers.md").read_text(encoding="utf-8")):
        said = printed(code, tmp_path / f"page_{len(found)}.py", found)
        assert said == expected
    return found


@pytest.mark.parametrize("way", ["GradientDescent", "Descent"])
def test_the_losses_are_those_of_pytorch(names, way):
    x = node(3.0, name="x", trainable=True)
    optimizer, losses = names[way]([x]), []
    for _ in TORCH:
        output = names["loss"](x)
        optimizer.zero_feedback()
        optimizer.backward(output, "make it smaller")
        optimizer.step()
        losses.append(output.data)
    assert losses == pytest.approx(TORCH, abs=1e-6)
