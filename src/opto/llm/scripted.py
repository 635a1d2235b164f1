"""Models without a model: answers from a function or from a list."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from opto.errors import ModelUnavailable
from opto.llm.abstract import AbstractModel
from opto.llm.port import LLM
from opto.llm.types import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["DummyLLM", "ScriptedLLM"]


class DummyLLM(AbstractModel):
    """A model that is a Python function.

    The function gets exactly the arguments that the model is called with. What it
    raises passes through unchanged: it is the user's code, not a provider.

    Args:
        callable: takes ``messages=...`` and the other arguments of a chat API, and
            returns a text, a `Reply`, or an object in the form of OpenAI's API.
        reset_freq: accepted for programs of the original; a function does not age.
        enforces_schema: whether the function keeps to a JSON schema it is given.

    Example:
        >>> shout = DummyLLM(lambda messages, **rest: messages[-1]["content"].upper())
        >>> shout(messages=[{"role": "user", "content": "hi"}]).choices[0].message.content
        'HI'

    Source: SPEC 8.2.
    """

    enforces_schema = False

    def __init__(
        self,
        callable: Callable[..., Any],  # noqa: A002 - the name is public API
        reset_freq: float | None = None,
        *,
        enforces_schema: bool = False,
    ) -> None:
        super().__init__(_Constant(callable), reset_freq)
        self.callable = callable
        self.enforces_schema = enforces_schema


class ScriptedLLM(LLM):
    """A model that gives prepared answers, one after the other, and notes what it was asked.

    Args:
        replies: what to answer: a text or a `Reply` is given, an exception is raised.
        enforces_schema: what to say when asked for that capability.

    Attributes:
        requests: the requests so far, in order.

    Example:
        >>> model = ScriptedLLM(["one", ModelUnavailable("busy")])
        >>> model("?").text
        'one'
        >>> model("again?")
        Traceback (most recent call last):
            ...
        opto.errors.ModelUnavailable: busy
        >>> [request.messages[0]["content"] for request in model.requests]
        ['?', 'again?']
    """

    enforces_schema = False

    def __init__(
        self,
        replies: Iterable[str | Reply | Exception],
        *,
        enforces_schema: bool = False,
    ) -> None:
        # Taking from a deque is atomic, so that threads may share one script.
        self._left = deque(replies)
        self.requests: list[Request] = []
        self.enforces_schema = enforces_schema

    @property
    def left(self) -> int:
        """How many answers are still to come."""
        return len(self._left)

    def answer(self, request: Request) -> Reply:
        """The next answer of the script.

        Raises:
            ModelUnavailable: the script is used up.
        """
        self.requests.append(request)
        try:
            reply = self._left.popleft()
        except IndexError:
            raise ModelUnavailable(
                f"the script of this model is used up: it was asked {len(self.requests)} times "
                f"and held {len(self.requests) - 1} answers; the last request was "
                f"{_short(repr(request))}"
            ) from None
        if isinstance(reply, Exception):
            raise reply
        return Reply.read(reply, request.digest)


class _Constant:
    """A factory that always makes the same thing; unlike a lambda, it can be pickled."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return self.value


def _short(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else f"{text[: limit - 20]} ... {text[-15:]}"
