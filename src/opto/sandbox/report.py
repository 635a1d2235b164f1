"""What the walls of this machine are, and what was tried to see that they stand."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Report"]


@dataclass(frozen=True, slots=True)
class Report:
    """What this machine enforces, as a child that locked itself found it.

    Attributes:
        level: ``process`` or ``isolated``: what foreign code runs under here.
        platform: the operating system.
        kernel: its release.
        seccomp: the kernel judges every system call of the code.
        landlock: version of Landlock, by which the kernel keeps files shut; 0 for none.
        namespaces: what the code has for itself: ``net``, ``pid``, ``ipc``, ``uts``, ``user``.
        refused: forbidden things that were tried, and refused by the kernel.
        failed: those that were not refused, or why nothing could be tried.
        engine: what runs the code, see `Policy.engine`.

    Example:
        >>> print(Report("process", "Darwin", "24.1.0", refused=(), failed=()))
        process on Darwin 24.1.0: Python's audit hook alone refuses files, network and programs
    """

    level: str
    platform: str
    kernel: str
    seccomp: bool = False
    landlock: int = 0
    namespaces: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    engine: str = "cpython"

    @property
    def holds(self) -> bool:
        """Whether the kernel refused all that it shall refuse."""
        return self.seccomp and not self.failed

    def __str__(self) -> str:
        start = f"{self.level} on {self.platform} {self.kernel}: "
        if self.engine != "cpython":
            return start + "an interpreter that has no files, no network and no programs"
        if not self.seccomp:
            return start + "Python's audit hook alone refuses files, network and programs"
        files = f"Landlock {self.landlock}" if self.landlock else "no file opens"
        if self.level == "process":
            files = "reading refused by Python's audit hook"
        spaces = ", ".join(self.namespaces) or "none"
        tried = f"{len(self.refused)} of {len(self.refused) + len(self.failed)} attempts refused"
        return f"{start}seccomp, {files}, namespaces: {spaces}; {tried}"
