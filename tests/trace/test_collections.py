"""Seq and Map: a list and a dictionary whose parameters count."""

from __future__ import annotations

import pytest

from opto.errors import NodeError
from opto.trace import NodeContainer, bundle, node
from opto.trace.containers import Map, ParameterContainer, Seq, places


def par(value, name=None):
    return node(value, name=name, trainable=True)


def ids(nodes):
    """Equality of nodes is that of their values."""
    return [*map(id, nodes)]


def values(container):
    return [p.data for p in container.parameters()]


def test_seq_takes_items_or_one_sequence():
    p, q = par(1, "p"), par(2, "q")
    assert Seq(p, q).data == Seq([p, q]).data == Seq((p, q)).data == [p, q]
    assert Seq("word").data == ["word"]
    assert Seq(5).data == [5]
    assert Seq().data == []


def test_seq_is_a_list_whose_parameters_count():
    p, q, inner = par(1, "p"), par(2, "q"), Seq(par(3, "r"))
    seq = Seq(p, "text", q, inner, p)
    assert seq[0] is p
    assert list(seq.parameters_dict()) == ["p:0", "q:0", str(inner)]
    assert values(seq) == [1, 2, 3]
    seq.append(par(4))
    assert values(seq) == [1, 2, 3, 4]
    assert values(seq[1:3]) == [2]


def test_two_containers_that_read_alike_are_both_listed():
    assert len(Seq(Map(), Map()).parameters_dict()) == 2


def test_map_takes_parameters_as_values_and_as_keys():
    key, value = par("k", "key"), par("v", "value")
    mapped = Map({"a": value, key: 1, 7: par(2)})
    assert mapped.parameters_dict() == {"a": value, str(key): key, 7: mapped[7]}
    assert sorted(map(str, values(mapped))) == ["2", "k", "v"]
    assert mapped[key] == 1


def test_a_container_is_no_key():
    class Hashable(ParameterContainer):
        pass

    with pytest.raises(NodeError, match="cannot be the key of a Map"):
        Map({Hashable(): 1})
    mapped = Map()
    with pytest.raises(NodeError, match="cannot be the key of a Map"):
        mapped[Hashable()] = 1


def test_places_hold_from_one_run_to_the_next():
    """Node names count up, so a file that is keyed by them would fit one run only."""

    class Holder(ParameterContainer):
        def __init__(self):
            self.seq = Seq(par(1, "p"), Map({"a": par(2), 7: par(3), par("k"): par(4)}))

    def paths():
        return [place.path for place in places(Holder())]

    assert paths() == paths()
    assert paths() == [
        ("seq", "0"),
        ("seq", "1", "a"),
        ("seq", "1", "[7]"),
        ("seq", "1", "[2].key"),
        ("seq", "1", "[2]"),
    ]


def test_bundled_functions_count_inside_seq_and_map():
    @bundle(trainable=True)
    def loose(x):
        return x

    assert ids(Seq(loose).parameters()) == ids([loose.parameter])
    assert ids(Map({"f": loose}).parameters()) == ids([loose.parameter])


def test_containers_are_marked_for_broadcasting():
    assert issubclass(ParameterContainer, NodeContainer)
