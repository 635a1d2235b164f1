"""A question to a model, its answer, and what the answer cost: frozen values.

They hold plain data, so that a question can be digested, stored, replayed and
sent to another process. What a provider returned beyond that is in `Reply.raw`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from opto.errors import AnswerError, ArgumentError
from opto.llm.digest import digest_of
from opto.llm.secret import hide, is_secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opto.llm.live import Live

__all__ = ["Choice", "Message", "Reply", "Request", "Usage"]

# How a provider is reached is no part of what is asked: these arguments, and those
# that hold keys, are left out of digests and repr.
ROUTE = frozenset(
    {
        "api_base",
        "api_version",
        "base_url",
        "client",
        "http_client",
        "max_retries",
        "num_retries",
        "timeout",
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model.

    Args:
        messages: the conversation, each message a mapping with ``role`` and ``content``.
        model: the model's name; None leaves the choice to the backend.
        max_tokens: the longest answer that is wanted, in tokens; None for no limit.
        temperature: randomness of the answer; None for the provider's default.
        response_format: the shape of the answer in the form of OpenAI's API, for
            example ``{"type": "json_object"}``.
        sample: tells apart draws of the same question. It is never sent.
        extra: further arguments of the provider, by name.
        live: what accompanies the question while it is being answered: its cancelling,
            and who hears its text in pieces. It is no part of what is asked: not of
            equality, digest, repr and pickles, and no journal holds it.

    Example:
        >>> request = Request.of("Say hello.", max_tokens=5)
        >>> request.messages
        ({'role': 'user', 'content': 'Say hello.'},)
        >>> request.digest == Request.of("Say hello.", max_tokens=5).digest
        True
    """

    messages: tuple[Mapping[str, Any], ...]
    model: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    response_format: Any = None
    sample: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)
    live: Live | None = field(default=None, repr=False, compare=False)
    _digest: str = field(default="", init=False, repr=False, compare=False)

    @classmethod
    def of(cls, messages: str | Sequence[Any], /, **arguments: Any) -> Request:
        """A request from arguments as OpenAI's chat API names them.

        Args:
            messages: the conversation; a text alone is one message of the user.
                Messages that came out of an earlier reply are taken as well.
            **arguments: the other fields by name; what is no field goes to `extra`.
        """
        own = {name: arguments.pop(name) for name in SAID if name in arguments}
        return cls(_conversation(messages), **own, extra=arguments)

    @property
    def digest(self) -> str:
        """SHA-256 of what is asked, in hex: the same in every process and dict order.

        Raises:
            ArgumentError: an argument is not data, so that it has no stable form.
        """
        if not self._digest:
            asked = {name: getattr(self, name) for name in ("messages", *SAID)}
            asked["extra"] = {k: v for k, v in self.extra.items() if not _is_route(k)}
            # Worked out once: each layer asks for it. That is no change of a frozen value.
            object.__setattr__(self, "_digest", digest_of(asked))
        return self._digest

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments to call a chat API with; nothing that was left open."""
        said = {name: getattr(self, name) for name in SAID if name != "sample"}
        return {
            "messages": [dict(message) for message in self.messages],
            **{name: value for name, value in said.items() if value is not None},
            **self.extra,
        }

    def over(self, defaults: Mapping[str, Any]) -> Request:
        """This request, with what it leaves open taken from `defaults`."""
        if not defaults:
            return self
        open_fields = {
            name: defaults[name]
            for name in SAID
            if name in defaults and name != "sample" and getattr(self, name) is None
        }
        rest = {name: value for name, value in defaults.items() if name not in SAID}
        return replace(self, **open_fields, extra={**rest, **self.extra})

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        shown = [f"messages={list(self.messages)!r}"]
        shown += [
            f"{name}={value!r}"
            for name, value in self.arguments().items()
            if name != "messages" and not _is_route(name)
        ]
        shown += [f"sample={self.sample}"] if self.sample else []
        return hide(f"Request({', '.join(shown)})")

    def __reduce__(self) -> tuple[type[Request], tuple[Any, ...]]:
        # A copy, here or in another process, is a question that nobody accompanies yet.
        return Request, tuple(getattr(self, name) for name in ("messages", *SAID, "extra"))


SAID = ("model", "max_tokens", "temperature", "response_format", "sample")


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost; usages add up.

    Args:
        prompt_tokens: tokens that were read.
        completion_tokens: tokens that were written.
        cost_usd: the price in US dollars; None where nobody knows it, and then
            the sum is not known either. Sums start at ``Usage(cost_usd=0.0)``.

    Example:
        >>> Usage(10, 2, 0.5) + Usage(1, 1, 0.25)
        Usage(prompt_tokens=11, completion_tokens=3, cost_usd=0.75)
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None

    @property
    def total_tokens(self) -> int:
        """Tokens read and written."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        known = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            (self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
        )


class _Shown:
    """A dataclass that shows no secret in its repr, not even one that a server sent back."""

    __slots__ = ()

    def __repr__(self) -> str:
        held: Any = self
        shown = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(held) if f.repr]
        return hide(f"{type(self).__name__}({', '.join(shown)})")


@dataclass(frozen=True, slots=True, repr=False)
class Message(_Shown):
    """The message of one choice; attributes that are not ours are the provider's own."""

    content: str
    role: str = "assistant"
    raw: Any = field(default=None, repr=False, compare=False)

    def __getattr__(self, name: str) -> Any:
        # Such as `tool_calls`. Dunder names are asked by copy and pickle on an empty instance.
        raw = None if name.startswith("__") or name == "raw" else self.raw
        if isinstance(raw, dict) and name in raw:
            return raw[name]
        if raw is not None and hasattr(raw, name):
            return getattr(raw, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


@dataclass(frozen=True, slots=True, repr=False)
class Choice(_Shown):
    """One of the answers to a request, in the form of OpenAI's API."""

    message: Message
    index: int = 0
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Reply(_Shown):
    """A model's answer.

    Args:
        text: what the model said; empty when it said nothing.
        model: the name of the model that answered.
        finish_reason: why it stopped: "stop", "length" (cut off), "content_filter", ...
        usage: what the answer cost.
        request: digest of the request that it answers.
        others: further answers to the same request, when several were asked for (``n=``).
        raw: the provider's own object; not part of equality, and not stored.
        recalled: whether it came out of a record, so that nothing was asked for it now.

    Example:
        >>> Reply("Hello").choices[0].message.content
        'Hello'
    """

    text: str
    model: str | None = None
    finish_reason: str | None = None
    usage: Usage = Usage()
    request: str = ""
    others: tuple[str, ...] = ()
    raw: Any = field(default=None, repr=False, compare=False)
    recalled: bool = field(default=False, repr=False, compare=False)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The answers in the form of OpenAI's API."""
        given = tuple(_get(self.raw, "choices") or ())
        found = []
        for index, text in enumerate((self.text, *self.others)):
            raw = given[index] if index < len(given) else None
            reason = _get(raw, "finish_reason") or self.finish_reason
            found.append(Choice(Message(text, raw=_get(raw, "message")), index, reason))
        return tuple(found)

    @classmethod
    def read(cls, answer: Any, request: str = "") -> Reply:
        """A reply from what a callable or a client returned.

        Args:
            answer: a text, a `Reply`, or an object or mapping in the form of
                OpenAI's chat completion.
            request: digest of the request that it answers.

        Raises:
            AnswerError: `answer` is none of these.
        """
        if isinstance(answer, Reply):
            return answer if answer.request or not request else replace(answer, request=request)
        if isinstance(answer, str) or answer is None:
            return cls(answer or "", request=request)
        choices = _get(answer, "choices")
        if not choices:
            raise AnswerError(
                f"the model's client returned {type(answer).__name__} without a choice in it; "
                f"expected a text, a Reply, or an object with .choices[0].message.content"
            )
        first, *rest = (_content(choice) for choice in choices)
        return cls(
            first,
            model=_get(answer, "model"),
            finish_reason=_get(choices[0], "finish_reason"),
            usage=_usage(answer),
            request=request,
            others=tuple(rest),
            raw=answer,
        )


def _is_route(argument: str) -> bool:
    return argument in ROUTE or is_secret(argument)


def _get(holder: Any, name: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(name)
    return getattr(holder, name, None)


def _content(choice: Any) -> str:
    content = _get(_get(choice, "message"), "content")
    if isinstance(content, list):  # parts, as multimodal models answer
        return "".join(str(_get(part, "text") or "") for part in content)
    return str(content) if content is not None else ""


def _usage(answer: Any) -> Usage:
    usage = _get(answer, "usage")
    # LiteLLM works the price out itself and keeps it here.
    cost = _get(_get(answer, "_hidden_params"), "response_cost")
    return Usage(
        _number(_get(usage, "prompt_tokens")), _number(_get(usage, "completion_tokens")), cost
    )


def _number(said: Any) -> int:
    return int(said) if isinstance(said, (int, float)) else 0


def _conversation(messages: str | Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
    if isinstance(messages, str):
        return ({"role": "user", "content": messages},)
    return tuple(_message(message) for message in messages)


def _message(message: Any) -> Mapping[str, Any]:
    if isinstance(message, Message):
        message = message.raw or {"role": message.role, "content": message.content}
    if hasattr(message, "model_dump"):
        return dict(message.model_dump(exclude_none=True))
    try:
        return dict(message)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"a message must be a mapping with 'role' and 'content', not {message!r}; "
            f'write {{"role": "user", "content": ...}}'
        ) from None
