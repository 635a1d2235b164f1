from __future__ import annotations

import pytest

from opto.errors import OptimizerError
from opto.optimizers.domains import Domain, is_numeric
from opto.trace import node
from opto.trace.projections import Choices, Range


def parameter(value, *projections, **how):
    return node(value, trainable=True, projections=list(projections), **how)


@pytest.mark.parametrize(
    ("given", "domain"),
    [
        (parameter(3), Domain(-27, 33, True)),
        (parameter(0.0), Domain(-10.0, 10.0)),
        (parameter(-2.0), Domain(-22.0, 18.0)),
        (parameter(3, Range(0, 9)), Domain(0, 9, True)),
        (parameter(3, Range(0, 9, clip=True), Range(2)), Domain(2, 9, True)),
        (parameter(3.0, Range(low=1)), Domain(1, 33.0)),
        (parameter(True), Domain(options=(False, True))),
        (parameter("a", Choices("a", "b")), Domain(options=("a", "b"))),
        (parameter("red", constraint="one of: red, green"), Domain(options=("red", "green"))),
    ],
)
def test_where_a_parameter_may_go(given, domain):
    assert Domain.of(given) == domain
    assert is_numeric(given)


def test_given_bounds_come_first():
    assert Domain.of(parameter(3, Range(0, 9)), (1, 2)) == Domain(1, 2, True)


def test_a_range_without_room_is_refused():
    with pytest.raises(OptimizerError, match="nothing to choose from"):
        Domain.of(parameter(3.0, Range(3, 3)))


def test_options_are_told_apart_by_type():
    domain = Domain.of(parameter(1, Choices(1, True, 1.0, "1")))
    assert [domain.plain(option) for option in (1, True, 1.0, "1", 2)] == [0, 1, 2, 3, None]
    assert (domain.value(2), domain.holds(2), domain.holds(None)) == (1.0, True, False)


@pytest.mark.parametrize("value", ["text", [1], None, float("inf")])
def test_the_rest_is_not_numeric(value):
    assert not is_numeric(parameter(value))
