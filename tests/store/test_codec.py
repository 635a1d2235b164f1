from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from opto.errors import StoreError
from opto.llm import Reply, Request, Usage
from opto.store.codec import as_reply, as_request, reply_data, request_data
from opto.trace.encoding import decoded, encoded
from tests.store.contract import text

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["seed", "stop", "tools", "user", "n"])
requests = st.builds(
    Request,
    st.lists(
        st.fixed_dictionaries({"role": text, "content": text | st.lists(json_values, max_size=3)}),
        max_size=3,
    ).map(tuple),
    model=st.none() | text,
    max_tokens=st.none() | st.integers(1, 99),
    temperature=st.none() | st.floats(0, 2),
    response_format=st.none() | st.dictionaries(text, json_values, max_size=2),
    sample=st.integers(0, 9),
    extra=st.dictionaries(names, json_values, max_size=3),
)
tokens = st.integers(0, 10**9)
usages = st.builds(Usage, tokens, tokens, st.none() | st.floats(0, 10))
replies = st.builds(
    Reply,
    text,
    model=st.none() | text,
    finish_reason=st.none() | text,
    usage=usages,
    request=text,
    others=st.lists(text, max_size=3).map(tuple),
    raw=st.none() | st.dictionaries(text, json_values, max_size=3),
)


def through(data):
    return decoded(encoded(data, "it"), "it")


@given(requests)
def test_requests_come_back_and_are_the_same_question(request):
    again = as_request(through(request_data(request)))
    assert again == request
    assert again.digest == request.digest


@given(replies)
def test_replies_come_back_with_what_the_client_said(reply):
    again = as_reply(through(reply_data(reply)))
    assert again == reply
    assert again.raw == reply.raw
    assert as_reply(reply_data(reply), "another").request == "another"


def test_keys_and_clients_are_not_stored():
    request = Request.of("q", api_key="k", headers={"a": "b"}, client=object(), seed=1)
    assert request_data(request)["extra"] == {"seed": 1}


def test_a_class_of_pydantic_is_stored_as_its_schema():
    class Answer(BaseModel):
        number: int

    stored = request_data(Request.of("q", response_format=Answer))
    assert stored["response_format"] == Answer.model_json_schema()


@pytest.mark.parametrize("data", [None, {}, [], {"text": "x"}, {"messages": None}])
def test_what_is_none_of_them_is_refused(data):
    with pytest.raises(StoreError, match="holds no request"):
        as_request(data)
    with pytest.raises(StoreError, match="holds no reply"):
        as_reply(data)
