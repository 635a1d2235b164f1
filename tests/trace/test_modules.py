"""Classes with parameters: they run, are copied and pickled, and take values over."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import pytest

from opto.errors import BundleError, StoreError
from opto.trace import Model, Module, bundle, model, node
from opto.trace.containers import Map, Seq
from opto.trace.projections import Pattern

T = TypeVar("T")


def par(value, name=None):
    return node(value, name=name, trainable=True)


@model
class Agent:
    """An agent of a module, as users write them."""

    limit = 3
    shared = par("of the class")

    def __init__(self, start=1):
        self.start = par(start)
        self.seen = []

    @property
    def doubled(self):
        return self.start.data * 2

    @bundle(trainable=True)
    def act(self, x):
        """Add one."""
        return x + 1

    @bundle()
    def fixed(self, x):
        return x * 10

    def forward(self, x):
        return self.fixed(self.act(x)) + self.start


class Net(Module):
    def __init__(self, value=1):
        self.p = par(value)

    def forward(self, x):
        return x + self.p


# -- Module ------------------------------------------------------------------------------


def test_calling_a_module_runs_its_forward():
    assert Net(2)(3).data == 5
    assert Net(2)(x=3).data == 5


def test_a_module_without_forward_says_so():
    class Empty(Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no forward"):
        Empty()()


# -- model -------------------------------------------------------------------------------


def test_the_class_keeps_its_face():
    assert (Agent.__name__, Agent.__qualname__, Agent.__module__) == ("Agent", "Agent", __name__)
    assert Agent.__doc__ == "An agent of a module, as users write them."
    assert "def act(self, x)" in inspect.getsource(Agent)
    assert list(inspect.signature(Agent).parameters) == ["start"]
    assert issubclass(Agent, Model)
    assert issubclass(Agent, Module)


def test_a_model_runs_and_has_parameters():
    agent = Agent()
    assert agent(2).data == 31
    assert list(agent.parameters_dict()) == ["act", "shared", "start"]
    assert agent.doubled == 2


def test_init_needs_to_know_nothing_of_it():
    @model
    class Bare:
        pass

    assert Bare().parameters() == []


def test_super_reaches_the_classes_below():
    @model
    class Base:
        def __init__(self):
            self.base = par("base")

    @model
    class Derived(Base):
        def __init__(self):
            super().__init__()
            self.derived = par("derived")

    assert [p.data for p in Derived().parameters()] == ["base", "derived"]
    assert Derived.__name__ == "Derived"


def test_model_twice_is_model_once():
    assert model(Agent) is Agent


@pytest.mark.parametrize("thing", [print, "Agent", None])
def test_only_classes_become_models(thing):
    with pytest.raises(BundleError, match="@model stands on a class"):
        model(thing)


def test_abstract_generic_and_data_classes_become_models():
    @model
    class Abstract(ABC, Generic[T]):
        @abstractmethod
        def forward(self): ...

    with pytest.raises(TypeError, match="abstract"):
        Abstract()

    @model
    @dataclasses.dataclass
    class Record:
        p: object = dataclasses.field(default_factory=lambda: par(1))
        q: int = 2

    assert [p.data for p in Record().parameters()] == [1]
    assert Record(q=5).q == 5


def test_a_class_with_slots_becomes_a_model():
    @model
    class Slotted:
        __slots__ = ("p",)

        def __init__(self):
            self.p = par(1)

        @bundle(trainable=True)
        def act(self, x):
            return x + 1

    slotted = Slotted()
    slotted.act.parameter._set("def act(self, x):\n    return x + 5")
    twin = copy.deepcopy(slotted)
    assert twin.p is not slotted.p
    assert twin.act(1).data == 6


def test_code_typed_in_a_repl_becomes_a_model():
    """V2 read the source of every member, and failed on data and properties too."""
    names = {"__name__": "__main__"}
    exec(
        "from opto.trace import model, node, bundle\n"
        "@model\n"
        "class Typed:\n"
        "    data = 5\n"
        "    @property\n"
        "    def size(self): return 1\n"
        "    def __init__(self): self.p = node(1, trainable=True)\n"
        "    @bundle()\n"
        "    def act(self, x): return x + self.data\n"
        "    def forward(self, x): return self.act(x)\n",
        names,
    )
    typed = names["Typed"]()
    assert typed(1).data == 6
    assert len(typed.parameters()) == 1
    assert names["Typed"].__module__ == "__main__"


# -- copies and pickles ------------------------------------------------------------------


@bundle(trainable=True)
def loose(x):
    return x + 1


def copies():
    return pytest.mark.parametrize(
        "again",
        [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))],  # noqa: S301
        ids=["deepcopy", "pickle"],
    )


@copies()
def test_a_copy_has_code_and_parameters_of_its_own(again):
    """A10: methods of classes in modules could not be copied."""
    agent = Agent()
    agent.act.parameter._set("def act(self, x):\n    return x + 100")
    agent.start._set(7)
    twin = again(agent)
    assert type(twin) is Agent
    assert twin(1).data == agent(1).data == 1017
    agent.act.parameter._set("def act(self, x):\n    return x")
    agent.start._set(0)
    agent.seen.append(1)
    assert twin(1).data == 1017
    assert twin.seen == []
    assert {*twin.parameters()}.isdisjoint({agent.start, agent.act.parameter})


@copies()
def test_methods_of_a_copy_get_the_copy(again):
    agent = Agent()
    agent.act(1)
    twin = again(agent)
    assert twin.act(1).inputs["self"].data is twin
    assert twin.fixed(1).inputs["self"].data is twin


@copies()
def test_a_copy_that_was_never_called_is_whole(again):
    assert again(Agent(4))(1).data == 24


@copies()
def test_a_copy_keeps_what_is_shared_shared(again):
    net = Net()
    net.seq, net.again = Seq(net.p, Map({"p": net.p})), net.p
    net.me = net
    twin = again(net)
    assert twin.parameters() == [twin.p]
    assert twin.seq[1]["p"] is twin.again is twin.p
    assert twin.me is twin


def test_a_function_of_a_module_can_be_copied():
    """A10."""
    twin = copy.deepcopy(loose)
    twin.parameter._set("def loose(x):\n    return x + 100")
    assert (twin(1).data, loose(1).data) == (101, 2)
    detached = loose.detach()
    assert detached.parameter is not loose.parameter
    assert loose.copy().parameter is loose.parameter


def test_a_model_shares_its_parameters_with_its_copy():
    agent = Agent()
    twin = agent.copy()
    twin.act.parameter._set("def act(self, x):\n    return x + 100")
    assert agent(1).data == 1011
    assert twin.seen is not agent.seen


def test_a_copy_keeps_projections_and_descriptions():
    letters = Pattern("[a-z]")

    @model
    class Bounded:
        def __init__(self):
            words = {"description": "a letter", "constraint": "a-z", "projections": [letters]}
            self.p = node("a", name="p", trainable=True, **words)

    twin = copy.deepcopy(Bounded())
    assert twin.p.projections == [letters]
    assert (twin.p.description, twin.p.constraint, twin.p.name) == ("a letter", "a-z", "p:1")


# -- _set --------------------------------------------------------------------------------


def test_values_are_taken_over_and_nothing_else():
    net = Net(1)
    net.p.trainable = False
    name = net.p.name
    net._set({"p": par(5, "other")})
    assert (net.p.data, net.p.name, net.p.trainable) == (5, name, False)
    net._set({"p": 6})
    assert net.p.data == 6
    net._set(Net(7))
    assert net.p.data == 7


def test_containers_within_are_set_by_dictionaries_or_containers():
    outer = Net(1)
    outer.inner = Net(2)
    outer._set({"p": 10, "inner": {"p": 20}})
    assert [p.data for p in outer.parameters()] == [20, 10]
    outer._set({"p": 11, "inner": Net(21)})
    assert [p.data for p in outer.parameters()] == [21, 11]


def test_code_is_set_under_the_name_of_the_method():
    agent = Agent()
    agent._set({"act": "def act(self, x):\n    return x + 100", "shared": "s", "start": 0})
    assert agent(1).data == 1010


def test_a_name_that_stands_for_nothing_becomes_an_attribute():
    net, fresh = Net(1), par(9)
    net._set({"p": 1, "fresh": fresh})
    assert net.fresh is fresh


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Net also has the parameter 'p'"),
        ({"P": 1}, "did you mean 'P'"),
        ({"p": 2, "forward": par(1)}, "no parameter 'forward'"),
        ({"p": 2, "not a name": par(1)}, "no parameter 'not a name'"),
        ({"p": 2, 3: par(1)}, "no parameter 3"),
    ],
)
def test_what_does_not_fit_changes_nothing(given, words):
    net = Net(1)
    with pytest.raises(StoreError, match=words):
        net._set(given)
    assert net.p.data == 1
    assert vars(net) == {"p": net.p}


def test_a_value_in_the_place_of_a_container_is_refused():
    outer = Net(1)
    outer.inner = Net(2)
    with pytest.raises(StoreError, match=r"Net\.inner is a Net with parameters of its own"):
        outer._set({"p": 5, "inner": 3})
    assert outer.p.data == 1
