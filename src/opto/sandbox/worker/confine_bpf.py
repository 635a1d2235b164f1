"""Filters for system calls: what shall happen to each call, as a program that the kernel runs.

The kernel asks the program at every system call. It goes down a tree over the numbers, so that
a call costs about eight comparisons, and loading the program, which the kernel tries out with
every number, stays cheap.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from . import confine_calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ALLOW",
    "KILL",
    "OWN",
    "Action",
    "Filter",
    "all_set",
    "any_of",
    "assemble",
    "none_set",
    "null",
    "refuse",
]

Instruction: TypeAlias = tuple[int, int, int, int]  # code, jump if true, jump if false, constant
Action: TypeAlias = int  # what a call comes back with
Check: TypeAlias = tuple[Instruction, ...]

OWN = -1  # stands for the number of the process that the filter is for

ALLOW: Action = 0x7FFF0000
KILL: Action = 0x80000000  # the whole process
_ERRNO = 0x00050000

_LOAD, _JUMP, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_ARCHS = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_OTHER_ABI = 0x40000000  # x86-64 takes calls of its 32-bit-pointer form with this bit
_FARTHEST = 255
_INSTRUCTION = struct.Struct("=HBBI")


def refuse(number: int) -> Action:
    """The call fails with this `errno`."""
    return _ERRNO | number


def _argument(index: int, *, high: bool = False) -> Instruction:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * index + (4 if high else 0))


def any_of(index: int, values: Iterable[int], otherwise: Action) -> Check:
    """An argument, taken as 32 bits, is one of these values."""
    wanted = list(values)
    tests = [(_EQUAL, len(wanted) - at, 0, value) for at, value in enumerate(wanted)]
    return (_argument(index), *tests, (_RETURN, 0, 0, otherwise))


def none_set(index: int, bits: int, otherwise: Action) -> Check:
    """An argument has none of these bits."""
    return (_argument(index), (_ANY_BIT, 0, 1, bits), (_RETURN, 0, 0, otherwise))


def all_set(index: int, bit: int, otherwise: Action) -> Check:
    """An argument has this bit."""
    return (_argument(index), (_ANY_BIT, 1, 0, bit), (_RETURN, 0, 0, otherwise))


def null(index: int, otherwise: Action) -> Check:
    """An argument is no address."""
    end = (_RETURN, 0, 0, otherwise)
    low, high = _argument(index), _argument(index, high=True)
    return (low, (_EQUAL, 1, 0, 0), end, high, (_EQUAL, 1, 0, 0), end)


@dataclass(frozen=True)
class Filter:
    """A filter, ready for any process.

    Attributes:
        code: its instructions, as the kernel reads them.
        own: which of them compare with the number of the process itself.
    """

    code: bytes
    own: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.code) // _INSTRUCTION.size

    def of(self, process: int) -> bytes:
        """The filter of one process."""
        code = bytearray(self.code)
        for at in self.own:
            struct.pack_into("=I", code, at * _INSTRUCTION.size + 4, process)
        return bytes(code)


def assemble(
    machine: str,
    actions: Mapping[str, Action],
    rules: Mapping[str, tuple[Check, ...]],
    *,
    otherwise: Action,
    unknown: Action,
) -> Filter:
    """The filter that does this.

    Args:
        machine: as `platform.machine` names it.
        actions: what happens to the call of this name.
        rules: checks that a call must pass; each says what happens if it does not.
        otherwise: what happens to all other calls that the table knows of.
        unknown: what happens to calls that are newer than the table.

    Raises:
        KeyError: the machine, or the name of a call, is unknown.
    """
    numbers = confine_calls.numbers(machine)
    ends: dict[int, tuple[Instruction, ...]] = {}
    for name, action in actions.items():
        if name in numbers:
            ends[numbers[name]] = ((_RETURN, 0, 0, action),)
    for name, checks in rules.items():
        if name in numbers:
            steps = [step for check in checks for step in check]
            ends[numbers[name]] = (*steps, (_RETURN, 0, 0, ALLOW))
    usual: tuple[Instruction, ...] = ((_RETURN, 0, 0, otherwise),)
    ranges = [(0, ends.get(0, usual))]
    for number in range(1, confine_calls.LAST_KNOWN + 1):
        end = ends.get(number, usual)
        if end != ranges[-1][1]:
            ranges.append((number, end))
    ranges.append((confine_calls.LAST_KNOWN + 1, ((_RETURN, 0, 0, unknown),)))
    ranges.append((_OTHER_ABI, ((_RETURN, 0, 0, KILL),)))
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _ARCHS[machine]),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_tree(ranges),
    ]
    own = tuple(at for at, step in enumerate(program) if step[3] == OWN)
    code = b"".join(_INSTRUCTION.pack(*step[:3], step[3] & 0xFFFFFFFF) for step in program)
    return Filter(code, own)


def _tree(ranges: list[tuple[int, tuple[Instruction, ...]]]) -> list[Instruction]:
    """Comparisons that lead from a number to the end of its range."""
    if len(ranges) == 1:
        return list(ranges[0][1])
    middle = len(ranges) // 2
    below, above = _tree(ranges[:middle]), _tree(ranges[middle:])
    first = ranges[middle][0]
    if len(below) <= _FARTHEST:
        return [(_AT_LEAST, len(below), 0, first), *below, *above]
    return [(_AT_LEAST, 0, 1, first), (_JUMP, 0, 0, len(below)), *below, *above]
