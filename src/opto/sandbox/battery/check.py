"""Runs the battery on this machine, and judges each text."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opto.sandbox.battery.snippets import Benign, Hostile, benign, hostile
from opto.sandbox.battery.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Verdict", "as_table", "check", "kept_promises"]

_TIME, _TOTAL = 2.0, 8.0  # s that an attack may take; honest code gets more
_HONEST_TIME = 20.0
_MEMORY = "1GB"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one text achieved.

    Attributes:
        id: name of the text.
        category: what it is about; ``benign`` for ordinary functions.
        promised: the level says that it is contained, or works.
        flags: what went wrong; nothing if it was contained, or exact.
        sentence: what the sandbox says happened.
        seconds: how long it took.
    """

    id: str
    category: str
    promised: bool
    flags: tuple[str, ...] = ()
    sentence: str = ""
    seconds: float = 0.0


def check(
    level: str = "auto",
    *,
    engine: str = "cpython",
    jobs: int = 2,
    only: Iterable[str] = (),
    attacks: Iterable[Hostile] | None = None,
    functions: Iterable[Benign] | None = None,
    late: float = 2.0,
    told: Callable[[Verdict], None] = lambda _verdict: None,
) -> list[Verdict]:
    """Run the texts of the battery, each in a watched host.

    Args:
        level: of the policy: ``process``, ``isolated`` or ``auto``.
        engine: of the policy. Only CPython promises to run all ordinary functions.
        jobs: hosts at once.
        only: names of texts; all, if there are none.
        attacks: other attacks than the shipped ones.
        functions: other functions than the shipped ones. Those whose packages are not installed
            are left out.
        late: seconds in which what was left behind in a host would act; it is waited for.
        told: called with each verdict as it falls.

    Returns:
        A verdict for each text, attacks first.

    Raises:
        SandboxError: no host could be started, or the level cannot be held.
    """
    wanted = set(only)
    texts: list[Hostile | Benign] = [
        *(hostile() if attacks is None else attacks),
        *(benign() if functions is None else functions),
    ]
    texts = [text for text in texts if not wanted or text.id in wanted]
    texts = [text for text in texts if isinstance(text, Hostile) or text.can_run]
    waiting = _Queue(texts)
    lanes = [
        _Lane(level, engine, waiting, late, told) for _ in range(max(1, min(jobs, len(texts))))
    ]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    failed = [lane.failure for lane in lanes if lane.failure is not None]
    if failed:
        raise failed[0]
    found = {verdict.id: verdict for lane in lanes for verdict in lane.verdicts}
    return [found[text.id] for text in texts]


class _Queue:
    """Texts to be taken, by kind, so that a host runs what its policy is for."""

    def __init__(self, texts: list[Hostile | Benign]) -> None:
        self._lock = threading.Lock()
        self._left: dict[type, list[Hostile | Benign]] = {Hostile: [], Benign: []}
        for text in reversed(texts):
            self._left[type(text)].append(text)

    def take(self, kind: type) -> Iterator[Hostile | Benign]:
        while True:
            with self._lock:
                if not self._left[kind]:
                    return
                text = self._left[kind].pop()
            yield text


class _Lane(threading.Thread):
    """One host after another; a host that was harmed is replaced."""

    def __init__(
        self,
        level: str,
        engine: str,
        texts: _Queue,
        late: float,
        told: Callable[[Verdict], None],
    ) -> None:
        super().__init__(name="battery", daemon=True)
        self._engine = engine
        self._level, self._texts, self._late, self._told = level, texts, late, told
        self._held = level
        self.verdicts: list[Verdict] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for kind in (Hostile, Benign):
                texts = self._texts.take(kind)
                for text in texts:
                    self._with_one_host(text, texts)
        except BaseException as failure:  # noqa: BLE001 - raised again in the caller's thread
            self.failure = failure

    def _with_one_host(self, text: Hostile | Benign, more: Iterator[Hostile | Benign]) -> None:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            with Watched(Path(folder), self._policy(text)) as host:
                self._held = host.level
                first = len(self.verdicts)
                self._judge(host, text)
                while not self.verdicts[-1].flags:
                    following = next(more, None)
                    if following is None:
                        break
                    self._judge(host, following)
                self._afterwards(host, first)
            for verdict in self.verdicts[first:]:
                self._told(verdict)

    def _policy(self, text: Hostile | Benign) -> dict[str, Any]:
        honest = isinstance(text, Benign)
        return {
            "level": self._level,
            "engine": self._engine,
            "time": _HONEST_TIME if honest else _TIME,
            "total": 2 * _HONEST_TIME if honest else _TOTAL,
            "memory": _MEMORY,
        }

    def _judge(self, host: Watched, text: Hostile | Benign) -> None:
        start = time.monotonic()
        if isinstance(text, Benign):
            flags = host.exact(text)
            took = time.monotonic() - start
            works = self._engine == "cpython"
            self.verdicts.append(Verdict(text.id, "benign", works, tuple(flags), seconds=took))
            return
        answer = host.attacked(text)
        self.verdicts.append(
            Verdict(
                id=text.id,
                category=text.category,
                promised=text.must_be_contained(self._held),
                flags=tuple(answer["flags"]),
                sentence=answer["sentence"],
                seconds=answer["seconds"],
            )
        )

    def _afterwards(self, host: Watched, first: int) -> None:
        """What shows only later counts, too."""
        if self.verdicts[first].category == "benign":
            return
        time.sleep(self._late)
        late = set(host.late_markers())
        odd = host.end()
        last = len(self.verdicts) - 1
        for at in range(first, last + 1):
            verdict = self.verdicts[at]
            added = ["marker"] if verdict.id in late and "marker" not in verdict.flags else []
            added += [odd] if odd and at == last and not verdict.flags else []
            if added:
                self.verdicts[at] = _with_flags(verdict, added)


def _with_flags(verdict: Verdict, added: list[str]) -> Verdict:
    return Verdict(
        verdict.id,
        verdict.category,
        verdict.promised,
        (*verdict.flags, *added),
        verdict.sentence,
        verdict.seconds,
    )


def kept_promises(verdicts: Iterable[Verdict]) -> bool:
    """Whether nothing that was promised went wrong."""
    return not any(verdict.promised and verdict.flags for verdict in verdicts)


def as_table(verdicts: Iterable[Verdict]) -> str:
    """The verdicts, counted by category; what went wrong stands below."""
    verdicts = list(verdicts)
    lines = [f"{'':12}  promised     held   beyond     held"]
    counts: dict[str, Counter[tuple[bool, bool]]] = {}
    for verdict in verdicts:
        for name in (verdict.category, "all attacks" if verdict.category != "benign" else ""):
            counts.setdefault(name, Counter())[verdict.promised, not verdict.flags] += 1
    counts.pop("", None)
    for last in ("all attacks", "benign"):
        if last in counts:
            counts[last] = counts.pop(last)
    for name, count in counts.items():
        of = {
            promised: count[promised, True] + count[promised, False] for promised in (True, False)
        }
        lines.append(
            f"{name:12}  {of[True]:8} {count[True, True]:8} {of[False]:8} {count[False, True]:8}"
        )
    for verdict in verdicts:
        if verdict.flags:
            start = "BROKEN" if verdict.promised else "beyond"
            lines.append(f"{start}  {verdict.id}: {'; '.join(verdict.flags)}")
    return "\n".join(lines)
