"""What is shown inside of calls."""

from __future__ import annotations

import pytest

from opto.errors import OptoError
from opto.trace import bundle
from opto.trace.graph import ancestors
from opto.view.picture import Picture
from opto.view.scenes import missing, number, origin, scenes_of
from opto.view.text import Dot


def words(picture: Picture) -> list[str]:
    """The boxes of a picture; those from outside in brackets, the insides behind a colon."""
    return [
        (f"({box.name})" if box.outside else box.name)
        + (f": {words(box.inside)}" if box.inside else "")
        for box in picture.boxes
    ]


def test_by_default_a_call_is_one_box(nested) -> None:
    picture = Picture.of(ancestors(nested), nested)
    assert words(picture) == ["x0", "outer0"]
    assert not picture.opens
    assert picture == Picture.of(ancestors(nested), nested, expand=0)


def test_calls_open_level_by_level(nested) -> None:
    one = Picture.of(ancestors(nested), nested, expand=1)
    assert words(one) == [
        "x0",
        "outer0: ['(x0)', 'inner0', 'int0', 'multiply0', 'outer0']",
    ]
    both = Picture.of(ancestors(nested), nested, expand=2)
    # What is used in the innermost call is from outside of both.
    assert words(both)[1] == (
        "outer0: ['(p0)', '(x0)', \"inner0: ['(p0)', '(x0)', 'add0', 'inner0']\", "
        "'int0', 'multiply0', 'outer0']"
    )
    assert words(both)[2:] == ["p0"]
    assert both == Picture.of(ancestors(nested), nested, expand=None)
    assert both.opens


def test_arrows_lead_to_what_used_a_value_from_outside(nested) -> None:
    picture = Picture.of(ancestors(nested), nested, expand=None)
    ends = {(a.tail, a.head) for a in picture.arrows}
    assert ends == {("x0", "outer0"), ("p0", "outer0")}
    (outer,) = [box.inside for box in picture.boxes if box.inside]
    assert {(a.tail, a.head) for a in outer.arrows} == {
        ("x0", "inner0"),
        ("p0", "inner0"),
        ("inner0", "multiply0"),
        ("int0", "multiply0"),
        ("multiply0", "outer0"),
    }


def test_a_copy_has_the_name_of_what_it_is_a_copy_of(nested) -> None:
    picture = Picture.of(ancestors(nested), nested, expand=1)
    (outer,) = [box.inside for box in picture.boxes if box.inside]
    (copy,) = [box for box in outer.boxes if box.outside]
    assert (copy.name, copy.value) == ("x0", "1")


def test_what_was_made_of_what_a_call_used_is_shown_too(p) -> None:
    before = p * 2

    @bundle("[f] adds it", traceable_code=True)
    def f():
        return before + 1

    y = f()
    picture = Picture.of(ancestors(y), y, expand=None)
    assert words(picture)[1:] == ["p0", "int0", "multiply0"]
    assert ("multiply0", "f0") in {(a.tail, a.head) for a in picture.arrows}


def test_calls_that_a_call_used_by_name_open_as_well(p) -> None:
    @bundle("[f] adds p", traceable_code=True)
    def f():
        return p + 1

    before = f()

    @bundle("[g] of f", traceable_code=True)
    def g():
        return before * 2

    y = g()
    opened = {box.name: box.inside is not None for box in Picture.of([y], y, expand=1).boxes}
    assert opened == {"g0": True, "p0": False, "f0": True}


def test_copies_are_left_out_inside_too(p) -> None:
    @bundle("[f] of a clone", traceable_code=True)
    def f(v):
        return v.clone() + p

    y = f(1)
    simple, full = (
        Picture.of(ancestors(y), y, simple_visualization=simple, expand=1).boxes[1].inside
        for simple in (True, False)
    )
    assert not any("clone" in box.name for box in simple.boxes)
    assert any("clone" in box.name for box in full.boxes)
    assert ("v0", "add0") in {(a.tail, a.head) for a in simple.arrows}


def test_a_call_with_nothing_inside_stays_closed(p) -> None:
    @bundle("[f] a number", traceable_code=True)
    def f(v):
        return v.data + 1

    y = f(1)
    assert not Picture.of(ancestors(y), y, expand=None).opens


def test_looking_inside_is_no_read(nested) -> None:
    @bundle()
    def look(v):
        assert Picture.of(ancestors(nested), nested, expand=None).opens
        return v

    assert look(2).data == 2


def test_a_negative_depth_is_refused(nested) -> None:
    with pytest.raises(OptoError, match="expand must be None"):
        Picture.of([nested], nested, expand=-1)


def test_insides_are_found_without_what_is_in_the_picture(nested, p) -> None:
    scenes = scenes_of([nested], None)
    assert len(scenes) == 2
    added = missing([nested], scenes)
    assert [n.py_name for n in added] == ["p0", "x0"]
    assert missing([nested, *added], scenes) == []
    copies = [n for scene in scenes.values() for n in scene.nodes if origin(n) is not n]
    assert {number(n) for n in copies} == {n._serial for n in added if n.py_name == "x0"}
    assert scenes_of([nested], 0) == {}


def test_two_hundred_levels_are_drawn() -> None:

    def level(below):
        return bundle("[up] one more", traceable_code=True)(lambda v: below(v) + 1)

    top = bundle("[up] as it is", traceable_code=True)(lambda v: v)
    for _ in range(150):
        top = level(top)
    y = top(0)
    assert y.data == 150
    source = Dot(Picture.of(ancestors(y), y, expand=None)).source
    assert source.count("subgraph") == 151
