"""What foreign code asks of the host is answered with plain data, and noted."""

from __future__ import annotations

import asyncio

import pytest

from opto.llm import Reply
from opto.sandbox.asking import Asked
from opto.sandbox.task import SelfView
from opto.trace import node
from opto.trace.tape import READS


def answering(function, standin=None):
    asked = Asked()
    return asked, asked.answering({"f": function}, {"f": standin} if standin else {})["f"]


def test_a_node_is_noted_and_its_value_given_unread():
    asked, f = answering(lambda x: node(x) + 1)
    token = READS.set(reads := [])
    try:
        assert f(2) == 3
    finally:
        READS.reset(token)
    assert [n.data for n in asked.nodes] == [3]
    assert reads == []


def test_a_reply_is_its_text():
    assert answering(lambda: Reply("hi"))[1]() == "hi"


@pytest.mark.parametrize(
    ("value", "told"), [(node(3), ("Node", 3)), (Reply("hi"), ("Reply", "hi")), (4, ("", 4))]
)
def test_functions_of_the_users_say_what_their_answer_is(value, told):
    asked, f = answering(lambda: value, "as_told")
    assert f() == told
    assert len(asked.nodes) == (told[0] == "Node")

    async def later():
        return value

    assert asyncio.run(answering(later, "as_told_later")[1]()) == told


def test_an_error_is_kept_here_and_goes_on():
    def broken():
        raise ValueError("the key is hunter2")

    asked, f = answering(broken)
    with pytest.raises(ValueError, match="hunter2"):
        f()
    assert str(asked.failure) == "the key is hunter2"


def test_a_coroutine_function_is_answered_by_one():
    async def later(x):
        if x is None:
            raise KeyError(x)
        return node(x)

    asked, f = answering(later)
    assert asyncio.run(f(3)) == 3
    with pytest.raises(KeyError):
        asyncio.run(f(None))
    assert len(asked.nodes) == 1
    assert isinstance(asked.failure, KeyError)


def test_the_methods_of_a_view_answer_alike():
    asked = Asked()
    view = asked.seen(SelfView(values={"a": 1}, host={"f": lambda: node(5)}), {})
    assert (view.host["f"](), view.values, len(asked.nodes)) == (5, {"a": 1}, 1)
