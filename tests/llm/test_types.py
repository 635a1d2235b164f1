from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import AnswerError, ArgumentError
from opto.llm import Reply, Request, Usage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": JSON}),
    min_size=1,
    max_size=3,
)
EXTRA = st.dictionaries(st.sampled_from(["seed", "stop", "tools", "top_p"]), JSON)


def turned(value):
    """The same data with every dictionary in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


@given(messages=MESSAGES, extra=EXTRA)
def test_a_digest_does_not_depend_on_the_order_of_dictionaries(messages, extra):
    one = Request.of(messages, **extra)
    other = Request.of(turned(messages), **turned(extra))
    assert one.digest == other.digest
    assert hash(one) == hash(other)


@given(messages=MESSAGES, extra=EXTRA)
def test_a_request_survives_copy_and_pickle(messages, extra):
    request = Request.of(messages, **extra)
    for again in (copy.deepcopy(request), pickle.loads(pickle.dumps(request))):  # noqa: S301
        assert again == request
        assert again.digest == request.digest


@pytest.mark.parametrize(
    "changed",
    [
        {"messages": ({"role": "user", "content": "other"},)},
        {"model": "gpt-4o"},
        {"max_tokens": 5},
        {"temperature": 0.0},
        {"response_format": {"type": "json_object"}},
        {"sample": 1},
        {"extra": {"seed": 1}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_digest_depends_on_everything_that_is_asked(changed):
    request = Request.of("hi")
    assert replace(request, **changed).digest != request.digest


def test_a_digest_is_the_same_in_another_process():
    program = (
        "from opto.llm import Request\n"
        "print(Request.of('hé', stop={'b', 'a', 'c'}, max_tokens=3).digest)"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert printed == {Request.of("hé", stop={"a", "b", "c"}, max_tokens=3).digest}


def test_how_the_provider_is_reached_is_no_part_of_the_question():
    request = Request.of("hi", api_key="sk-secret", timeout=3, aws_session_token="secret-too")
    assert request.digest == Request.of("hi").digest
    assert "secret" not in repr(request)
    assert request.arguments()["api_key"] == "sk-secret"


def test_arguments_hold_what_was_said_and_nothing_else():
    request = Request.of("hi", max_tokens=5, seed=1, sample=4)
    assert request.arguments() == {
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 5,
        "seed": 1,
    }
    assert (request.sample, request.extra) == (4, {"seed": 1})


def test_the_messages_of_a_request_are_its_own():
    message = {"role": "user", "content": "hi"}
    request = Request.of([message])
    message["content"] = "changed"
    request.arguments()["messages"][0]["content"] = "changed"
    assert request.messages == ({"role": "user", "content": "hi"},)
    with pytest.raises(FrozenInstanceError):
        request.model = "other"


def test_defaults_fill_what_is_open():
    request = Request.of("hi", temperature=0.0, seed=1)
    filled = request.over({"temperature": 0.9, "max_tokens": 7, "seed": 2, "top_p": 0.5})
    assert (filled.temperature, filled.max_tokens) == (0.0, 7)
    assert filled.extra == {"seed": 1, "top_p": 0.5}
    assert request.over({}) is request


@pytest.mark.parametrize("message", ["just text", 7, None])
def test_a_message_that_is_none_is_refused(message):
    with pytest.raises(ArgumentError, match="a message must be a mapping"):
        Request.of([message])


def test_usages_add_up():
    total = sum([Usage(1, 2, 0.5), Usage(3, 4, 0.25)], Usage(cost_usd=0.0))
    assert total == Usage(4, 6, 0.75)
    assert total.total_tokens == 10
    assert (total + Usage(1, 1)).cost_usd is None


def completion(*contents, **more):
    """What the client of OpenAI returns."""
    choices = [
        SimpleNamespace(
            index=index,
            finish_reason="stop",
            message=SimpleNamespace(content=content, role="assistant", tool_calls=["call"]),
        )
        for index, content in enumerate(contents)
    ]
    return SimpleNamespace(choices=choices, **more)


def test_a_reply_is_read_from_an_object_of_the_api():
    usage = SimpleNamespace(prompt_tokens=3, completion_tokens=None)
    raw = completion("one", None, model="gpt", usage=usage)
    reply = Reply.read(raw, "digest")
    assert (reply.text, reply.others, reply.model) == ("one", ("",), "gpt")
    assert (reply.request, reply.finish_reason) == ("digest", "stop")
    assert reply.usage == Usage(3, 0)
    assert reply.raw is raw
    assert [choice.message.content for choice in reply.choices] == ["one", ""]


def test_what_a_reply_does_not_know_is_asked_of_the_provider():
    message = Reply.read(completion("one")).choices[0].message
    assert message.tool_calls == ["call"]
    with pytest.raises(AttributeError, match="thoughts"):
        _ = Reply("one").choices[0].message.thoughts
    assert copy.copy(message) == message


def test_a_reply_is_read_from_a_mapping():
    said = {"choices": [{"message": {"content": "one"}, "finish_reason": "length"}]}
    reply = Reply.read(said)
    assert (reply.text, reply.finish_reason) == ("one", "length")
    assert reply.choices[0].finish_reason == "length"


def test_a_reply_in_parts_is_put_together():
    parts = [{"type": "text", "text": "one "}, {"type": "image"}, {"type": "text", "text": "two"}]
    assert Reply.read(completion(parts)).text == "one two"


@pytest.mark.parametrize(("answer", "text"), [("hi", "hi"), (None, ""), (Reply("hi"), "hi")])
def test_a_reply_is_read_from_a_text_and_from_a_reply(answer, text):
    reply = Reply.read(answer, "digest")
    assert (reply.text, reply.request) == (text, "digest")
    assert reply.choices[0].message.content == text


@pytest.mark.parametrize("answer", [7, completion(), {"error": "no"}])
def test_an_answer_without_a_choice_is_no_reply(answer):
    with pytest.raises(AnswerError, match=r"expected a text, a Reply, or an object with"):
        Reply.read(answer)


def test_replies_are_equal_by_what_was_said():
    assert Reply("a", raw=1) == Reply("a", raw=2)
    assert pickle.loads(pickle.dumps(Reply("a", others=("b",)))) == Reply("a", others=("b",))  # noqa: S301


def test_a_digest_is_worked_out_once_and_anew_for_another_question(monkeypatch):
    worked_out = []
    monkeypatch.setattr(
        "opto.llm.types.digest_of", lambda asked: worked_out.append(asked) or f"{len(worked_out)}"
    )
    request = Request.of("hi", seed=1)
    assert [request.digest, request.digest, hash(request)] == ["1", "1", hash("1")]
    assert replace(request, max_tokens=3).digest == "2"
    assert pickle.loads(pickle.dumps(request)).digest == "3"  # noqa: S301 - it is our own
