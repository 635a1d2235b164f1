"""A page on which calls open at a click: what a browser needs for it, and nothing else."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from opto.trace import node
from opto.trace.graph import ancestors
from opto.view import digraph
from opto.view.fold import folded, whole_page
from opto.view.picture import Box, Picture
from opto.view.text import Dot

pytest.importorskip("graphlay")

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def opened(nested) -> Picture:
    return Picture.of(ancestors(nested), nested, expand=None)


def page(picture: Picture) -> ET.Element:
    return ET.fromstring(f"<div>{folded(picture).html}</div>")  # noqa: S314 - our own text


def test_each_call_is_a_closed_box_and_a_line_that_opens(opened) -> None:
    root = page(opened)
    details = list(root.iter("details"))
    assert [d.find("summary/b").text for d in details] == ["outer0", "inner0"]
    assert all("open" not in d.attrib for d in details)
    # What is inside of a call stands within the line of that call.
    assert [d.find("summary/b").text for d in details[0].iter("details")] == ["outer0", "inner0"]
    assert details[0].find("summary").find("b").tail == ": <adds> and doubles"


def test_a_click_on_the_box_leads_to_its_inside(opened) -> None:
    root = page(opened)
    links = [a.get("href") for a in root.iter(f"{SVG}a")]
    places = {d.find("div").get("id"): d.find("summary/b").text for d in root.iter("details")}
    assert [places[link.removeprefix("#")] for link in links] == ["outer0", "inner0"]
    names = [next(a.iter(f"{SVG}text")).text for a in root.iter(f"{SVG}a")]
    assert names == ["outer0", "inner0"]


def test_places_differ_from_page_to_page(opened, nested) -> None:
    other = Picture.of(ancestors(nested), nested, expand=1)
    one, two = ({d.get("id") for d in page(each).iter("div")} - {None} for each in (opened, other))
    assert not one & two
    assert folded(opened) == folded(opened)


def test_nothing_is_run_or_loaded(opened) -> None:
    text = whole_page(opened).lower()
    for forbidden in ("<script", "javascript:", "http://", "https://", "src=", "url(", " on"):
        assert forbidden not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_values_are_no_markup() -> None:
    evil = "</summary><script>alert(1)</script>'\""
    inside = Picture((Box("x0", "node", evil, evil, outside=True),), ())
    picture = Picture((Box(f"{evil}0", "message", evil, evil, inside=inside),), ())
    assert {e.tag.removeprefix(SVG) for e in page(picture).iter()} == {
        *("div", "svg", "rect", "g", "title", "text", "a", "circle", "path"),
        *("details", "summary", "b"),
    }


def test_a_picture_without_insides_has_no_lines(output) -> None:
    root = page(Picture.of(ancestors(output), output))
    assert list(root.iter("details")) == []
    assert list(root.iter(f"{SVG}a")) == []


def test_it_is_saved_as_a_file(opened, tmp_path) -> None:
    path = Dot(opened).save(tmp_path / "run.html")
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert path.endswith("run.html")
    assert text.startswith("<!DOCTYPE html>")
    assert folded(opened).html in text


@pytest.mark.parametrize("expand", [0, None])
def test_notebooks_show_it_where_something_opens(nested, expand, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for figure in (
        digraph(ancestors(nested), nested, expand=expand),
        Dot(Picture.of(ancestors(nested), nested, expand=expand)),
    ):
        shown = figure._repr_mimebundle_()
        assert shown["text/plain"] == figure.source
        assert ("<details" in shown.get("text/html", "")) is (expand is None)


def test_ordinary_pictures_are_shown_as_before(output) -> None:
    assert set(Dot(Picture.of(ancestors(output), output))._repr_mimebundle_()) == {
        *("text/plain", "image/svg+xml")
    }
    assert not Dot(Picture.of([node(1)])).opens
