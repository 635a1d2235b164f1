"""Drawings without the dot program."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opto.trace import node
from opto.trace.graph import ancestors
from opto.view.picture import Arrow, Box, Picture
from opto.view.svg import svg

pytest.importorskip("graphlay")

SVG = "{http://www.w3.org/2000/svg}"


def drawn(picture: Picture) -> ET.Element:
    return ET.fromstring(svg(picture))  # noqa: S314 - it is our own text


def small(*values: str, kind: str = "node") -> Picture:
    return Picture(tuple(Box(f"x{i}", kind, None, value) for i, value in enumerate(values)), ())


def words(root: ET.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def test_a_run_is_drawn() -> None:
    x = node(3, name="x", trainable=True, description="how many")
    y = x * 2
    root = drawn(Picture.of(ancestors(y), y))
    assert sorted(words(root)) == sorted(
        ["x0", "how many", "3", "int0", "2", "multiply0", "x times y.", "6"]
    )
    assert root.get("aria-label") == "A run of 3 values"
    page, *boxes = root.iter(f"{SVG}rect")
    assert sorted(box.get("fill") for box in boxes) == ["#DEEBF6", "#DEEBF6", "#FFE5E5"]
    assert len(list(root.iter(f"{SVG}path"))) == 2 * 2
    assert page.get("width") == root.get("viewBox").split()[2]


def test_the_colours_are_those_that_browsers_know() -> None:
    (_, box) = drawn(small("boom", kind="exception")).iter(f"{SVG}rect")
    assert (box.get("fill"), box.get("stroke")) == ("#FF3030", "black")
    assert "firebrick1" not in svg(small("boom", kind="exception"))


def test_a_box_tells_all_of_its_text_on_hovering() -> None:
    root = drawn(small("\n".join(map(str, range(30)))))
    (title,) = [e.text for e in root.iter(f"{SVG}title")]
    assert title.split("\n") == ["x0", *map(str, range(30))]
    assert len(words(root)) == 13


def test_an_arrow_ends_in_its_tip() -> None:
    picture = Picture(small("a", "b").boxes, (Arrow("x0", "x1"),))
    line, tip = (path.get("d") for path in drawn(picture).iter(f"{SVG}path"))
    end = [float(n) for n in re.findall(r"-?[\d.]+", line)][-2:]
    point, *base = [float(n) for n in re.findall(r"-?[\d.]+", tip)][1::2]
    assert point - end[1] == pytest.approx(8)
    assert base == pytest.approx([end[1], end[1]])


def test_corners_are_round() -> None:
    x = [Box(f"x{i}", "node", None, "v") for i in range(4)]
    arrows = [Arrow("x0", "x1"), Arrow("x1", "x2"), Arrow("x2", "x3"), Arrow("x0", "x3")]
    assert " Q" in svg(Picture(tuple(x), tuple(arrows)))


HOSTILE = (
    "</text><script>alert(1)</script>",
    '" onload="alert(1)',
    "' fill='red",
    "<![CDATA[x]]>",
    "<!-- x",
    "&lt;b&gt; &amp; &#0; &nope;",
    "<a xlink:href='javascript:alert(1)'>",
    "\x00\x08\x1b\ud800\uffff",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_values_are_no_markup(text: str) -> None:
    picture = Picture((Box(text[:20], "parameter", text, text),), ())
    source = svg(picture)
    root = ET.fromstring(source)  # noqa: S314
    kinds = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert kinds == {"svg", "rect", "g", "title", "text"}
    assert not any(name.startswith("on") for element in root.iter() for name in element.attrib)
    source.encode()


@settings(max_examples=40)
@given(st.lists(st.text(max_size=120), min_size=1, max_size=3))
def test_any_text_makes_a_document_that_holds_it(values) -> None:
    root = drawn(small(*values))
    titles = [element.text for element in root.iter(f"{SVG}title")]
    assert len(titles) == len(values)
    for i, (title, value) in enumerate(zip(titles, values, strict=True)):
        kept = "".join(letter for letter in value if letter.isalnum())
        assert "".join(letter for letter in title if letter.isalnum()) == f"x{i}{kept}"


def test_an_inside_is_drawn_within_its_box(nested) -> None:
    root = drawn(Picture.of(ancestors(nested), nested, expand=None))
    # Values from outside stand in each frame that used them, with a dashed line.
    assert words(root).count("x0") == words(root).count("p0") == 3
    dashed = [r for r in root.iter(f"{SVG}rect") if r.get("stroke-dasharray")]
    assert len(dashed) == 4
    moved = [g for g in root.iter(f"{SVG}g") if g.get("transform")]
    assert len(moved) == 2
    assert moved[1] in list(moved[0].iter(f"{SVG}g"))


def test_a_link_stands_around_its_box_alone() -> None:
    root = ET.fromstring(svg(small("a", "b"), {"x1": "#there?a='1'"}))  # noqa: S314
    (link,) = root.iter(f"{SVG}a")
    assert link.get("href") == "#there?a='1'"
    assert [text.text for text in link.iter(f"{SVG}text")] == ["x1", "b"]
