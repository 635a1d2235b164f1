from __future__ import annotations

import pytest

from opto.optimizers.proposal import Change, Refusal, Update
from opto.store.steps import entries_of, tells_the_same
from opto.trace import GRAPH, node


class Thing:
    """What no journal can hold as it is."""

    def __init__(self):
        self.size = 3


def update(*values, refused=()):
    GRAPH.clear()  # as in a program that begins again, so that names are the same
    parameters = [node(0, name=f"p{number}", trainable=True) for number, _ in enumerate(values)]
    changes = [
        Change(parameter, parameter.py_name, 0, value)
        for parameter, value in zip(parameters, values, strict=True)
    ]
    return Update(changes=tuple(changes), refused=tuple(refused))


def test_each_parameter_has_a_version_and_the_step_comes_last():
    said = update("new", (1, 2), refused=[Refusal("x0", "'two'", "it must be a whole number")])
    *versions, step = entries_of(said, 4, "r")
    assert [(e.kind, e.key, e.run, e.data) for e in versions] == [
        ("parameter", "p00", "r", {"step": 4, "value": "new"}),
        ("parameter", "p10", "r", {"step": 4, "value": (1, 2)}),
    ]
    assert (step.kind, step.key, step.run) == ("step", "4", "r")
    assert step.data == {
        "step": 4,
        "changes": {"p00": "new", "p10": (1, 2)},
        "refused": [["x0", "it must be a whole number"]],
    }


def test_a_step_without_a_change_is_a_step():
    [step] = entries_of(update(), 1, "r")
    assert step.data == {"step": 1, "changes": {}, "refused": []}


def test_what_no_journal_holds_is_kept_as_it_looks(journal):
    entries = entries_of(update(Thing()), 1, "r")
    stored = journal.extend(entries)
    assert "3" in str(stored[0].data["value"])
    assert stored[0].data["value"] == stored[1].data["changes"]["p00"]


def test_a_value_is_kept_as_it_is_now(journal):
    value = [1]
    entries = entries_of(update(value), 1, "r")
    value.append(2)
    assert entries[0].data["value"] == [1]


@pytest.mark.parametrize(
    ("again", "same"),
    [((1, "a"), True), ((1, "b"), False), (([1], "a"), False)],
)
def test_a_step_is_told_from_another(journal, again, same):
    first = journal.extend(entries_of(update(1, "a"), 1, "r"))[-1]
    assert tells_the_same(first, entries_of(update(*again), 1, "r")[-1]) is same


def test_a_secret_that_was_taken_out_makes_no_other_step(journal, monkeypatch):
    monkeypatch.setenv("MY_DB_PASSWORD", "hunter2-hunter2")
    said = "the word is hunter2-hunter2"
    first = journal.extend(entries_of(update(said), 1, "r"))[-1]
    assert first.data["changes"] == {"p00": "the word is ***"}
    assert tells_the_same(first, entries_of(update(said), 1, "r")[-1])
