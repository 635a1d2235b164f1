"""Bundled methods: of instances, classes, subclasses (SPEC 3.9, 4.1, A7, A10, A26, A27)."""

from __future__ import annotations

import asyncio
import copy

import pytest

from opto.errors import ExecutionError
from opto.trace import Module, bundle, model, node
from opto.trace.bundle import FunModule
from opto.trace.nodes import MessageNode
from opto.trace.utils import sum_feedback


class Speaker:
    def __init__(self, loud: int) -> None:
        self.loud = loud

    @bundle()
    def say(self, word, end="!"):
        """Say it."""
        return word * self.loud + end

    @bundle(trainable=True)
    def tune(self, word):
        """Change it."""
        return word + "?"

    @bundle("[step] the first")
    def first(self):
        return 1

    @bundle("[step] the second")
    def second(self):
        return 2

    @staticmethod
    @bundle()
    def above_static(v):
        return v + 1

    @bundle()
    @staticmethod
    def below_static(v):
        return v + 1

    @classmethod
    @bundle()
    def above_class(cls, v):
        return cls.__name__ + v

    @bundle()
    @classmethod
    def below_class(cls, v):
        return cls.__name__ + v

    @bundle()
    async def later(self, v):
        await asyncio.sleep(0)
        return v * self.loud

    @bundle()
    def fail(self, v):
        raise ValueError(v)

    @bundle()
    def both(self, word):
        return self.say(word).data + self.say("b").data


def test_a_method_call_has_self_among_its_inputs():
    speaker, word = Speaker(2), node("a", trainable=True)
    y = speaker.say(word)
    assert isinstance(y, MessageNode)
    assert (y.data, y.name, y.op_name) == ("aa!", "Speaker.say:0", "Speaker.say")
    assert list(y.inputs) == ["self", "word", "end"]
    assert y.inputs["self"].data is speaker
    assert y.inputs["word"] is word
    assert y.parameter_dependencies == {word}


def test_self_is_one_node_for_each_instance():
    one, two = Speaker(1), Speaker(2)
    assert one.say("a").inputs["self"] is one.say("b").inputs["self"]
    assert one.say("a").inputs["self"] is one.first().inputs["self"]
    assert one.say("a").inputs["self"] is not two.say("a").inputs["self"]


def test_through_the_class_it_is_the_function():
    assert isinstance(Speaker.say, FunModule)
    assert Speaker.say is Speaker.say
    assert Speaker.say(Speaker(3), "a").data == "aaa!"


def test_through_an_instance_it_is_bound_once():
    speaker = Speaker(1)
    assert isinstance(speaker.say, FunModule)
    assert speaker.say is speaker.say
    assert speaker.say is not Speaker.say
    assert "__TRACE_RESERVED_bundle_say" in vars(speaker)
    assert vars(speaker)["__TRACE_RESERVED_self_node"].data is speaker


def test_each_instance_has_its_own_code():
    one, two = Speaker(1), Speaker(1)
    assert one.tune.parameter is not two.tune.parameter
    assert one.tune.parameter is not Speaker.tune.parameter
    one.tune.parameter._data = "def tune(self, word):\n    return word + str(self.loud)\n"
    assert one.tune("a").data == "a1"
    assert two.tune("a").data == "a?"
    assert Speaker(1).tune("a").data == "a?"


def test_feedback_reaches_the_code_of_the_instance_only():
    one, two = Speaker(1), Speaker(1)
    one.tune("a").backward("rounder")
    assert sum_feedback([one.tune.parameter]).user_feedback == "rounder"
    assert not two.tune.parameter.feedback
    assert not Speaker.tune.parameter.feedback


def test_a07_two_methods_with_one_operation_name():
    speaker = Speaker(1)
    assert (speaker.first().data, speaker.second().data) == (1, 2)
    assert (speaker.second().op_name, speaker.first().op_name) == ("step", "step")


@pytest.mark.parametrize("name", ["above_static", "below_static"])
def test_static_methods(name: str):
    x = node(1, trainable=True)
    for owner in (Speaker, Speaker(1)):
        y = getattr(owner, name)(x)
        assert y.data == 2
        assert y.parents == [x]


@pytest.mark.parametrize("name", ["above_class", "below_class"])
def test_class_methods(name: str):
    class Louder(Speaker):
        pass

    x = node("!", trainable=True)
    for owner, text in ((Speaker, "Speaker!"), (Speaker(1), "Speaker!"), (Louder, "Louder!")):
        y = getattr(owner, name)(x)
        assert y.data == text
        assert y.parameter_dependencies == {x}


def test_async_methods():
    y = asyncio.run(Speaker(3).later(2))
    assert isinstance(y, MessageNode)
    assert y.data == 6


def test_a_failing_method():
    with pytest.raises(ExecutionError) as caught:
        Speaker(1).fail("loudly")
    failed = caught.value.exception_node
    assert failed.data == "(ValueError) loudly"
    assert {"self", "v"} <= set(failed.inputs)


def test_a_method_may_read_the_results_of_another():
    word = node("a", trainable=True)
    y = Speaker(1).both(word)
    assert y.data == "a!b!"
    assert y.parameter_dependencies == {word}


def test_an_override_may_read_the_result_of_its_parent():
    class Louder(Speaker):
        @bundle()
        def say(self, word, end="!"):
            return super().say(word, end).data.upper()

    word = node("a", trainable=True)
    y = Louder(2).say(word)
    assert y.data == "AA!"
    assert y.parameter_dependencies == {word}


def test_an_inherited_method_belongs_to_the_subclass_instance():
    class Quiet(Speaker):
        pass

    assert Quiet(1).say("a").data == "a!"


def test_attributes_may_be_parameters():
    class Tuned(Module):
        def __init__(self) -> None:
            self.gain = node(3, trainable=True)

        @bundle()
        def weigh(self, v, gain):
            return v * gain

        def forward(self, v):
            return self.weigh(v, self.gain)

    tuned = Tuned()
    y = tuned(2)
    assert y.data == 6
    assert tuned.parameters() == [tuned.gain]
    assert y.parameter_dependencies == {tuned.gain}


def test_a10_instances_with_bundled_methods_can_be_copied():
    speaker = Speaker(2)
    speaker.say("a")
    speaker.tune.parameter._data = "def tune(self, word):\n    return word * self.loud\n"
    twin = copy.deepcopy(speaker)
    twin.loud = 3
    assert speaker.say("a").data == "aa!"
    assert twin.say("a").data == "aaa!"
    assert twin.say("a").inputs["self"].data is twin
    assert twin.tune("a").data == "aaa"
    assert twin.tune.parameter is not speaker.tune.parameter


def test_instances_with_slots():
    class Small:
        __slots__ = ("loud",)

        @bundle()
        def say(self, v):
            return v * self.loud

    small = Small()
    small.loud = 2
    assert small.say("a").data == "aa"


# --- parameters of what holds methods -------------------------------------------------------------


@model
class Agent:
    def __init__(self) -> None:
        self.words = node("hello", trainable=True)
        self.same = self.words
        self.evaluated = 0

    @property
    def expensive(self):
        self.evaluated += 1
        return self.evaluated

    @bundle(trainable=True)
    def reply(self, words):
        return words + "!"

    def forward(self):
        return self.reply(self.words)


def test_a26_looking_for_parameters_evaluates_no_property():
    agent = Agent()
    found = agent.parameters()
    assert agent.evaluated == 0
    assert {id(p) for p in found} == {id(agent.words), id(agent.reply.parameter)}


def test_a27_a_shared_parameter_is_listed_once():
    found = [id(p) for p in Agent().parameters()]
    assert len(found) == len(set(found)) == 2


def test_feedback_reaches_words_and_code():
    agent = Agent()
    agent().backward("warmer")
    for parameter in agent.parameters():
        assert sum_feedback([parameter]).user_feedback == "warmer"


class Base:
    def greet(self):
        return "base"


class Derived(Base):
    @bundle(trainable=True)
    def greet(self):
        return "derived"


def test_new_code_may_call_super_where_the_old_did_not():
    derived = Derived()
    derived.greet.parameter._data = "def greet(self):\n    return super().greet() + '!'"
    assert derived.greet().data == "base!"
