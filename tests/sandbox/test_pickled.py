"""Old files are read by the reader of `opto.trace.saving`, in the sandbox."""

from __future__ import annotations

import pickle

import pytest

from opto.errors import StoreError
from opto.sandbox.pickled import old_values
from tests.trace.test_saving_pickles import Inner, old, old_agent, old_file


def test_paths_values_and_whether_they_are_trainable(tmp_path):
    content = {**old_agent(), "frozen": old(5, trainable=False)}
    raw = old_file(tmp_path, content).read_bytes()
    found = old_values(raw, frozenset({f"{Inner.__module__}.{Inner.__qualname__}"}))
    assert found["prompt",] == ("trained", True)
    assert found["frozen",] == (5, False)
    assert found["seq", "1", "a"] == (20, True)
    assert found["inner", "q"][0]["k"][0] == (1, 2)


def test_what_the_reader_refuses_is_refused_in_its_words(tmp_path):
    with pytest.raises(StoreError, match="the pickle file holds no parameters"):
        old_values(pickle.dumps([1]), frozenset())
    with pytest.raises(StoreError, match=r"asks for .*Inner, which is neither"):
        old_values(old_file(tmp_path, old_agent()).read_bytes(), frozenset())
