"""The old style guides still tell how a node is drawn (SPEC 2.9)."""

from __future__ import annotations

from opto.trace import node
from opto.trace.nodes import NodeVizStyleGuide, NodeVizStyleGuideColorful


def test_the_colourful_guide_fills_parameters():
    look = NodeVizStyleGuideColorful().get_attrs(node(1, name="p", trainable=True))
    assert (look["shape"], look["fillcolor"], look["color"]) == ("box", "#FFE5E5", "#FF7E79")
    assert "1" in look["label"]


def test_labels_are_cut():
    guide = NodeVizStyleGuideColorful(print_limit=5)
    assert "aaaaa..." in guide.get_label(node("a" * 50))


def test_the_plain_guide_leaves_what_cannot_be_trained_empty():
    guide = NodeVizStyleGuide()
    assert guide.get_color(node(1)) == ""
    assert guide.get_style(node(1)) == ""
    assert guide.get_style(node(1, trainable=True)) == "filled,solid"
    assert guide.get_node_shape(node(1)) == "ellipse"
