"""What installing this project without extras adds to an empty environment, in MB.

Usage: .venv/bin/python tools/measure_install.py [EXTRA]

Counts the bytes of the files that pip wrote: as they came, and with the bytecode
that pip compiles from them. A disk gives each file whole blocks, so `du` says more.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUDGET_MB = 45
MB = 1e6


def sizes(site: Path) -> dict[str, Counter[str]]:
    """Bytes by top-level name below `site`: files, bytecode, and blocks on the disk."""
    found: dict[str, Counter[str]] = {"files": Counter(), "bytecode": Counter(), "disk": Counter()}
    for path in site.rglob("*"):
        if path.is_file():
            name = path.relative_to(site).parts[0].split("-")[0].removesuffix(".py")
            found["bytecode" if path.suffix == ".pyc" else "files"][name] += path.stat().st_size
            found["disk"][name] += path.stat().st_blocks * 512
    return found


def install(folder: Path, what: str) -> Path:
    """A new environment with `what` in it; its site-packages."""
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
    subprocess.run([*pip, "--disable-pip-version-check", what], check=True)
    return next(folder.glob("lib/python*/site-packages"))


def difference(after: Counter[str], before: Counter[str]) -> Counter[str]:
    """What was added, by name."""
    return after - before


def main(extra: str = "") -> int:
    """Print a table; 1 if the core is over its budget."""
    with tempfile.TemporaryDirectory() as folder:
        what = f"{ROOT}[{extra}]" if extra else str(ROOT)
        empty, full = Path(folder, "empty"), Path(folder, "full")
        venv.create(empty, with_pip=True)
        before = sizes(next(empty.glob("lib/python*/site-packages")))
        after = sizes(install(full, what))
    added = {kind: difference(after[kind], before[kind]) for kind in after}
    return report(added, judge=not extra)


def report(added: dict[str, Counter[str]], *, judge: bool) -> int:
    """The table, largest first."""
    kinds = list(added)
    print(f"{'added, MB':20}" + "".join(f"{kind:>10}" for kind in kinds))
    whole = added["files"] + added["bytecode"]
    for name, _ in whole.most_common(12):
        print(f"{name:20}" + "".join(f"{added[kind][name] / MB:10.2f}" for kind in kinds))
    totals = {kind: sum(added[kind].values()) / MB for kind in kinds}
    print(f"{'everything':20}" + "".join(f"{totals[kind]:10.2f}" for kind in kinds))
    size = totals["files"] + totals["bytecode"]
    print(f"files and bytecode: {size:.1f} MB (budget for the core: {BUDGET_MB})")
    return int(judge and size > BUDGET_MB)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
