"""The environments of the sides, made when they are first needed, under `.bench/`."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.rounds import ROOT, Leg

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

HERE = ("ours", "minimal", "plain")  # what needs no environment of its own
FOLDER = ROOT / ".bench"


@dataclass(frozen=True)
class Environment:
    """What a side needs.

    Attributes:
        package: the distribution and its version.
        beside: what is installed with it instead of all that it asks for; None for all.
        left_out: the rest, in words for the page.
    """

    package: str
    beside: tuple[str, ...] | None
    left_out: str = ""


ENVIRONMENTS = {
    "original": Environment(
        "trace-opt==0.1.3.8",
        ("graphviz", "numpy"),
        "xgboost, scikit-learn and litellm (1.2 GB), which its tracer does not import",
    ),
    "textgrad": Environment(
        "textgrad==0.1.8",
        ("diskcache", "httpx", "platformdirs", "requests", "tenacity"),
        "datasets, pandas, gdown, litellm and openai (600 MB); stand-ins answer its imports "
        "of the last two, as nothing here asks a model",
    ),
    "torch": Environment("torch==2.13.0", None),
}
# What asks models needs more than what only traces; it is no side of the tracers' table.
OPTIMIZERS = {
    "original-optimizers": Environment(
        "trace-opt==0.1.3.8",
        ("graphviz", "numpy", "black", "openai"),
        "xgboost, scikit-learn and litellm (1.2 GB), which its optimizers do not call; a "
        "stand-in answers its import of the last",
    ),
}


def python_of(side: str) -> Path | str:
    """The interpreter of a side, its environment made if it is not there."""
    if side in HERE:
        return sys.executable
    wanted, folder = {**ENVIRONMENTS, **OPTIMIZERS}[side], FOLDER / side
    python, stamp = folder / "bin" / "python", folder / "installed"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != str(wanted):
        print(f"Installing {wanted.package} into {FOLDER.name}/{side}, once.")
        venv.create(folder, clear=True, with_pip=True)
        pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        alone = [] if wanted.beside is None else ["--no-deps"]
        subprocess.run([*pip, *alone, wanted.package], check=True)
        if wanted.beside:
            subprocess.run([*pip, *wanted.beside], check=True)
        stamp.write_text(str(wanted), encoding="utf-8")
    return python


def legs(chosen: Collection[str] | None = None) -> list[Leg]:
    """The sides in the order of the table, started; all of them, or those that are chosen."""
    order = ("ours", *ENVIRONMENTS, "minimal", "plain")
    return [Leg(side, python_of(side)) for side in order if chosen is None or side in chosen]
