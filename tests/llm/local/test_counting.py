from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from opto.errors import ModelUnavailable
from opto.llm import Count, Request, count
from opto.llm.local import server as server_module
from opto.llm.local.counting import tokenizer_at_work
from opto.llm.local.server import Running, Setup, at_work
from opto.llm.tokens import bound, count_text

PATH = Path("/models/tiny.gguf")


class Words(BaseHTTPRequestHandler):
    """A server whose tokens are words, and whose template takes no roles but the user's."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers["Authorization"], body))
        status, said = self.reply(body)
        answer = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def reply(self, body):
        if self.path == "/tokenize":
            return 200, {"tokens": list(range(len(body["content"].split())))}
        if any(message["role"] != "user" for message in body["messages"]):
            return 500, {"error": {"message": "only users speak"}}
        words = " ".join(message["content"] for message in body["messages"])
        return 200, {"prompt": f"begin {words} end" + " tool" * len(body.get("tools", ()))}

    def log_message(self, *args):
        """Tests print nothing."""


@pytest.fixture
def loaded(monkeypatch):
    """A model 'tiny' that counts as loaded in this process."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), Words)
    http.asked = []
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()

    running = Running(f"http://127.0.0.1:{http.server_port}/v1", "the-key", None)
    key = (os.getpid(), Setup(PATH, "tiny", 1, 4096, 0))
    monkeypatch.setattr(server_module, "_servers", {key: running})
    yield http
    http.shutdown()
    http.server_close()
    thread.join()


def test_a_text_is_counted_as_text(loaded):
    assert count_text("three words <|im_end|>", "tiny") == Count(3, True, "llama.cpp tiny")
    [(path, key, body)] = loaded.asked
    assert (path, key) == ("/tokenize", "Bearer the-key")
    assert (body["add_special"], body["parse_special"]) == (False, False)


@pytest.mark.parametrize("model", ["tiny", str(PATH)])
def test_a_conversation_is_counted_with_its_form(loaded, model):
    tool = {"type": "function", "function": {"name": "add"}}
    messages = [{"role": "user", "content": "two words"}]
    assert count(messages, model) == Count(4, True, f"llama.cpp {model}")
    assert count(messages, model, tools=[tool]).tokens == 5
    request = Request.of(messages, model=model, tools=[tool, tool], temperature=0.5)
    assert bound(request) == count(request).tokens == 6
    path, _, body = loaded.asked[-2]
    assert (path, set(body)) == ("/apply-template", {"messages", "tools"})
    assert loaded.asked[-1][2]["parse_special"]


def test_what_the_template_does_not_take_is_counted_by_rule(loaded):
    got = count([{"role": "system", "content": "two words"}], "tiny")
    assert not got.exact
    assert got.tokens > 2


def test_nothing_is_loaded_for_counting(monkeypatch):
    monkeypatch.setattr(server_module, "_servers", {})
    assert at_work("qwen2.5-coder-0.5b") is None
    assert tokenizer_at_work("qwen2.5-coder-0.5b") is None
    assert not count("some words", "qwen2.5-coder-0.5b").exact


def test_the_server_of_a_parent_is_not_asked(monkeypatch):
    setup = Setup(PATH, "tiny", 1, 4096, 0)
    monkeypatch.setattr(server_module, "_servers", {(-1, setup): Running("", "", None)})
    assert at_work("tiny") is None


def test_a_server_that_is_gone_is_said(monkeypatch, loaded):
    [key] = server_module._servers
    gone = Running("http://127.0.0.1:1/v1", "the-key", None)
    monkeypatch.setitem(server_module._servers, key, gone)
    with pytest.raises(ModelUnavailable, match="which counts its tokens, does not answer"):
        count("some words", "tiny")
