from __future__ import annotations

import pytest

from opto.errors import StoreError
from opto.store import KINDS, Entry
from opto.store.events import checked


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_known_and_explained(kind):
    entry = Entry(kind, 1)
    assert checked(entry) is entry
    assert len(KINDS[kind]) > 15


def test_a_misspelt_kind_is_refused_with_the_nearest():
    with pytest.raises(StoreError, match="of the kind 'evalution'; did you mean 'evaluation'"):
        checked(Entry("evalution", 1))
