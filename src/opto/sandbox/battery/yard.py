"""What lies around a watched host: files with secrets, listeners, a folder to write in.

It belongs to whoever watches, so that it can say what the host itself would not notice.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Yard", "family"]

_FOLDERS = ("scratch", "site", "cwd", "home")


class Yard:
    """Files, secrets and listeners, made in a folder.

    Attributes:
        secrets: what must not come out, by where it lies.
        heard: connections that arrived, by listener.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        places = ("ENV", "MEM", "CMD", "FILE", "NET")
        self.secrets = {place: f"SECRET-{place}-{secrets.token_hex(4)}" for place in places}
        self.heard: list[str] = []
        self._open: list[socket.socket] = []
        for name in _FOLDERS:
            folder.joinpath(name).mkdir()
        folder.joinpath("secret.txt").write_text(self.secrets["FILE"], encoding="ascii")
        folder.joinpath("home", ".netrc").write_text(self.secrets["FILE"], encoding="ascii")
        for name in ("canary.txt", "victim.txt"):
            folder.joinpath(name).write_text("as it was\n", encoding="ascii")
        site = folder / "site"
        site.joinpath("harmless.py").write_text("VALUE = 1\n", encoding="ascii")
        site.joinpath("sidefx.py").write_text(
            "import os\nopen(os.environ['HOSTILE_MARKER'], 'w').close()\n", encoding="ascii"
        )

    def __enter__(self) -> Self:
        self._tcp = self._listening(socket.AF_INET, ("127.0.0.1", 0), "tcp")
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self._open.append(self._udp)
        self._serve(self._datagrams)
        self._abstract = f"opto-battery-{secrets.token_hex(8)}"
        if hasattr(socket, "AF_UNIX"):
            self._listening(socket.AF_UNIX, str(self.folder / "s"), "unix")
        if sys.platform == "linux":
            self._listening(socket.AF_UNIX, "\0" + self._abstract, "abstract")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for listener in self._open:
            listener.close()

    def x(self, marker: Path, host: int) -> dict[str, Any]:
        """What an attack is called with."""
        return {
            "marker": str(marker),
            "canary": str(self.folder / "canary.txt"),
            "victim": str(self.folder / "victim.txt"),
            "secret_path": str(self.folder / "secret.txt"),
            "dir": str(self.folder / "scratch"),
            "site": str(self.folder / "site"),
            "cwd": str(self.folder / "cwd"),
            "home": str(self.folder / "home"),
            "tcp": self._tcp.getsockname()[1],
            "udp": self._udp.getsockname()[1],
            "unix": str(self.folder / "s"),
            "abstract": self._abstract,
            "host_pid": host,
            "data": [1, 2, 3],
        }

    def files(self) -> dict[str, tuple[Any, ...]]:
        """All files here and what shared memory has of this user, as they are now."""
        found: dict[str, tuple[Any, ...]] = {}
        for path in sorted(self.folder.rglob("*")):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() and status.st_size < 1 << 16 else b""
            times = (status.st_size, status.st_mtime_ns) if path.is_file() else ()
            found[str(path)] = (status.st_mode, content, *times)
        shared = Path("/dev/shm")  # noqa: S108 - looked at, not written to
        if shared.is_dir():
            for path in shared.iterdir():
                with suppress(OSError):
                    # Semaphores are those of honest programs that start and end meanwhile.
                    if path.lstat().st_uid == os.getuid() and not path.name.startswith("sem."):
                        found[str(path)] = ()
        return found

    def _listening(self, family: int, address: Any, name: str) -> socket.socket:
        listener = socket.socket(family)
        listener.bind(address)
        listener.listen()
        self._open.append(listener)
        self._serve(lambda: self._connections(listener, name))
        return listener

    def _serve(self, work: Any) -> None:
        threading.Thread(target=work, daemon=True).start()

    def _connections(self, listener: socket.socket, name: str) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.heard.append(name)
                with connection, suppress(OSError):
                    connection.settimeout(1)
                    connection.recv(4096)
                    body = self.secrets["NET"].encode()
                    head = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
                    connection.sendall(head + body)

    def _datagrams(self) -> None:
        with suppress(OSError):
            while self._udp.recv(4096):
                self.heard.append("udp")


def family(process: int) -> dict[int, int]:
    """All living processes that come from a process; and of each, its parent."""
    if sys.platform != "linux":
        return {}
    parents: dict[int, int] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                after_name = path.joinpath("stat").read_text().rpartition(")")[2].split()
                if after_name[0] != "Z":  # it has ended, and nobody asked how
                    parents[int(path.name)] = int(after_name[1])
    found: dict[int, int] = {}
    newly = {process: 0}
    while newly:
        newly = {
            child: parent
            for child, parent in parents.items()
            if parent in newly and child not in found
        }
        found |= newly
    return found
