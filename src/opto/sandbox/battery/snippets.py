"""The texts of the battery."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["LEVELS", "Benign", "Hostile", "benign", "hostile"]

LEVELS = ("limits", "process", "isolated")  # from the weakest

_HERE = Path(__file__).parent
_EXPECTED = re.compile(r"# arg: (?P<argument>.*)\n# want: (?P<wanted>.*)\s*\Z")


@dataclass(frozen=True, slots=True)
class Hostile:
    """An attack.

    Attributes:
        id: its name.
        category: what it is about: time, resource, secret, network...
        what: what it does, in a few words.
        contained_from: the weakest level that must contain it, or ``never``.
        text: it, with the place-holders as they are.
    """

    id: str
    category: str
    what: str
    contained_from: str
    text: str

    def must_be_contained(self, level: str) -> bool:
        """Whether a level promises to contain it."""
        if self.contained_from not in LEVELS:
            return False
        return LEVELS.index(self.contained_from) <= LEVELS.index(level)

    @property
    def expanded(self) -> str:
        """The text as it runs."""
        text = self.text.replace("@@MINUS@@", "-" * 100_000)
        return text.replace("@@ATTR@@", ".a" * 50_000).replace("@@BIG@@", "B" * 30_000_000)


@dataclass(frozen=True, slots=True)
class Benign:
    """An ordinary function.

    Attributes:
        id: its name.
        text: its source.
        argument: what it is called with.
        wanted: what it must return.
    """

    id: str
    text: str
    argument: Any
    wanted: Any

    @property
    def can_run(self) -> bool:
        """Whether the packages that it imports are installed."""
        return "import numpy" not in self.text or find_spec("numpy") is not None


def hostile(folder: Path | None = None) -> list[Hostile]:
    """All attacks, or those of another folder with a manifest like ours."""
    folder = folder or _HERE / "hostile"
    manifest = json.loads(folder.joinpath("manifest.json").read_text(encoding="utf-8"))
    return [
        Hostile(
            id=entry["id"],
            category=entry["category"],
            what=entry["what"],
            contained_from=entry["contained_from"],
            text=folder.joinpath(entry["file"]).read_bytes().decode("utf-8", "surrogateescape"),
        )
        for entry in manifest["snippets"]
    ]


def benign(folder: Path | None = None) -> list[Benign]:
    """All ordinary functions, or those of another folder."""
    folder = folder or _HERE / "benign"
    found = []
    for path in sorted(path for path in folder.iterdir() if path.suffix in {".txt", ".py"}):
        text = path.read_text(encoding="utf-8")
        expected = _EXPECTED.search(text)
        if expected is None:
            continue
        argument, wanted = (ast.literal_eval(part) for part in expected.groups())
        found.append(Benign(path.stem.partition("_")[2].rstrip("_"), text, argument, wanted))
    return found
