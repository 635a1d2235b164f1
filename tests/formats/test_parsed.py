import dataclasses
import inspect

import pytest

from opto.formats import Format, JSONFormat, Parsed


def test_what_was_read_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Parsed().values = {}


def test_nothing_read_is_no_failure_by_itself():
    parsed = Parsed()
    assert (parsed.values, parsed.refused, parsed.unknown, parsed.repairs) == ({}, {}, {}, ())
    assert (parsed.failure, parsed.stop) == (None, False)


@pytest.mark.parametrize("method", ["shape", "response_format", "parse"])
def test_formats_have_the_methods_of_the_protocol(method):
    asked, given = (inspect.signature(getattr(owner, method)) for owner in (Format, JSONFormat))
    assert list(asked.parameters) == list(given.parameters)
