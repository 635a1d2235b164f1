"""A module that a program imports when it runs."""

from __future__ import annotations

from opto.trace import node

LATE = node(4, name="late", trainable=True)
