"""LOOK: pictures of what a program did, and a line that shows what it is doing.

Nothing of the house imports this room; the tracer reaches it by the plug
``view.digraph`` when a picture is asked for.
"""

from opto.view.dot import digraph
from opto.view.fold import folded
from opto.view.picture import Arrow, Box, Picture
from opto.view.progress import Progress, progress
from opto.view.svg import svg
from opto.view.text import Dot

__all__ = [
    "Arrow",
    "Box",
    "Dot",
    "Picture",
    "Progress",
    "digraph",
    "folded",
    "progress",
    "svg",
]
