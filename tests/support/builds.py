"""What builds of Python differ in."""

from __future__ import annotations

import sys

import pytest

free_threaded = not getattr(sys, "_is_gil_enabled", lambda: True)()

frees_code = pytest.mark.skipif(
    free_threaded and sys.version_info < (3, 14),
    reason="a free-threaded CPython 3.13 keeps every code object for ever",
)
