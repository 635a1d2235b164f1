"""The picture of an interpreter shows what foreign code could have changed in it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from opto.sandbox.battery import state

CHANGES = {
    "builtins": "builtins.len = print",
    "modules": "sys.modules['json'] = os",
    "environment": "os.environ['X'] = '1'",
    "working folder": "os.chdir('/')",
    "search path": "sys.path.append('x')",
    "finders": "sys.meta_path.append(os)",
    "recursion limit": "sys.setrecursionlimit(900)",
    "switch interval": "sys.setswitchinterval(1)",
    "signal handlers": "signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "decimal context": "decimal.getcontext().prec = 3",
    "small integers": "ctypes.memmove(id(25) + 24, b'\\x06\\0\\0\\0', 4)",
    "hooks": "sys.excepthook = print",
    "streams": "sys.stderr = sys.stdout",
    "limits": "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
    "mask": "os.umask(0o77)",
    "collector": "gc.disable()",
    "threads": "threading.Thread(target=time.sleep, args=(1,), daemon=True).start()",
}
PROGRAM = """
import builtins, ctypes, decimal, gc, json, os, resource, signal, sys, threading, time
resource.setrlimit(resource.RLIMIT_CORE, (0, 100))
from opto.sandbox.battery import state
before = state.picture()
{change}
found = ','.join(state.changes(before))
os.write(1, found.encode())
os._exit(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it changes limits of the process")
@pytest.mark.parametrize(("part", "change"), CHANGES.items())
def test_a_change_is_seen(part, change, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(change=change)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == part, done.stderr


def test_nothing_changed_is_no_change():
    assert state.changes(state.picture()) == []


def test_all_parts_are_tried():
    assert set(CHANGES) == set(state.picture())
