"""Tokens of the local model, counted by its own server while that is running."""

from __future__ import annotations

import json
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opto.errors import ModelUnavailable
from opto.llm.local.server import at_work
from opto.llm.tokenizers import Tokenizer

if TYPE_CHECKING:
    from opto.llm.local.server import Running
    from opto.llm.types import Request

__all__ = ["tokenizer_at_work"]

# What the form of a prompt depends on, beside the messages.
SHAPING = ("tools", "tool_choice", "parallel_tool_calls", "chat_template_kwargs")
SECONDS = 30.0


def tokenizer_at_work(model: str) -> Tokenizer | None:
    """The tokenizer of a local model that is loaded, or None: nothing is loaded for counting.

    Args:
        model: the name of a local model, or the path of its file.
    """
    server = at_work(model)
    if server is None:
        return None
    return Tokenizer(f"llama.cpp {model}", partial(_text, server), partial(_prompt, server))


def _text(server: Running, text: str) -> int:
    # A text that looks like a control token is sent as text.
    return _tokens(server, text, special=False)


def _prompt(server: Running, request: Request) -> int | None:
    body: dict[str, Any] = {"messages": [dict(message) for message in request.messages]}
    body |= {name: request.extra[name] for name in SHAPING if name in request.extra}
    if request.response_format is not None:
        body["response_format"] = request.response_format
    status, said = _post(server, "/apply-template", body)
    return _tokens(server, said["prompt"], special=True) if status == 200 else None


def _tokens(server: Running, text: str, *, special: bool) -> int:
    body = {"content": text, "add_special": special, "parse_special": special}
    status, said = _post(server, "/tokenize", body)
    if status != 200:
        raise ModelUnavailable(f"the local model's server does not count tokens: {said}")
    return len(said["tokens"])


def _post(server: Running, path: str, body: Any) -> tuple[int, Any]:
    # Not by urllib, which would send what is meant for this very process through a proxy.
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=SECONDS)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {server.key}"}
    try:
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, HTTPException, ValueError) as error:
        raise ModelUnavailable(
            f"the local model's server, which counts its tokens, does not answer: {error}"
        ) from error
    finally:
        connection.close()
