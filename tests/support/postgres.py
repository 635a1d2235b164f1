"""A real PostgreSQL server on 127.0.0.1, from Debian's package, for as long as a test takes.

with PostgresServer() as server:
    url = server.database()
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

from typing_extensions import Self

FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
# The server refuses to run as root.
AS_WHOM = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}


def is_here() -> bool:
    """Whether the server can be started on this machine."""
    return bool(FOLDERS) and (not AS_WHOM or _has_user())


def _has_user() -> bool:
    import pwd

    return any(entry.pw_name == AS_WHOM["user"] for entry in pwd.getpwall())


class PostgresServer:
    """The server; a context manager that listens on a free port."""

    def __init__(self) -> None:
        # Not in pytest's folder, which only its owner can enter.
        self.folder = Path(tempfile.mkdtemp(prefix="opto-postgres-"))
        self._numbers = count()
        if AS_WHOM:
            shutil.chown(self.folder, **AS_WHOM)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def __enter__(self) -> Self:
        data = str(self.folder / "data")
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "opto", "-E", "UTF8", "-D", data)
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self.folder}"
        self._process = subprocess.Popen(
            [FOLDERS[0] / "postgres", "-D", data, *options.split()],
            cwd=self.folder, stderr=subprocess.DEVNULL, **AS_WHOM,
        )  # fmt: skip
        for _ in range(600):
            if self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), check=False):
                return self
            time.sleep(0.05)
        raise TimeoutError("PostgreSQL did not start")

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGQUIT)  # at once: the data go anyway
        self._process.wait(30)
        shutil.rmtree(self.folder)

    def database(self) -> str:
        """The address of a new, empty place: a schema, as databases take a second each."""
        name = f"journal{next(self._numbers)}"
        made = f"CREATE SCHEMA {name}"
        where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "opto", "postgres")
        self._run("psql", "-c", made, *where)
        return f"postgresql://opto@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{name}"

    def _run(self, program: str, *arguments: str, check: bool = True) -> bool:
        done = subprocess.run(
            [FOLDERS[0] / program, *arguments],
            cwd=self.folder, capture_output=True, text=True, check=False, **AS_WHOM,
        )  # fmt: skip
        if check and done.returncode:
            raise RuntimeError(done.stderr)
        return done.returncode == 0
