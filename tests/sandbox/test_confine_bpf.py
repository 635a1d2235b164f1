"""The filters, run as the kernel would run them: also for machines that are not here."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.sandbox.worker.confine_bpf import ALLOW, KILL, refuse
from opto.sandbox.worker.confine_calls import ALLOWED, DENIED, LAST_KNOWN, numbers
from opto.sandbox.worker.confine_rules import filter_for

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LEVELS = ("process", "isolated")
NO, ABSENT, CLOSED = refuse(errno.EPERM), refuse(errno.ENOSYS), refuse(errno.EACCES)
OWN = 4711
FILTERS = {
    (machine, level): filter_for(machine, level, files=True).of(OWN)
    for machine in MACHINES
    for level in LEVELS
}


def verdict(code, arch, number, *arguments):
    """What a filter answers, by the rules of classic BPF."""
    given_ = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, arch, 0, *(a % (1 << 64) for a in given_))
    steps = list(struct.iter_unpack("=HBBI", code))
    at = value = 0
    while True:
        operation, if_true, if_false, constant = steps[at]
        at += 1
        if operation == 0x06:
            return constant
        if operation == 0x20:
            (value,) = struct.unpack_from("=I", data, constant)
        elif operation == 0x05:
            at += constant
        else:
            holds = {
                0x15: value == constant,
                0x35: value >= constant,
                0x45: bool(value & constant),
            }[operation]
            at += if_true if holds else if_false


def asked(machine, level, name, *arguments, files=True):
    code = FILTERS[machine, level] if files else filter_for(machine, level, files=False).of(OWN)
    return verdict(code, MACHINES[machine], numbers(machine)[name], *arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_listed_call_is_answered_as_its_list_says(machine):
    known = numbers(machine)
    for name in ALLOWED:
        if name in known:
            assert asked(machine, "isolated", name) == ALLOW, name
            assert asked(machine, "process", name) == ALLOW, name
    for name in DENIED:
        if name in known:
            assert asked(machine, "isolated", name) == NO, name
            assert asked(machine, "process", name) == NO, name


@pytest.mark.parametrize("machine", MACHINES)
def test_what_stands_in_no_list_is_refused_only_where_it_is_isolated(machine):
    unnamed = set(range(LAST_KNOWN + 1)) - set(numbers(machine).values())
    for number in unnamed:
        assert verdict(FILTERS[machine, "isolated"], MACHINES[machine], number) == NO
        assert verdict(FILTERS[machine, "process"], MACHINES[machine], number) == ALLOW


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("machine", MACHINES)
@given(number=st.integers(0, 2**32 - 1), arch=st.integers(0, 2**32 - 1))
def test_other_machines_and_other_numberings_end_the_process(machine, level, number, arch):
    code = FILTERS[machine, level]
    if arch != MACHINES[machine]:
        assert verdict(code, arch, number) == KILL
    assert verdict(code, MACHINES[machine], number | 0x40000000) == KILL
    newer = LAST_KNOWN + 1 + number % (0x40000000 - LAST_KNOWN - 1)
    assert verdict(code, MACHINES[machine], newer) == ABSENT


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("machine", MACHINES)
@given(flags=st.integers(0, 2**32 - 1), high=st.integers(0, 2**32 - 1))
def test_opening_to_write_is_refused_and_only_that(machine, level, flags, high):
    writes = flags & (0o1 | 0o2 | 0o100 | 0o1000 | 0o2000 | 0x400000)
    looks = flags & 0x200000 and level == "isolated"
    answer = NO if writes or looks else ALLOW
    assert asked(machine, level, "openat", 0, 0, flags | high << 32) == answer


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("machine", MACHINES)
@given(flags=st.integers(0, 2**32 - 1))
def test_only_threads_are_made(machine, level, flags):
    spaces = 0x7E020000
    is_thread = flags & 0x10000 and not flags & spaces
    assert asked(machine, level, "clone", flags) == (ALLOW if is_thread else NO)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("machine", MACHINES)
@given(process=st.integers(-(2**31), 2**31 - 1))
def test_signals_and_limits_reach_the_process_itself(machine, level, process):
    for name in ("kill", "tgkill", "tkill"):
        assert asked(machine, level, name, process) == (ALLOW if process == OWN else NO)
    own = ALLOW if process in (0, OWN) else NO
    assert asked(machine, level, "prlimit64", process) == own
    assert asked(machine, level, "kill", OWN, 9) == ALLOW


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("machine", MACHINES)
def test_arguments_decide(machine, level):
    def says(name, *arguments):
        return asked(machine, level, name, *arguments)

    assert says("socketpair", 1) == ALLOW
    assert says("socketpair", 2) == NO
    assert says("sendto", 3, 0, 5, 0, 0, 0) == ALLOW
    assert says("sendto", 3, 0, 5, 0, 0x7F00, 16) == NO
    assert says("sendto", 3, 0, 5, 0, 0x7F00000000, 16) == NO  # an address with a low half of 0
    assert says("prctl", 15) == ALLOW
    assert says("prctl", 1) == NO
    assert [says("fcntl", 0, owner) for owner in (8, 10, 15)] == [NO] * 3
    assert [says("fcntl", 0, flag) for flag in (1, 3, 1030)] == [ALLOW] * 3
    others = (6, 37, 1024, 1031, 1036)  # locks, leases, sizes, hints
    assert [says("fcntl", 0, other) for other in others] == [NO] * 5
    devices = (0x5412, 0x40086602, 0x401C5820, 0xAE01, 0x40049409)
    assert [says("ioctl", 0, device) for device in devices] == [NO] * 5
    assert says("ioctl", 0, 0x5401) == ALLOW
    assert says("clone3") == says("openat2") == ABSENT
    if level == "isolated":
        assert says("prlimit64", 0, 7, 0x1000) == NO
        assert asked(machine, level, "openat", 0, 0, 0, files=False) == CLOSED


def test_the_numbers_are_those_of_the_kernel():
    """A few of each, from the kernel's own headers."""
    assert [numbers("x86_64")[n] for n in ("read", "openat", "clone", "execve", "bpf")] == [
        0, 257, 56, 59, 321,
    ]  # fmt: skip
    assert [numbers("aarch64")[n] for n in ("read", "openat", "clone", "execve", "bpf")] == [
        63, 56, 220, 221, 280,
    ]  # fmt: skip
    assert "open" not in numbers("aarch64")
    with pytest.raises(KeyError):
        numbers("mips")
