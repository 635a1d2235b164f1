from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from opto.store.owner import Owner, is_gone

PROGRAM = "import sys; from opto.store.owner import Owner; print(Owner().name, flush=True); input()"


def other():
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().strip()


def test_a_process_that_ended_is_gone():
    process, name = other()
    assert not is_gone(name)
    process.kill()
    process.communicate()
    assert is_gone(name)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")
def test_a_process_that_nobody_has_waited_for_is_gone():
    process, name = other()
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(name)
    process.communicate()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")
def test_another_process_with_the_same_number_is_another_one():
    place, pid, started, token = Owner().name.split("|")
    assert is_gone("|".join([place, pid, str(int(started) - 1), token]))


def test_nobody_knows_of_processes_elsewhere():
    assert not is_gone("elsewhere|999999999|1|token")


def test_two_owners_in_one_process_are_two():
    one, two = Owner(), Owner()
    assert one.name == one.name != two.name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_process_of_another_user_is_not_gone():
    here = Owner().name
    program = (
        "import os, sys; from opto.store.owner import is_gone; os.setuid(65534);"
        "sys.exit(is_gone(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", program, here], check=False)
    assert done.returncode == 0
