from __future__ import annotations

import json
import pickle

import pytest
from pydantic import BaseModel, Field

from opto.errors import ArgumentError, ModelRefused, ModelUnavailable
from opto.llm import Request, ScriptedLLM
from opto.llm.shaped import BY_SCHEMA, WORDS, Shaped
from tests.support.openai_server import fails, says

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "größe": {"type": "integer"}},
    "required": ["city"],
}
FORM = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}
ANY = {"type": "json_object"}
TOLD = f"{WORDS} {BY_SCHEMA}\n{json.dumps(SCHEMA, ensure_ascii=False)}"
QUESTION = {"role": "user", "content": "Where?"}


class Place(BaseModel):
    """A place."""

    city: str
    default: int = Field(3, description="how many")
    near: list[Near] | None = None


class Near(BaseModel):
    name: str = "x"


Place.model_rebuild()


def sent(server, at=-1):
    body = server.requests[at].body
    return body["messages"], body.get("response_format")


def without_forms(*kinds):
    """A server that refuses these kinds of forms, as real ones do."""

    def answer(asked):
        form = asked.body.get("response_format") or {}
        if form.get("type") in kinds:
            return fails(400, f"response_format of type {form['type']} is not supported")
        return says('{"city": "Bern"}')

    return answer


def test_a_source_that_enforces_gets_the_schema_as_it_is(server, connect):
    model = Shaped(connect(enforces_schema=True))
    assert model("Where?", response_format=FORM).text == "ok"
    assert sent(server) == ([QUESTION], FORM)


def test_another_gets_words_and_the_plain_form(server, connect):
    model = Shaped(connect(enforces_schema=False))
    reply = model("Where?", response_format=FORM)
    assert sent(server) == ([{"role": "user", "content": f"Where?\n\n{TOLD}"}], ANY)
    assert reply.request == Request.of("Where?", response_format=FORM).digest


@pytest.mark.parametrize(("enforces", "kind"), [(True, "json_schema"), (False, "json_object")])
def test_a_refused_form_is_left_out_once_and_for_all(server, connect, enforces, kind):
    server.otherwise = without_forms(kind)
    model = Shaped(connect(enforces_schema=enforces))
    for count in (2, 3):
        assert model("Where?", response_format=FORM).text == '{"city": "Bern"}'
        assert len(server.requests) == count
        assert sent(server) == ([{"role": "user", "content": f"Where?\n\n{TOLD}"}], None)
    model("Where?")
    assert sent(server) == ([QUESTION], None)


def test_a_refusal_of_one_model_says_nothing_of_another(server, connect):
    server.otherwise = without_forms("json_schema")
    model = Shaped(connect(enforces_schema=True))
    model("Where?", response_format=FORM)
    name = "openai/other" if "openai/" in model.model_name else "other"
    model("Where?", response_format=FORM, model=name)
    forms = [asked.body.get("response_format") for asked in server.requests]
    assert forms == [FORM, None, FORM, None]


def test_any_json_goes_through_and_is_said_in_words_where_it_is_refused(server, connect):
    model = Shaped(connect())
    model("Where?", response_format=ANY)
    assert sent(server) == ([QUESTION], ANY)
    server.otherwise = without_forms("json_object")
    model("Where?", response_format=ANY)
    assert sent(server) == ([{"role": "user", "content": f"Where?\n\n{WORDS}"}], None)


def test_another_refusal_is_not_asked_again(server, connect):
    server.otherwise = fails(400, "the picture is too large")
    with pytest.raises(ModelRefused, match="picture"):
        Shaped(connect())("Where?", response_format=FORM)
    assert len(server.requests) == 1


def test_a_refusal_that_stays_is_the_users():
    refusals = [ModelRefused("no response_format"), ModelRefused("your schema is no good")]
    source = ScriptedLLM(refusals)
    with pytest.raises(ModelRefused, match="no good"):
        Shaped(source)("Where?", response_format=FORM)
    assert source.left == 0


def test_what_may_pass_is_no_refusal():
    source = ScriptedLLM([ModelUnavailable("schema server down"), "{}"])
    with pytest.raises(ModelUnavailable):
        Shaped(source)("Where?", response_format=FORM)
    assert source.left == 1


def test_a_class_of_pydantic_is_a_schema(server, connect):
    Shaped(connect(enforces_schema=True))("Where?", response_format=Place)
    _, form = sent(server)
    named = form["json_schema"]
    assert (form["type"], named["name"], named["strict"]) == ("json_schema", "Place", True)
    schema = named["schema"]
    assert set(schema["properties"]) == {"city", "default", "near"}
    assert schema["required"] == ["city", "default", "near"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["default"]["description"] == "how many"
    assert schema["$defs"]["Near"]["required"] == ["name"]
    assert '"default": {' in json.dumps(schema)
    assert '"default": "x"' not in json.dumps(schema)


def test_a_class_of_pydantic_is_said_in_words(server, connect):
    model = Shaped(connect(enforces_schema=False))
    reply = model("Where?", response_format=Place)
    messages, form = sent(server)
    assert form == ANY
    told = json.loads(messages[0]["content"].partition(BY_SCHEMA)[2])
    assert set(told["properties"]) == {"city", "default", "near"}
    assert reply.request == Request.of("Where?", response_format=Place).digest


def test_the_words_stand_where_the_user_spoke_last():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    later = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "1"},
    ]
    system = {"role": "system", "content": "Be brief."}
    source = ScriptedLLM(["{}"] * 3)
    model = Shaped(source)
    model([system, {"role": "user", "content": [image]}, *later], response_format=FORM)
    model([system, *later], response_format=FORM)
    parts, alone = source.requests
    words = {"type": "text", "text": TOLD}
    assert list(parts.messages) == [system, {"role": "user", "content": [image, words]}, *later]
    assert list(alone.messages) == [{"role": "system", "content": TOLD}, system, *later]


def test_without_a_form_nothing_is_changed():
    source = ScriptedLLM(["a"])
    request = Request.of("Where?", max_tokens=3)
    Shaped(source).answer(request)
    assert source.requests[0] is request


@pytest.mark.parametrize("form", ["json", {"schema": SCHEMA}, 3])
def test_what_is_no_form_is_refused(form):
    source = ScriptedLLM(["a"])
    with pytest.raises(ArgumentError, match="response_format must be a mapping"):
        Shaped(source)("Where?", response_format=form)
    assert source.left == 1


def test_it_streams_and_what_is_refused_tells_nothing_twice(server, connect):
    server.otherwise = without_forms("json_object")
    stream = Shaped(connect(enforces_schema=False)).stream("Where?", response_format=FORM)
    assert "".join(stream) == '{"city": "Bern"}'
    assert len(server.requests) == 2


def test_it_is_a_plain_object(server, connect, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-other-process")
    server.otherwise = without_forms("json_object")
    model = Shaped(connect(enforces_schema=False))
    model("Where?", response_format=FORM)
    pickle.loads(pickle.dumps(model))("Where?", response_format=FORM)  # noqa: S301
    assert len(server.requests) == 3
