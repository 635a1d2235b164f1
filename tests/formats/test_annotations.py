"""What annotations of records say, plain ones and others."""

from dataclasses import make_dataclass

from opto.formats.annotations import annotated


def test_annotations_that_name_what_is_not_there_say_nothing():
    assert annotated(make_dataclass("Odd", [("x", "NoSuchType")])) == {}
    assert annotated(make_dataclass("Text", [("x", "int | None")]))["x"] == (int, type(None))
