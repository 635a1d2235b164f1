from __future__ import annotations

import json

import pytest


@pytest.fixture
def suggests():
    """An answer in OptoPrime's form."""
    return lambda values, why="because": json.dumps({"reasoning": why, "suggestion": values})
