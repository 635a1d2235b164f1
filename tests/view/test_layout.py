"""Measured and placed boxes."""

from __future__ import annotations

import sys

import pytest

from opto.errors import OptoError
from opto.view.layout import place
from opto.view.picture import Arrow, Box, Picture

graphlay = pytest.importorskip("graphlay")


def chain(n: int, **each) -> Picture:
    boxes = tuple(Box(f"s{i}", "message", None, "v") for i in range(n))
    return Picture(boxes, tuple(Arrow(f"s{i}", f"s{i + 1}") for i in range(n - 1)))


def box(value: str, words: str | None = None) -> Box:
    return Box("x0", "node", words, value)


def one(value: str, words: str | None = None):
    return place(Picture((box(value, words),), ())).places[0]


def test_inputs_stand_above_what_uses_them() -> None:
    layout = place(chain(4))
    tops = [placed.y for placed in layout.places]
    assert tops == sorted(tops)
    for upper, lower in zip(layout.places, layout.places[1:], strict=False):
        assert upper.y + upper.height < lower.y


def test_everything_lies_inside() -> None:
    picture = Picture(
        (*chain(6).boxes, box("a" * 90, "words " * 20)),
        (*chain(6).arrows, Arrow("s0", "s5"), Arrow("s0", "s3"), Arrow("x0", "s4")),
    )
    layout = place(picture)
    corners = [
        *((p.x, p.y) for p in layout.places),
        *((p.x + p.width, p.y + p.height) for p in layout.places),
        *(point for route in layout.routes for point in route.points),
    ]
    assert all(-0.01 <= x <= layout.width + 0.01 for x, _ in corners)
    assert all(-0.01 <= y <= layout.height + 0.01 for _, y in corners)
    boxes = layout.places
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            apart = a.x >= b.x + b.width or b.x >= a.x + a.width
            assert apart or a.y >= b.y + b.height or b.y >= a.y + a.height


def test_arrows_go_from_border_to_border() -> None:
    layout = place(chain(2))
    (route,) = layout.routes
    upper, lower = layout.places
    assert (route.tail, route.head) == ("s0", "s1")
    assert route.points[0][1] == pytest.approx(upper.y + upper.height)
    assert route.points[-1][1] == pytest.approx(lower.y)


def test_a_box_is_as_large_as_its_text() -> None:
    small, wide, tall = one("a"), one("a" * 30), one("a\nb\nc\nd")
    assert wide.width - small.width == pytest.approx(27 * 12 * 0.605, abs=15)
    assert wide.height == small.height
    assert tall.height == small.height + 3 * 16
    assert one("a", "words").height == small.height + 15 + 2
    # Chinese letters are two columns wide.
    assert one("語" * 15).width == wide.width


def texts(placed, part: str) -> list[str]:
    return [line.text for line in placed.lines if line.part == part]


def test_long_lines_are_wrapped_and_code_keeps_its_form() -> None:
    placed = one("def f(x):\n\tif x:\n\t\treturn " + "long_name " * 6)
    assert texts(placed, "value") == [
        "def f(x):",
        "    if x:",
        "        return long_name long_name",
        "long_name long_name long_name",
        "long_name",
    ]
    assert all(not line.centred for line in placed.lines if line.part == "value")
    assert all(line.centred for line in one("a b").lines)
    assert texts(one("a", "w " * 30), "words") == [("w " * 19).strip(), ("w " * 11).strip()]


def test_a_flood_of_lines_ends() -> None:
    rows = texts(one("\n".join(map(str, range(100)))), "value")
    assert len(rows) == 12
    assert rows[-1] == "..."
    assert len(texts(one("x" * 10_000), "value")) == 12


def test_no_boxes_at_all() -> None:
    layout = place(Picture((), ()))
    assert (layout.places, layout.routes) == ((), ())


def test_the_same_picture_is_placed_the_same() -> None:
    assert place(chain(9)) == place(chain(9))


def test_what_is_too_large_is_refused_at_once() -> None:
    with pytest.raises(OptoError, match=r"1501 boxes and 1500 arrows .* draw a part of the run"):
        place(chain(1501))


def test_without_the_package_the_message_installs_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "graphlay", None)
    with pytest.raises(OptoError, match=r'pip install "trace-opt\[view\]"'):
        place(chain(2))


def test_a_box_with_an_inside_is_a_frame_around_it() -> None:
    inside = chain(3)
    opened = Box("f0", "message", "words", "v", inside)
    layout = place(Picture((box("a"), opened), (Arrow("x0", "f0"),)))
    _, frame = layout.places
    assert frame.inside == place(inside)
    x, y = frame.corner
    assert frame.x < x
    assert x + frame.inside.width < frame.x + frame.width
    # Below the words and above the lower edge; the value is that of the last box inside.
    assert y > frame.y + max(line.y for line in frame.lines)
    assert y + frame.inside.height < frame.y + frame.height
    assert {line.part for line in frame.lines} == {"name", "words"}
