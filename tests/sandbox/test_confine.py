"""The walls, put up around a forked child: what the kernel refuses, and what still works.

`hook=False` leaves Python's audit hook out, so that what refuses is the kernel.
"""

from __future__ import annotations

import sys

import pytest

from opto.sandbox.worker import confine
from tests.support.walls import behind

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's walls are Linux's")

LEVELS = ["process", "isolated"]
CONFIGURATIONS = [
    pytest.param([], id="all"),
    pytest.param(["namespaces"], id="no namespaces"),
    pytest.param(["landlock"], id="no Landlock"),
    pytest.param(["landlock=1", "namespaces"], id="first Landlock"),
]
FORBIDDEN = {
    "fork": "import os; os.fork()",
    "spawn": "import os; os.posix_spawn('/bin/true', ['true'], {})",
    "exec": "import os; os.execv('/bin/true', ['true'])",
    "write": "import os; os.open('/dev/null', os.O_WRONLY)",
    "nameless file": "import os; os.open('/tmp', os.O_TMPFILE | os.O_RDWR)",
    "truncate": "import os; os.truncate('/nowhere', 0)",
    "rename": "import os; os.rename('/nowhere', '/there')",
    "chmod": "import os; os.chmod('/nowhere', 0)",
    "times": "import os; os.utime('/nowhere')",
    "attribute": "import os; os.setxattr('/nowhere', 'user.x', b'')",
    "internet": "import socket; socket.socket()",
    "datagrams": "import socket; socket.socket(type=socket.SOCK_DGRAM)",
    "vsock": "import socket; socket.socket(40)",
    "unix": "import socket; socket.socket(socket.AF_UNIX)",
    "address": "import socket; a, b = socket.socketpair(type=socket.SOCK_DGRAM);"
    " a.sendto(b'x', '\\0there')",
    "message": "import socket; a, b = socket.socketpair(type=socket.SOCK_DGRAM);"
    " a.sendmsg([b'x'], [], 0, '\\0there')",
    "signal": "import os; os.kill(os.getppid(), 0)",
    "signal all": "import os; os.kill(-1, 0)",
    "signal group": "import os; os.killpg(0, 0)",
    "owner of a file": "import fcntl, os; fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())",
    "lock": "import fcntl; fcntl.flock(0, fcntl.LOCK_EX)",
    "lock a part": "import fcntl; fcntl.lockf(0, fcntl.LOCK_SH)",
    "flags of a file": "import fcntl; fcntl.ioctl(0, 0x40086602, bytes(8))",
    "a machine in the kernel": "import fcntl; fcntl.ioctl(0, 0xAE01, 0)",
    "large pipe": "import fcntl, os; fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)",
    "large socket": "import socket;"
    " socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)",
    "memory file": "import os; os.memfd_create('x')",
    "other's limits": "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_CORE)",
    "other's cores": "import os; os.sched_setaffinity(os.getppid(), {0})",
    "priority": "import os; os.setpriority(os.PRIO_PROCESS, os.getppid(), 5)",
    "user": "import os; os.setresuid(0, 0, 0)",
}


def all_of(attempts):
    """A program that makes all attempts, and says of each how it ended."""
    return f"""
said = {{}}
for name, code in {attempts!r}.items():
    try:
        exec(code, {{}})
        said[name] = "done"
    except Exception as error:
        said[name] = type(error).__name__
"""


@pytest.mark.parametrize("without", CONFIGURATIONS)
@pytest.mark.parametrize("level", LEVELS)
def test_the_kernel_refuses(level, without):
    said = behind(all_of(FORBIDDEN), level, hook=False, without=without)
    assert said == dict.fromkeys(FORBIDDEN, "PermissionError")


@pytest.mark.parametrize("without", CONFIGURATIONS)
def test_an_isolated_child_reads_its_libraries_and_nothing_else(without, tmp_path):
    tmp_path.joinpath("secret").write_text("s")
    reads = {
        "file": f"open({str(tmp_path / 'secret')!r})",
        "folder": f"import os; os.listdir({str(tmp_path)!r})",
        "others": "open('/proc/1/environ')",
        "own": "open('/proc/self/environ')",
        "settings": "open('/etc/passwd')",
        "looking": f"import os; os.open({str(tmp_path)!r}, os.O_PATH)",
        "prefix": "import sys; open(sys.prefix + '/pyvenv.cfg')",
    }
    said = behind(all_of(reads), "isolated", hook=False, without=without)
    assert said == dict.fromkeys(reads, "PermissionError")
    said = behind("import wave; said = wave.__name__", "isolated", without=without)
    if "landlock" in without:
        assert "this machine has no Landlock" in said
    else:
        assert said == "wave"


@pytest.mark.parametrize("level", LEVELS)
def test_what_was_granted_can_be_read_and_not_written(level, tmp_path):
    tmp_path.joinpath("data.txt").write_text("given")
    code = f"""
said = [open({str(tmp_path / "data.txt")!r}).read()]
try:
    open({str(tmp_path / "data.txt")!r}, "a")
except PermissionError as error:
    said.append(str(error))
"""
    given, refused = behind(code, level, read=[str(tmp_path)])
    assert given == "given"
    assert "nothing can be written here" in refused


@pytest.mark.parametrize("without", CONFIGURATIONS)
@pytest.mark.parametrize("level", LEVELS)
def test_ordinary_code_works(level, without):
    code = """
import asyncio, datetime, decimal, hashlib, json, random, re, sqlite3, threading, time, uuid
from concurrent.futures import ThreadPoolExecutor
import numpy
async def later():
    await asyncio.sleep(0)
    return 5
said = [asyncio.run(later()), ThreadPoolExecutor(4).submit(pow, 2, 5).result(),
        int(numpy.arange(4).sum()), sqlite3.connect(":memory:").execute("select 7").fetchone()[0],
        datetime.datetime.strptime("2024-02-27", "%Y-%m-%d").day, time.time() > 0,
        len(uuid.uuid4().hex)]
"""
    assert behind(code, level, without=without) == [5, 32, 6, 7, 27, True, 32]


@pytest.mark.parametrize("level", LEVELS)
def test_memory_and_threads_are_bounded(level):
    code = """
import threading, time
try:
    said = [len(bytearray(400 << 20))]
except MemoryError:
    said = ["MemoryError"]
threading.stack_size(65536)
started = 0
try:
    for _ in range(3000):
        threading.Thread(target=time.sleep, args=(3,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
said.append(started < 1000)
"""
    assert behind(code, level, memory=300 << 20) == ["MemoryError", True]


def test_the_processor_is_bounded():
    assert behind("while True: pass", "process", time=0.5) == "died: -9"


@pytest.mark.parametrize("level", LEVELS)
def test_the_child_has_no_privileges_and_cannot_be_looked_into(level):
    code = """
import ctypes, os, resource
ids = os.getresuid()
said = [resource.getrlimit(resource.RLIMIT_CORE), os.getsid(0) == os.getpid()]
"""
    assert behind(code, level) == [[0, 0], True]


def test_words_say_what_was_refused():
    attempts = {
        "socket": "import socket; socket.socket()",
        "program": "import os; os.system('true')",
        "popen": "import subprocess; subprocess.run(['true'])",
        "host": "import socket; socket.getaddrinfo('localhost', 80)",
        "write": "open('/tmp/x', 'w')",
        "read": "open('/etc/passwd')",
        "c": "import ctypes; ctypes.CDLL(None).getpid",
        "c of python": "import ctypes; ctypes.pythonapi.getpid",
        "library": "import ctypes; ctypes.CDLL('libc.so.6')",
        "database": "import sqlite3; sqlite3.connect('/tmp/x.db')",
        "remove": "import os; os.remove('/tmp/x')",
        "signal": "import os; os.kill(1, 0)",
    }
    code = all_of(attempts).replace("type(error).__name__", "str(error)")
    said = behind(code, "process")
    expected = {
        "socket": "opened a socket: there is no network here (socket.__new__)",
        "program": "started a program: there are no other programs here (os.system)",
        "popen": "started a program: there are no other programs here (subprocess.Popen)",
        "host": "looked up a host: there is no network here (socket.getaddrinfo)",
        "write": "opened '/tmp/x' for writing: nothing can be written here; return it instead"
        " (open)",
        "read": "read '/etc/passwd': nothing can be read here that Policy(read=...) does not grant"
        " (open)",
        "c": "called the system by way of C: that is closed here (ctypes.dlopen)",
        "c of python": "called the system by way of C: that is closed here (ctypes.dlsym)",
        "library": "called the system by way of C: that is closed here (ctypes.dlopen)",
        "database": "opened a database file: nothing can be written here; return it instead"
        " (sqlite3.connect)",
        "remove": "deleted a file: nothing can be written here; return it instead (os.remove)",
        "signal": "sent a signal: there is only this process here (os.kill)",
    }
    assert said == expected


def test_without_seccomp_nothing_is_isolated():
    with pytest.raises(confine.NotConfined, match="seccomp"):
        confine.prepare({"level": "isolated", "memory": 1 << 30, "without": ["seccomp"]})


def test_no_wall_counts_where_the_parent_is_another():
    """A child whose parent died would outlive the call."""
    code = """
from dataclasses import replace
import os
from _opto_worker import confine
try:
    confine.Prepared(
        level="process",
        held={"seccomp": False, "landlock": 0, "files": True, "namespaces": []},
        readable=(), limits={}, parent=os.getpid(),
    )._lock_by_kernel()
except confine.NotConfined as error:
    said = str(error)
"""
    assert behind(code, "process", hook=False, without=["seccomp"]) == (
        "the process that this one came from is gone"
    )
