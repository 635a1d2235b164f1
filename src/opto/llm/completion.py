"""Whether what a client returned is an answer: servers send other things with status 200."""

from __future__ import annotations

from typing import Any

from opto.llm.redact import cleaned

__all__ = ["NoCompletionError", "checked"]

# How much of what came instead of an answer is looked at, and how much is quoted.
LOOKED_AT, QUOTED = 20_000, 2_000


class NoCompletionError(ValueError):
    """The server sent something with status 200, and it was no answer.

    Args:
        message: what it was.
        body: the error that it told of, where it did.
    """

    def __init__(self, message: str, body: Any = None) -> None:
        super().__init__(message)
        self.body = body
        code = body.get("code") if isinstance(body, dict) else None
        # Servers that stand before others send the status of those as the code.
        self.status_code = code if isinstance(code, int) and 400 <= code < 600 else None


def checked(completion: Any) -> Any:
    """`completion`, if it has the form of OpenAI's chat completions.

    Raises:
        NoCompletionError: it has not: a login page, an error, an answer without choices.

    Example:
        >>> answer = {"choices": [{"message": {"content": "Hello"}}]}
        >>> checked(answer) is answer
        True
        >>> checked({"choices": []})  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        NoCompletionError: the server sent no chat completion but {'choices': []}
    """
    choices = _get(completion, "choices")
    if isinstance(choices, (list, tuple)) and choices and all(map(_is_choice, choices)):
        return completion
    error = _get(completion, "error")
    if error:
        told = _get(error, "message") or error
        raise NoCompletionError(f"status 200 with an error in it: {_quoted(told)}", error)
    raise NoCompletionError(f"the server sent no chat completion but {_quoted(completion)}")


def _is_choice(choice: Any) -> bool:
    message = _get(choice, "message")
    if message is None or isinstance(message, (str, list, int, float)):
        return False
    content = _get(message, "content")
    return content is None or isinstance(content, (str, list))


def _quoted(said: Any) -> str:
    text = said if isinstance(said, str) else repr(_plain(said))
    return cleaned(text[:LOOKED_AT])[:QUOTED]


def _plain(said: Any) -> Any:
    """What an object of a client holds, without what the server left out."""
    if not hasattr(said, "model_dump"):
        return said
    return said.model_dump(exclude_none=True, warnings=False)


def _get(holder: Any, name: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(name)
    return getattr(holder, name, None)
