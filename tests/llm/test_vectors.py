from __future__ import annotations

import json
import threading
from collections import deque
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from opto.errors import (
    AnswerError,
    ArgumentError,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
)
from opto.llm import embed
from opto.llm.packages import installed

VECTOR = {"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 1]}
ANSWER = {
    "object": "list",
    "model": "tiny",
    "data": [VECTOR],
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}


class Handler(BaseHTTPRequestHandler):
    """Answers with the next status and body of the server's script, then with the vector."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers["Authorization"], asked))
        script = self.server.script
        status, said, wait = script.popleft() if script else (200, ANSWER, 0)
        self.server.stopping.wait(wait)
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Tests print nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that has gone away is what one of the tests is about."""


@pytest.fixture
def vectors():
    server = Server(("127.0.0.1", 0), Handler)
    server.script, server.asked, server.stopping = deque(), [], threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.stopping.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["openai", pytest.param("litellm", marks=pytest.mark.litellm)])
def ask(request, vectors):
    """Embeds through each of the two clients in turn."""
    if request.param == "openai":
        request.getfixturevalue("without_litellm")
    else:
        request.getfixturevalue("warm_litellm")
    return partial(embed, "openai/tiny", base_delay=0.01, base_url=vectors.url, api_key="sk-mine")


def test_a_text_has_a_vector(vectors, ask):
    assert ask("some words", user="me") == [0.25, -0.5, 1.0]
    [(path, key, body)] = vectors.asked
    assert (path, key) == ("/v1/embeddings", "Bearer sk-mine")
    assert (body["model"], body["input"], body["user"]) == ("tiny", ["some words"], "me")


def test_what_may_pass_is_asked_again(vectors, ask):
    vectors.script += [(500, {"error": {"message": "no"}}, 0), (429, {"error": {}}, 0)]
    assert len(ask("some words")) == 3
    assert len(vectors.asked) == 3


def test_what_will_not_pass_is_not(vectors, ask):
    vectors.script += [(401, {"error": {"message": "no such key: sk-mine-alone"}}, 0)]
    with pytest.raises(ModelRefused, match="the key is missing or wrong") as caught:
        ask("some words", api_key="sk-mine-alone")
    assert "sk-mine-alone" not in str(caught.value)
    assert len(vectors.asked) == 1


def test_it_takes_no_longer_than_it_may(vectors, ask):
    vectors.script += [(200, ANSWER, 20)]
    with pytest.raises(ModelUnavailable, match="it took too long"):
        ask("some words", timeout=0.3, max_retries=0)


@pytest.mark.parametrize("data", [[], [{**VECTOR, "embedding": []}]], ids=["no data", "empty"])
def test_an_answer_without_a_vector_is_said(vectors, ask, data):
    vectors.script += [(200, {**ANSWER, "data": data}, 0)] * 3
    with pytest.raises((AnswerError, ModelUnavailable), match=r"no vector|no answer|No embedding"):
        ask("some words", max_retries=0)


def test_no_secret_is_sent_along(vectors, ask, monkeypatch):
    monkeypatch.setenv("MY_DB_PASSWORD", "hunter2hunter2")
    ask("the word is hunter2hunter2")
    assert vectors.asked[0][2]["input"] == ["the word is ***"]


def test_no_text_is_no_question(ask):
    with pytest.raises(ArgumentError, match="was given no text"):
        ask("")


@pytest.mark.usefixtures("without_litellm")
def test_the_environment_says_address_and_key(vectors, monkeypatch):
    with pytest.raises(ModelRefused, match="set OPENAI_API_KEY"):
        embed("tiny", "some words")
    monkeypatch.setenv("OPENAI_BASE_URL", vectors.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    embed("tiny", "some words")
    assert vectors.asked[0][1] == "Bearer sk-of-the-environment"


@pytest.mark.usefixtures("without_litellm")
def test_other_providers_need_litellm():
    with pytest.raises(ModelMissing, match="litellm"):
        embed("cohere/embed-english-v3.0", "some words")


def test_the_original_has_it_here():
    from opto.utils import llm

    assert llm.embed is embed
    assert installed("openai")
