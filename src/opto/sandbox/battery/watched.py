"""A watched host at work: one text at a time, and what was seen of it from outside."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opto.errors import SandboxError
from opto.sandbox.battery.yard import Yard, family

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

    from opto.sandbox.battery.snippets import Benign, Hostile

__all__ = ["Watched", "strangers"]

_SLACK = 20.0  # s beyond the policy's total time, before a host counts as hung
_REAPED = 4.0  # s until all that a call started must be gone
_LOOKS = 7  # one after the other without one that is left
_QUIET = 100 << 10  # bytes that a host may print


class Watched:
    """A host process with all that watches it; start it with ``with``.

    Args:
        folder: an empty folder of its own.
        policy: fields of the `Policy` that texts run under.
    """

    def __init__(self, folder: Path, policy: dict[str, Any]) -> None:
        self._folder, self._policy = folder, policy
        self._ran: list[str] = []
        self.level = ""

    def __enter__(self) -> Self:
        for name in ("yard", "markers"):
            self._folder.joinpath(name).mkdir()
        self._yard = Yard(self._folder / "yard").__enter__()
        self._printed = self._folder / "printed.txt"
        ours, theirs = os.pipe()
        with self._printed.open("wb") as printed:
            self._host = subprocess.Popen(  # noqa: S603 - this very Python, and a module of ours
                [
                    *(sys.executable, "-m", "opto.sandbox.battery.host", str(theirs)),
                    f"--token={self._yard.secrets['CMD']}",
                ],
                env=self._environment(),
                cwd=self._folder / "yard" / "cwd",
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=printed,
                pass_fds=(theirs,),
            )
        os.close(theirs)
        self._answers, self._rest = ours, b""
        first = {"memory_secret": self._yard.secrets["MEM"], "policy": self._policy}
        answer = self._asked(first)
        if answer is None:
            said = self._printed.read_text(encoding="utf-8", errors="replace")[-1000:]
            raise SandboxError(f"no host could be started to watch: {said}")
        self.level = answer["level"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()
        os.close(self._answers)
        self._yard.__exit__(kind, error, traceback)

    def exact(self, function: Benign) -> list[str]:
        """What was wrong with the answer of an ordinary function."""
        order = {
            "text": function.text,
            "argument": repr(function.argument),
            "wanted": repr(function.wanted),
        }
        answer = self._asked(order)
        return ["host dead or hung"] if answer is None else answer["flags"]

    def attacked(self, attack: Hostile) -> dict[str, Any]:
        """What an attack achieved, as ``flags``; and how the sandbox says that it ended."""
        marker = self._folder / "markers" / attack.id
        self._ran.append(attack.id)
        files, heard = self._yard.files(), len(self._yard.heard)
        printed = self._printed.stat().st_size
        order = {
            "text": attack.expanded,
            "x": self._yard.x(marker, self._host.pid),
            "secrets": list(self._yard.secrets.values()),
        }
        answer = self._asked(order)
        if answer is None:
            ended = self._host.poll()
            how = "host hangs" if ended is None else f"host dead: {ended}"
            answer = {"flags": [how], "status": "", "sentence": "", "seconds": 0.0}
        flags: list[str] = answer["flags"]
        flags += self._seen(files, heard, answer.get("at_rest"))
        if self._printed.stat().st_size - printed > _QUIET:
            flags.append("output: flooded")
        if marker.exists():
            flags.append("marker")
        return answer

    def late_markers(self) -> list[str]:
        """Which of the attacks have acted by now, if only later."""
        return [name for name in self._ran if self._folder.joinpath("markers", name).exists()]

    def end(self) -> str:
        """End the host; what was odd about its end, or nothing."""
        if self._host.stdin is not None:
            with contextlib.suppress(OSError):
                self._host.stdin.close()
        try:
            ended = self._host.wait(10)
        except subprocess.TimeoutExpired:
            self._host.kill()
            self._host.wait()
            return "host does not end"
        return "" if ended == 0 else f"host ends with {ended}"

    def _environment(self) -> dict[str, str]:
        site = str(self._folder / "yard" / "site")
        paths = [str(Path(__file__).parents[3]), site, os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "OPENAI_API_KEY": self._yard.secrets["ENV"],
            "HOME": str(self._folder / "yard" / "home"),
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _asked(self, order: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to an order; None if the host is dead or does not answer in time."""
        deadline = time.monotonic() + self._policy["total"] + _SLACK
        if self._host.stdin is None:
            return None
        try:
            self._host.stdin.write(json.dumps(order).encode() + b"\n")
            self._host.stdin.flush()
        except OSError:
            return None
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._answers], [], [], max(left, 0))
            read = os.read(self._answers, 1 << 16) if ready else b""
            if not read:
                return None
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _seen(
        self, files: dict[str, tuple[Any, ...]], heard: int, at_rest: list[tuple[int, int]] | None
    ) -> list[str]:
        flags = []
        after = self._yard.files()
        changed = [path for path in {*files, *after} if files.get(path) != after.get(path)]
        if changed:
            flags.append(f"files: {', '.join(sorted(Path(p).name for p in changed))[:100]}")
        if len(self._yard.heard) > heard:
            flags.append(f"network: {', '.join(self._yard.heard[heard:][:4])}")
        if at_rest is not None and (left := self._left_over(dict(at_rest))) > 0:
            flags.append(f"processes: {left} left")
        return flags

    def _left_over(self, at_rest: Mapping[int, int]) -> int:
        """How many processes there are that are not the sandbox's own, and stay."""
        # One look is not enough: what has lost its parent may be between two of them. They are
        # counted and not timed, as on a busy machine one can take longer than all of them.
        deadline = time.monotonic() + _REAPED
        clean = 0
        while clean < _LOOKS:
            left = strangers(self._host.pid, family(self._host.pid), at_rest)
            if left > 0 and time.monotonic() > deadline:
                return left
            clean = 0 if left > 0 else clean + 1
            time.sleep(0.02)
        return 0


def strangers(host: int, family: Mapping[int, int], at_rest: Mapping[int, int]) -> int:
    """How many processes there are beside the sandbox's own.

    Args:
        host: the process that they come from.
        family: all that come from it, and of each its parent.
        at_rest: the workers, and how many come from each between calls.
    """
    under: Counter[int] = Counter()
    for process in family:
        top = process
        while top not in at_rest and top != host:
            top = family[top]
        under[top] += top != process
    return sum(max(0, many - at_rest.get(top, 0)) for top, many in under.items())
