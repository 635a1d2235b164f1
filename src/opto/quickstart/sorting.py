"""Repair code: a function that sorts plainly shall take turns between the two ends.

The task is number 70 of the HumanEval collection, told in our own words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.errors import ExecutionError
from opto.quickstart.job import Job, Verdict
from opto.quickstart.limit import time_limit
from opto.trace import bundle, stop_tracing
from opto.trace.nodes import ExceptionNode

if TYPE_CHECKING:
    from opto.trace.bundle import FunModule

__all__ = ["REPAIR", "Sorting"]

SECONDS = 0.3
Case = tuple[list[int], list[int]]

# Long enough that what is wrong altogether scores less than what fails at the odd one out.
SHOWN: tuple[Case, ...] = (
    ([1, 2, 3, 4], [1, 4, 2, 3]),
    ([4, 1, 3, 2, 6, 5], [1, 6, 2, 5, 3, 4]),
    ([3, 1, 2], [1, 3, 2]),
    ([5, 6, 7, 8, 9], [5, 9, 6, 8, 7]),
    ([80, 10, 70, 20, 60, 30, 50, 40], [10, 80, 20, 70, 30, 60, 40, 50]),
)
HELD_OUT: tuple[Case, ...] = (
    ([], []),
    ([7], [7]),
    ([2, 1], [1, 2]),
    ([10, -1, 4, 0], [-1, 10, 0, 4]),
    ([1, 2, 3, 4, 5], [1, 5, 2, 4, 3]),
    ([9, 8, 7, 6, 5, 4], [4, 9, 5, 8, 6, 7]),
    ([0, 2, 2, 2, 5, 5, -5, -5], [-5, 5, -5, 5, 0, 2, 2, 2]),
    ([111111], [111111]),
)


def wrong_sort() -> FunModule:
    """A trainable function that does not do what its documentation says."""

    @bundle(trainable=True)
    def strange_sort_list(lst: list[int]) -> list[int]:
        """Return a new list with the numbers of lst in strange order.

        Strange order begins with the minimum, goes on with the maximum of the remaining
        numbers, then the minimum of the remaining numbers, and so on, in turns.
        """
        return sorted(lst)

    return strange_sort_list


class Sorting:
    """A function whose documentation is right and whose body is wrong."""

    def __init__(self) -> None:
        self.sort = wrong_sort()
        self.parameters = [self.sort.parameter]

    def run(self) -> Verdict:
        """Try the cases that are spoken about."""
        complaints = [(case, said) for case in SHOWN if (said := self._complaint(case))]
        failing = complaints[0][0] if complaints else SHOWN[0]
        passed = len(SHOWN) - len(complaints)
        output = self._traced(failing[0])
        lines = ["These examples must hold:", *(said for _, said in complaints)]
        if isinstance(output, ExceptionNode):
            lines += ["The first of them fails here:", output.create_feedback("full")]
        return Verdict(
            output,
            "\n".join(lines) if complaints else "All cases are right.",
            score=float(passed),
            solved=not complaints,
            words=f"{passed} of {len(SHOWN)} shown cases right",
        )

    def listing(self) -> str:
        """The function."""
        return str(self.sort.parameter.data)

    def held_out(self) -> tuple[int, int]:
        """Try the cases that the optimizer never hears of."""
        right = [case for case in HELD_OUT if self._complaint(case) is None]
        return len(right), len(HELD_OUT)

    def _complaint(self, case: Case) -> str | None:
        given, expected = case
        with stop_tracing():
            output = self._traced(given)
        if isinstance(output, ExceptionNode):
            got = f"raised {output.data}"
        elif output.data != expected:
            got = f"returned {output.data!r}"
        else:
            return None
        return f">>> strange_sort_list({given})\n{expected}\nbut it {got}"

    def _traced(self, given: list[int]) -> Any:
        try:
            with time_limit(SECONDS):
                return self.sort(list(given))
        except ExecutionError as error:
            return error.exception_node


REPAIR = Job(
    "repair",
    "Repair strange_sort_list (HumanEval/70)",
    lambda _random: Sorting(),
    steps=10,
    drafts=4,
    memory=0,
    afresh=True,
    # At low temperatures a small model gives the same wrong draft four times.
    temperature=(0.6, 1.1),
)
