"""What a method of foreign code gets for `self`."""

from __future__ import annotations

import pytest

from opto.sandbox.analysis import facts_of
from opto.sandbox.selfview import view_of
from opto.trace import bundle, node


class Base:
    shared = (1, 2)
    __slots__ = ("__dict__", "slot")

    def parent(self):
        return "parent"


class Agent(Base):
    label = "agent"

    def __init__(self):
        self.mood = "calm"
        self.slot = 4
        self.password = "hunter2hunter2"
        self.client = object()
        self.prompt = node("x")
        self.shelf = {"a": [self.client]}
        self.tool = lambda x: x + self.slot
        self.__inner = 6

    @bundle()
    def answer(self, x):
        return x

    @property
    def size(self):
        return 3

    @staticmethod
    def still(x):
        return x

    @classmethod
    def made(cls):
        return cls.label

    def act(self):
        return self.mood


EVERYTHING = (
    "self.mood, self.slot, self.password, self.client, self.prompt, self.shelf, self.tool, "
    "self.answer, "
    "self.size, self.still, self.made, self.act, self.parent, self.shared, self.label, "
    "self.__inner, self.nothing"
)


def view(body, original=None, me=None):
    facts, own = facts_of(f"def f(self): return {body}", "f"), None
    if original is not None:
        own = facts_of(f"def f(self): return {original}", "f")
    return view_of(Agent() if me is None else me, facts, own)[:2]


def test_plain_attributes_are_copied_wherever_they_stand():
    seen, _ = view(EVERYTHING, "self")
    assert seen.values == {
        "mood": "calm",
        "prompt": "x",
        "slot": 4,
        "size": 3,
        "shared": (1, 2),
        "label": "agent",
        "__inner": 6,
    }
    assert (seen.parameter, seen.owner) == ("self", "Agent")


def test_methods_that_the_users_code_used_are_called():
    seen, standins = view(EVERYTHING, EVERYTHING)
    assert set(seen.host) == {"tool", "answer", "still", "made", "act", "parent"}
    assert seen.host["parent"]() == "parent"
    assert seen.host["made"]() == "agent"
    assert seen.host["still"](5) == 5
    assert (standins.pop("answer"), standins.pop("prompt")) == ("as_node", "Node")
    assert standins == dict.fromkeys(("tool", "still", "made", "act", "parent"), "as_told")


def test_others_are_not_and_a_property_is_not_run():
    seen, _ = view(EVERYTHING, "self.mood")
    assert seen.host == {}
    assert "size" not in seen.values
    why = seen.left_out
    assert set(why) == {
        *("tool", "answer", "still", "made", "act", "parent", "size"),
        *("password", "client", "prompt", "shelf"),
    }
    assert "does not call it" in why["act"]
    assert "does not read it" in why["size"]
    assert why["act"].startswith("Agent.act ")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("password", "secret"),
        ("client", "a object"),
        ("prompt", "is a node, and the original code does not read it"),
        ("shelf", "holds a value of type object at ['a'][0]"),
    ],
)
def test_why_something_is_left_out(name, why):
    seen, _ = view(f"self.{name}", "self.mood")
    assert why in seen.left_out[name]
    assert all(way in seen.left_out[name] for way in ("as plain data", "host={...}", '"none"'))
    assert seen.values == {}


def test_only_what_is_read_is_copied():
    assert view("self.mood", "self.mood")[0].values == {"mood": "calm"}
    assert "nothing" not in view("self.nothing", "self.nothing")[0].left_out


def test_code_that_reads_its_object_by_name_gets_all_of_it():
    seen, _ = view("getattr(self, 'mo' + 'od')", "self.mood")
    assert seen.values["mood"] == "calm"
    assert seen.values["slot"] == 4
    assert not any(name.startswith("__") for name in seen.values)
    # What cannot go there keeps nothing else from it.
    assert "shelf" in seen.left_out
    assert seen.host == {}


def test_nodes_that_the_users_code_reads_are_there_by_their_values():
    me = Agent()
    facts, own = (facts_of(f"def f(self): return self.prompt{end}", "f") for end in (".data", ""))
    seen, standins, nodes = view_of(me, facts, own)
    assert (seen.values, standins) == ({"prompt": "x"}, {"prompt": "Node"})
    assert [n is me.prompt for n in nodes] == [True]
    # Where it is not named, nobody knows whether the result depends on it.
    seen, _ = view("vars(self)", "self.prompt", me=me)
    assert "prompt" in seen.left_out
    me.prompt = node(object())
    assert "prompt" in view("self.prompt", "self.prompt", me=me)[0].left_out


def test_a_class_is_seen_as_well():
    seen, _ = view("self.label, self.made, self.act", "self.made", me=Agent)
    assert (seen.values, list(seen.host), seen.owner) == ({"label": "agent"}, ["made"], "Agent")
    assert view("self.__name__", "self.made", me=Agent)[0].values == {"__name__": "Agent"}
    assert seen.host["made"]() == "agent"
