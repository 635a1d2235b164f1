from __future__ import annotations

import json
from datetime import date

from opto.quickstart.rates import rates, write
from opto.quickstart.run import Outcome


def outcome(job: str, seed: int, *, solved: bool, held_out=None) -> Outcome:
    return Outcome(job, seed, solved, 1.0, 2, 8, 1, held_out, 10.0, 100, 20)


OUTCOMES = [
    outcome("repair", 0, solved=True, held_out=(7, 7)),
    outcome("repair", 1, solved=False, held_out=(3, 7)),
    outcome("number", 0, solved=True),
]


def test_rates_are_counted_by_job() -> None:
    found = rates(OUTCOMES)
    assert (found["repair"]["solved"], found["repair"]["seeds"]) == (1, 2)
    assert (found["repair"]["held_out_right"], found["repair"]["held_out_all"]) == (10, 14)
    assert found["repair"]["held_out_perfect"] == 1
    assert "held_out_right" not in found["number"]


def test_a_measurement_can_be_read_back(tmp_path) -> None:
    file = tmp_path / "rates.json"
    for number in (1, 2, 3):  # it is written again after each outcome
        write(file, "LocalLLM('x')", date(2026, 11, 25), OUTCOMES[:number])
    content = json.loads(file.read_text())
    assert content["model"] == "LocalLLM('x')"
    assert content["date"] == "2026-11-25"
    assert [o["seed"] for o in content["outcomes"]] == [0, 1, 0]
    assert content["rates"] == rates(OUTCOMES)
    assert list(tmp_path.iterdir()) == [file]
