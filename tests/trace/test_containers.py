"""Parameters are found by attribute, and nothing of the user's is run to find them."""

from __future__ import annotations

import functools

import pytest

from opto.errors import BundleError
from opto.trace import bundle, node
from opto.trace.containers import Map, ParameterContainer, members, places, trainable_method


def par(value, name=None):
    return node(value, name=name, trainable=True)


class Agent(ParameterContainer):
    def __init__(self):
        self.b = par(2)
        self.a = par(1)
        self.plain = node(3)
        self.words = "no parameter"

    @bundle(trainable=True)
    def method(self, x):
        return x + 1

    @bundle()
    def fixed(self, x):
        return x


def ids(nodes):
    """Equality of nodes is that of their values."""
    return [*map(id, nodes)]


def values(container):
    return [p.data for p in container.parameters()]


def test_parameters_come_in_alphabetical_order_of_their_attributes():
    agent = Agent()
    assert ids(agent.parameters()) == ids([agent.a, agent.b, agent.method.parameter])
    assert list(agent.parameters_dict()) == ["a", "b", "method"]


def test_a_trainable_method_stands_under_its_attribute_with_its_code():
    agent = Agent()
    assert agent.parameters_dict()["method"] is agent.method.parameter
    assert agent.method.parameter.data.startswith("def method(self, x):")


def test_each_instance_has_code_of_its_own():
    one, two = Agent(), Agent()
    assert one.parameters_dict()["method"] is not two.parameters_dict()["method"]
    assert one.parameters_dict()["method"] is one.parameters_dict()["method"]
    assert id(Agent.method.parameter) not in ids(one.parameters())


def test_two_methods_described_by_the_same_name_keep_apart():
    """A7: the second method used to return the first one's function."""

    class Twins(ParameterContainer):
        @bundle(description="[act] Add.", trainable=True)
        def first(self, x):
            return x + 1

        @bundle(description="[act] Multiply.", trainable=True)
        def second(self, x):
            return x * 10

    twins = Twins()
    assert (twins.first(2).data, twins.second(2).data) == (3, 20)
    assert len(twins.parameters()) == 2


def test_frozen_parameters_are_listed_too():
    class Frozen(ParameterContainer):
        def __init__(self):
            self.p = par(1)
            self.p.trainable = False

    frozen = Frozen()
    assert ids(frozen.parameters()) == ids([frozen.p])


def test_properties_and_other_descriptors_are_not_run():
    """A26: reading the parameters used to evaluate every property."""
    ran = []

    class Descriptor:
        def __get__(self, obj, owner=None):
            ran.append("descriptor")
            return par(0)

    class Lazy(ParameterContainer):
        other = Descriptor()

        def __init__(self):
            self.p = par(1)

        @property
        def expensive(self):
            ran.append("property")
            raise RuntimeError("not to be run")

        @functools.cached_property
        def cached(self):
            ran.append("cached")
            return par(2)

        def __getattr__(self, name):
            ran.append(name)
            raise AttributeError(name)

    lazy = Lazy()
    assert values(lazy) == [1]
    assert ran == []
    assert lazy.cached.data == 2
    # Now it is an attribute of the instance like any other.
    assert values(lazy) == [2, 1]


def test_a_parameter_with_two_names_comes_once():
    """A27."""

    class Shared(ParameterContainer):
        def __init__(self):
            self.a = self.b = par(1)
            self.inner = Map({"again": self.a})

    shared = Shared()
    assert ids(shared.parameters()) == ids([shared.a])
    assert shared.parameters_dict()["a"] is shared.parameters_dict()["b"]


def test_equal_values_are_different_parameters():
    class Equal(ParameterContainer):
        def __init__(self):
            self.a, self.b = par(1), par(1)

    assert len(Equal().parameters()) == 2


def test_containers_that_hold_each_other_do_not_loop():
    class Link(ParameterContainer):
        def __init__(self, value):
            self.p = par(value)
            self.other = None

    one, two = Link(1), Link(2)
    one.other, two.other = two, one
    assert values(one) == [2, 1]
    assert values(two) == [1, 2]
    one.other = one
    assert values(one) == [1]
    assert [p.path for p in places(one)] == [("p",)]


def test_a_long_chain_of_containers_needs_no_recursion():
    class Link(ParameterContainer):
        def __init__(self, below):
            self.below = below

    chain = Map({"p": par(1)})
    for _ in range(3000):
        chain = Link(chain)
    assert values(chain) == [1]


def test_plain_collections_of_parameters_are_not_looked_into():
    class Plain(ParameterContainer):
        def __init__(self):
            self.list, self.dict, self.tuple = [par(1)], {"a": par(2)}, (par(3),)

    assert Plain().parameters() == []


def test_parameters_of_base_classes_and_of_the_class_itself_are_found():
    class Base(ParameterContainer):
        shared = par("class")

        def __init__(self):
            self.base = par("base")

    class Derived(Base):
        def __init__(self):
            super().__init__()
            self.derived = par("derived")

    assert values(Derived()) == ["base", "derived", "class"]


def test_slots_are_read_and_empty_ones_are_not():
    class Slotted(ParameterContainer):
        __slots__ = ("empty", "p")

        def __init__(self):
            self.p = par(1)

    assert values(Slotted()) == [1]
    assert "empty" not in members(Slotted())


def test_a_nested_container_may_say_itself_which_parameters_it_has():
    class Picky(ParameterContainer):
        def __init__(self):
            self.yes, self.no = par("yes"), par("no")

        def parameters(self):
            return [self.yes]

    class Outer(ParameterContainer):
        def __init__(self):
            self.inner = Picky()

    assert values(Outer()) == ["yes"]


def test_untrained_bundles_are_no_containers():
    class Holder(ParameterContainer):
        def __init__(self, f):
            self.f = f

    @bundle()
    def fixed(x):
        return x

    @bundle(trainable=True)
    def loose(x):
        return x

    assert Holder(fixed).parameters_dict() == {}
    holder = Holder(loose)
    assert holder.parameters_dict() == {"f": loose.parameter}
    assert [p.code for p in places(holder)] == [True]


def test_static_and_class_methods_share_the_code_of_the_class():
    class Tools(ParameterContainer):
        @staticmethod
        @bundle(trainable=True)
        def static(x):
            return x + 1

        @classmethod
        @bundle(trainable=True)
        def klass(cls, x):
            return x + 2

    one, two = Tools(), Tools()
    assert list(one.parameters_dict()) == ["klass", "static"]
    assert ids(one.parameters()) == ids(two.parameters())
    one.parameters_dict()["static"]._set("def static(x):\n    return x + 100")
    assert two.static(1).data == 101


@pytest.mark.parametrize("kind", [functools.partial, functools.partialmethod])
def test_a_partial_of_a_trainable_function_is_refused(kind):
    @bundle(trainable=True)
    def loose(x, y):
        return x + y

    class Holder(ParameterContainer):
        pass

    holder = Holder()
    holder.f = kind(loose, 1)
    with pytest.raises(BundleError, match=r"Holder\.f is a functools\.partial of a trainable"):
        holder.parameters()
    holder.f = kind(print, 1)
    assert holder.parameters() == []


def test_trainable_method_tells_trainable_functions_from_all_else():
    agent = Agent()
    assert trainable_method(agent.method)
    assert trainable_method(Agent.method)
    for other in (agent.fixed, agent, agent.a, print, None, Agent, functools.partial(agent.method)):
        assert not trainable_method(other)


def test_an_object_with_an_attribute_called_parameter_is_no_method():
    class Module(ParameterContainer):
        def __init__(self):
            self.parameter, self.z = par(1), par(2)

        def __call__(self):
            return 0

    class Outer(ParameterContainer):
        def __init__(self):
            self.inner = Module()

    assert values(Outer()) == [1, 2]


# -- copies ------------------------------------------------------------------------------


def test_a_copy_shares_parameters_and_nothing_else():
    class Stateful(Agent):
        def __init__(self):
            super().__init__()
            self.state = {"seen": []}
            self.inner = Map({"c": par(5), "note": [1]})

    one = Stateful()
    one.method(1)
    two = one.copy()
    assert two is not one
    assert ids(two.parameters()) == ids(one.parameters())
    assert two.state is not one.state
    assert two.inner is not one.inner
    assert two.plain is not one.plain
    one.method.parameter._set("def method(self, x):\n    return x + 100")
    assert two.method(1).data == 101
    assert two.method(1).inputs["self"].data is two


def test_a_copy_of_objects_that_hold_each_other_holds_the_copies():
    class Link(ParameterContainer):
        def __init__(self):
            self.p, self.other = par(1), None

    one, two = Link(), Link()
    one.other, two.other = two, one
    copied = one.copy()
    assert copied.other.other is copied
    assert copied.other is not two
    assert copied.other.p is two.p
