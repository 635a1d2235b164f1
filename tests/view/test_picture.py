"""Boxes and arrows of a run (SPEC 2.9)."""

from __future__ import annotations

import pytest

from opto.errors import ExecutionError
from opto.trace import bundle, node
from opto.trace import operators as ops
from opto.trace.graph import ancestors
from opto.view.picture import Arrow, Box, Picture, showable


def of(output, **options) -> Picture:
    return Picture.of(ancestors(output), output, **options)


def arrows(picture: Picture) -> list[tuple[str, str]]:
    return [(arrow.tail, arrow.head) for arrow in picture.arrows]


def named(picture: Picture, name: str) -> Box:
    (box,) = [box for box in picture.boxes if box.name == name]
    return box


def test_every_value_is_a_box_and_every_use_an_arrow() -> None:
    x = node(3, name="x", trainable=True, description="how many")
    picture = of(x * 2 + node(1, name="b"))
    assert {box.name for box in picture.boxes} == {"x0", "int0", "multiply0", "b0", "add0"}
    assert set(arrows(picture)) == {
        ("x0", "multiply0"),
        ("int0", "multiply0"),
        ("multiply0", "add0"),
        ("b0", "add0"),
    }
    assert named(picture, "x0") == Box("x0", "parameter", "how many", "3")
    assert named(picture, "b0") == Box("b0", "node", None, "1")
    assert named(picture, "add0").lines == ("add0", "x plus y.", "7")


def test_an_arrow_is_drawn_once() -> None:
    x = node(1, name="x")
    assert of(x * x).arrows == (Arrow("x0", "multiply0"),)


def test_reversed() -> None:
    x = node(1, name="x")
    assert arrows(of(-x, reverse_plot=True)) == [("neg0", "x0")]


def test_what_is_not_among_the_nodes_is_not_drawn() -> None:
    x = node(1, name="x")
    y = x + 2
    picture = Picture.of([x, y], y)
    assert arrows(picture) == [("x0", "add0")]
    assert Picture.of([], None) == Picture((), ())


def test_copies_are_passed_through() -> None:
    x = node(1, name="x")
    y = ops.identity(x.clone()) + 1
    assert ("x0", "add0") in arrows(of(y))
    assert len(of(y).boxes) == 3
    assert len(of(y, simple_visualization=False).boxes) == 5
    last = x.clone()
    assert arrows(of(last)) == [("x0", last.py_name)]


def test_a_bundle_called_clone_with_two_inputs_is_no_copy() -> None:
    @bundle("[clone] Both.")
    def both(a, b):
        return a, b

    picture = of(both(node(1, name="a"), node(2, name="b")).len())
    assert "clone0" in {box.name for box in picture.boxes}


def test_an_exception_is_of_its_kind() -> None:
    with pytest.raises(ExecutionError) as caught:
        node(1, name="x") / 0
    box = of(caught.value.exception_node).boxes[-1]
    assert box.kind == "exception"
    assert box.value == "(ZeroDivisionError) division by zero"


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        (3, "aaa...", "ddd..."),
        (5, "aaaaa", "ddddd..."),
        (100, "aaaaa", "dddddd"),
        (0, "...", "..."),
    ],
)
def test_long_texts_are_cut(limit: int, value: str, words: str) -> None:
    box = of(node("aaaaa", name="x", description="dddddd"), print_limit=limit).boxes[0]
    assert (box.name, box.value, box.description) == ("x0", value, words)


def test_a_message_shows_its_content() -> None:
    assert of(node({"role": "user", "content": "hi"})).boxes[0].value == "hi"
    assert of(node({"role": "user"})).boxes[0].value == "{'role': 'user'}"


def test_the_value_is_that_of_the_time_of_its_use() -> None:
    x = node([1], name="x")
    y = x.len()
    x.data.append(2)
    picture = of(y)
    assert named(picture, y.py_name).value == "1"
    assert named(picture, "x0").value == str(x.recorded)


def test_looking_is_no_read() -> None:
    x = node(1, name="x")

    @bundle()
    def look(v):
        assert of(x).boxes[0].value == "1"
        return v

    assert look(2).data == 2


def test_names_are_unique() -> None:
    nodes = [node(1, name="x1"), *(node(i, name="x") for i in range(11))]
    picture = Picture.of(nodes)
    assert len({box.name for box in picture.boxes}) == 12


class Mute:
    def __str__(self) -> str:
        raise RuntimeError


def test_a_value_that_cannot_be_shown_hides_no_graph() -> None:
    assert of(node(Mute())).boxes[0].value == "(Mute, whose str() raises RuntimeError)"


def test_what_no_file_can_hold_is_replaced() -> None:
    assert showable("a\x00b\x1b\ud800\uffff\n\t\u00fc") == "a\ufffdb\ufffd\ufffd\ufffd\n\t\u00fc"
    # What a terminal would take for an order, and what shows text in another order than it has.
    assert showable("a\x9b31mb\u202ec\u2066d") == "a\ufffd31mb\ufffdc\ufffdd"
    assert of(node("a\r\nb\rc\x07")).boxes[0].value == "a\nb\nc\ufffd"
