"""LOOK: pictures of what a program did.

Nothing of the house imports this room; the tracer reaches it by the plug
``view.digraph`` when a picture is asked for.
"""

from opto.view.dot import Dot, digraph
from opto.view.picture import Arrow, Box, Picture
from opto.view.svg import svg

__all__ = ["Arrow", "Box", "Dot", "Picture", "digraph", "svg"]
