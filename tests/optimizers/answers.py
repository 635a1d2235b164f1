"""Answers as models write them."""

from __future__ import annotations

import json


def suggests(reasoning: str = "because", **values) -> str:
    """An answer as a good model writes it."""
    return json.dumps({"reasoning": reasoning, "suggestion": values})
