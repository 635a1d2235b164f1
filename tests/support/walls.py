"""Foreign code behind the walls, without the engine: a process that forks one confined child."""

from __future__ import annotations

import json
import subprocess
import sys

from opto.sandbox.worker import confine_start

PROGRAM = """
import json, os, sys
from runpy import run_path
start = run_path({start!r})
start["load"]()
from _opto_worker import confine
spec, code, hook = json.loads(sys.argv[1])
prepared = confine.prepare(spec)
prepared.before_fork()
ours, theirs = os.pipe()
if os.fork() == 0:
    try:
        prepared.lock(hook=hook)
        names = dict(held=prepared.held)
        exec(code, names)
        said = names.get("said")
    except BaseException as error:
        said = f"{{type(error).__name__}}: {{error}}"
    os.write(theirs, json.dumps(said, default=repr).encode())
    os._exit(0)
os.close(theirs)
with open(ours, "rb") as answer:
    said = answer.read()
status = os.wait()[1]
sys.stdout.write(said.decode() or json.dumps(f"died: {{os.waitstatus_to_exitcode(status)}}"))
"""


def behind(code, level, *, hook=True, python=sys.executable, memory=1 << 30, user=None, **spec):
    """What the code left in `said` after it ran in a child confined to `level`."""
    spec = {"level": level, "memory": memory, **spec}
    program = PROGRAM.format(start=confine_start.__file__)
    done = subprocess.run(
        [python, "-I", "-B", "-c", program, json.dumps([spec, code, hook])],
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        user=user,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
