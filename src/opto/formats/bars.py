r"""The two lines that a fenced text stands between.

A fence of our prompts may have a code on both of its lines, and a model may copy it.
"""

from __future__ import annotations

__all__ = ["BAR", "CODE", "RUN"]

RUN = r"`{3,}|~{3,}"
"""What such a line begins with."""

CODE = r"[0-9a-f]{8}"
"""The code behind it."""

BAR = rf"(?:{RUN})(?:{CODE}(?=[ \t]*\n))?"
"""The beginning of the first line, with the code if there is one and nothing else."""
