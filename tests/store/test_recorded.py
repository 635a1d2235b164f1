from __future__ import annotations

import pickle
import time
from types import SimpleNamespace

import pytest

from opto.errors import ArgumentError, ModelRefused, StoreError
from opto.llm import LLM, DummyLLM, LiteLLM, OpenAILLM, Reply, Request, ScriptedLLM, Usage
from opto.llm.packages import installed
from opto.store import Recorded, as_request
from tests.support.openai_server import OpenAIServer, fails, says

KEY = "sk-this-key-must-show-nowhere"


def ask(server, **how):
    return OpenAILLM("tiny", base_url=server.url, api_key=KEY, base_delay=0.01, **how)


def kinds(journal, **which):
    return [event.kind for event in journal.events(**which)]


class Watching(LLM):
    """Notes what is in the journal at the moment when it is asked."""

    def __init__(self, journal):
        self.journal = journal

    def answer(self, request):
        return Reply(" ".join(kinds(self.journal)))


def test_a_request_is_in_the_journal_before_it_is_asked(opened):
    model = Recorded(Watching(opened()), opened())
    assert [model("a").text, model("b").text] == ["request", "request reply request"]


def test_a_reply_is_in_the_journal_before_it_is_used(opened):
    model = Recorded(ScriptedLLM(["Hello"]), opened(), run="r")
    reply = model("Greet me.", temperature=0.5)
    request, event = opened().events(run="r")
    assert as_request(request.data) == Request.of("Greet me.", temperature=0.5)
    assert (event.kind, event.data["text"], event.key) == ("reply", "Hello", request.key)
    assert reply.request == Request.of("Greet me.", temperature=0.5).digest


def test_a_reply_that_cannot_be_written_down_is_not_given(opened, monkeypatch):
    journal = opened()
    model = Recorded(ScriptedLLM(["Hello", "Hello again"]), journal, cache=True)
    append = journal.append

    def full(kind, *given, **named):
        if kind == "reply":
            raise StoreError("the disk is full")
        return append(kind, *given, **named)

    monkeypatch.setattr(journal, "append", full)
    with pytest.raises(StoreError, match="the disk is full"):
        model("Greet me.")
    monkeypatch.undo()
    assert model("Greet me.").text == "Hello again"


def test_without_cache_each_question_is_asked(recorded, server):
    model = recorded(ask(server), cache=False)
    model("one")
    model("one")
    assert len(server.requests) == 2
    assert kinds(model.journal) == ["request", "reply"] * 2


def test_with_cache_each_question_is_asked_once(recorded, server):
    given = [recorded(ask(server))(text).text for text in ("one", "two", "one", "two", "one")]
    assert given == ["ok"] * 5
    assert [asked.body["messages"][0]["content"] for asked in server.requests] == ["one", "two"]


def test_samples_are_different_answers_and_stay_so(recorded, server):
    server.script.extend(map(says, "abc"))
    first = [recorded(ask(server))("roll", temperature=1.0, sample=n).text for n in range(3)]
    again = [recorded(ask(server))("roll", temperature=1.0, sample=n).text for n in range(3)]
    assert (first, again, len(server.requests)) == (["a", "b", "c"], ["a", "b", "c"], 3)


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 0.5},
        {"max_tokens": 7},
        {"model": "large"},
        {"response_format": {"type": "json_object"}},
        {"seed": 3},
        {"sample": 1},
    ],
    ids=str,
)
def test_another_question_is_another_one(recorded, server, other):
    model = recorded(ask(server))
    model("one")
    model("one", **other)
    assert len(server.requests) == 2


def test_how_it_is_sent_is_no_other_question(recorded, server):
    model = recorded(ask(server))
    model("one")
    model("one", timeout=9, api_key="sk-another-key")
    assert len(server.requests) == 1


def test_models_do_not_answer_for_each_other(recorded, server):
    journalled = [
        recorded(ask(server)),
        recorded(ask(server, temperature=1.0)),
        recorded(OpenAILLM("large", base_url=server.url, api_key=KEY)),
        recorded(ScriptedLLM(["script"])),
    ]
    for model in journalled:
        model("one")
    assert len(server.requests) == 3
    with OpenAIServer([says("elsewhere")]) as other:
        assert recorded(ask(other))("one").text == "elsewhere"


def test_a_name_stands_for_the_source(recorded):
    recorded(ScriptedLLM(["a"]), name="judge")("one")
    assert recorded(ScriptedLLM([]), name="judge")("one").text == "a"
    assert recorded(ScriptedLLM(["b"]), name="agent")("one").text == "b"


def test_all_of_a_reply_survives(recorded):
    call = SimpleNamespace(
        id="1", type="function", function=SimpleNamespace(name="look", arguments='{"a": 1}')
    )
    message = SimpleNamespace(role="assistant", content=None, tool_calls=[call])
    choices = [
        SimpleNamespace(index=0, finish_reason="tool_calls", message=message),
        SimpleNamespace(
            index=1, finish_reason="length", message=SimpleNamespace(content="é\ud800")
        ),
    ]
    usage = SimpleNamespace(prompt_tokens=3, completion_tokens=4)
    answer = SimpleNamespace(choices=choices, model="m", usage=usage)
    first = recorded(DummyLLM(lambda **_: answer))("go", n=2)
    again = recorded(DummyLLM(lambda **_: None))("go", n=2)
    assert first == again
    for reply in (first, again):
        assert (reply.text, reply.others, reply.model) == ("", ("é\ud800",), "m")
        assert (reply.finish_reason, reply.usage) == ("tool_calls", Usage(3, 4))
        given = reply.choices[0].message
        assert given.tool_calls[0].function.name == "look"
        assert given.tool_calls[0]["function"]["arguments"] == '{"a": 1}'
        assert reply.choices[1].finish_reason == "length"


def test_real_clients_replies_survive(recorded, server):
    server.script.append(says("two of them", usage=(5, 6)))
    first, again = (recorded(ask(server))("go", n=2) for _ in range(2))
    assert first == again
    assert first.raw == again.raw
    assert (again.text, again.others, again.usage) == ("two of them", ("two of them",), Usage(5, 6))
    assert again.choices[0].message.tool_calls is None
    # What a program says next with it is one more question, and the same one both times.
    follow = [recorded(ask(server))([r.choices[0].message, {"role": "user", "content": "on"}])
              for r in (first, again)]  # fmt: skip
    assert follow[0] == follow[1]
    assert len(server.requests) == 2


@pytest.mark.litellm
@pytest.mark.skipif(not installed("litellm"), reason="LiteLLM is not installed")
def test_litellms_replies_survive(recorded, server):
    def model():
        return recorded(LiteLLM("openai/tiny", api_base=server.url, api_key=KEY, timeout=None))

    server.script.append(says("two of them", usage=(5, 6)))
    first, again = model()("go", n=2), model()("go", n=2)
    assert first == again
    assert (again.text, again.others) == ("two of them", ("two of them",))
    assert again.raw == first.raw
    assert again.choices[0].message.tool_calls is None
    assert again.usage.prompt_tokens == 5
    assert len(server.requests) == 1


def test_content_parts_are_part_of_the_question(recorded, server):
    def shown(image):
        part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}
        content = [{"type": "text", "text": "What is it?"}, part]
        return recorded(ask(server))([{"role": "user", "content": content}])

    for image in ("AAAA", "BBBB", "AAAA"):
        shown(image)
    assert len(server.requests) == 2
    [event, _] = recorded(ask(server)).journal.events(kind="request")
    assert as_request(event.data).messages[0]["content"][1]["image_url"]["url"].endswith("AAAA")


def test_failures_are_written_down_and_asked_again(recorded, server):
    server.script.extend([fails(400, f"bad {KEY}"), says("fine")])
    model = recorded(ask(server))
    with pytest.raises(ModelRefused):
        model("one")
    assert model("one").text == "fine"
    assert kinds(model.journal) == ["request", "failure", "request", "reply"]
    assert model.journal.last("failure").data["error"] == "ModelRefused"


def test_what_is_no_question_is_not_asked(recorded):
    source = ScriptedLLM(["a"])
    model = recorded(source)
    with pytest.raises(ArgumentError, match="no stable form"):
        model("one", seed=object())
    assert (source.requests, kinds(model.journal)) == ([], [])


def test_no_secret_is_on_disk(path, recorded, server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "correct-horse-battery")
    given = {"api_key": "hunter2", "extra_headers": {"Authorization": "Bearer letmein-77"}}
    secrets = [KEY, "hunter2", "letmein-77", "correct-horse-battery", "sk-proj-looks-like-one"]
    leak = " and ".join(secrets)
    server.script.extend([says(leak), fails(400, leak)])
    model = recorded(ask(server))
    reply = model(leak, user=leak, **given)
    with pytest.raises(ModelRefused):
        model("fail", user=leak, **given)
    assert kinds(model.journal) == ["request", "reply", "request", "failure"]
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"*** and ***" in written
    assert [secret for secret in secrets if secret.encode() in written] == []
    assert [secret for secret in secrets if secret in repr(reply) + repr(reply.raw)] == []
    # What comes from the record is what was given at first.
    assert recorded(ask(server))(leak, user=leak) == reply


def test_it_can_be_pickled(recorded):
    model = pickle.loads(pickle.dumps(recorded(ScriptedLLM(["a"]))))  # noqa: S301
    assert (model("q").text, model("q").text) == ("a", "a")
    model.journal.close()


def test_schemas_are_enforced_if_the_source_does(recorded):
    assert recorded(ScriptedLLM([], enforces_schema=True)).enforces_schema
    assert not recorded(ScriptedLLM([])).enforces_schema


def test_recording_a_call_takes_less_than_a_millisecond(recorded):
    class Quick(LLM):
        def answer(self, request):
            return Reply("word " * 400, "m", "stop", Usage(500, 400), request.digest)

    model = recorded(Quick())
    asked = [Request.of(f"{n} " + "word " * 400) for n in range(250)]

    def cost(some):
        begun = time.thread_time()
        for request in some:
            model.answer(request)
        return (time.thread_time() - begun) / len(some)

    # The least of several: what is above it is the machine's other work.
    assert min(cost(asked[n : n + 10]) for n in range(0, 250, 10)) <= 0.001
