"""The port that every model answers through, and the choice of who stands behind it."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from inspect import Signature, signature
from typing import TYPE_CHECKING, Any

from opto.llm.around import through
from opto.llm.choice import choose
from opto.llm.types import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opto.llm.stream import AsyncStream, Stream

__all__ = ["LLM"]


class _Port(ABCMeta):
    """Lets ``LLM(...)`` choose a backend while ``LLM`` stays the class of all of them.

    A ``__new__`` could not: Python would run the backend's ``__init__`` a second
    time, with arguments that were meant for the choice.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return choose(*args, **kwargs) if cls is LLM else super().__call__(*args, **kwargs)

    @property
    def __signature__(cls) -> Signature:
        # What `help` and notebooks show; else they would show the line above.
        if cls is LLM:
            return signature(choose)
        own = signature(cls.__init__)  # type: ignore[misc]  # it is a class
        return own.replace(parameters=list(own.parameters.values())[1:])


class LLM(metaclass=_Port):
    """A language model.

    Called itself, it chooses a backend: the argument `backend`, else the environment
    variable ``TRACE_DEFAULT_LLM_BACKEND``, else LiteLLM where it is installed, else
    the OpenAI-compatible client. Nothing heavy is imported before the first question.

    A backend of your own is a subclass with one method, `answer`.

    Args:
        model: the model's name; None for the backend's default.
        backend: "LiteLLM", "OpenAI", "CustomLLM", "Local", or a name that an
            installed package registered; upper and lower case are one.
        profile: a name registered with `LLMFactory`; its settings are defaults
            for the other arguments.
        cache: answer from the journal what was asked before, and write down what was not,
            see `opto.store.Recorded`.
        journal: the journal that everything is written down in, or its path; None for the
            user's own where there is `cache`, else for no journal.
        budget: what it may cost, see `Budget`; many models may share one.
        governor: how fast it may be asked, see `Governor`; many models may share one.
        prices: your prices by the name of the model, see `Budgeted`.
        shaped: take JSON schemas whether the backend enforces them or not, see `Shaped`.
        **settings: passed on to the backend's constructor.

    Raises:
        PlugError: nobody registered the backend or the profile.
        ModelMissing: the backend's package is not installed.

    Example:
        >>> class Echo(LLM):
        ...     def answer(self, request: Request) -> Reply:
        ...         return Reply(request.messages[-1]["content"])
        >>> Echo()(messages=[{"role": "user", "content": "hi"}]).choices[0].message.content
        'hi'

    Source: SPEC 1.4 and 8.2.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "answer" in vars(cls):
            setattr(cls, "answer", through(cls.answer))  # noqa: B010 - mypy refuses the other form

    @property
    def enforces_schema(self) -> bool:
        """Whether the backend can force a JSON schema while it decodes; a class may say True."""
        return False

    if TYPE_CHECKING:
        # The signature of the choice, as readers and type checkers shall see it.
        def __new__(  # noqa: D102, PYI034 - `LLM(...)` is no `Self`: it is some backend
            cls,
            model: str | None = None,
            *,
            backend: str | None = None,
            profile: str | None = None,
            cache: bool | None = None,
            journal: Any = None,
            budget: Any = None,
            governor: Any = None,
            prices: Mapping[str, Any] | None = None,
            shaped: bool | None = None,
            **settings: Any,
        ) -> LLM: ...

    def answer(self, request: Request) -> Reply:
        """Answer one request.

        Raises:
            ModelError: the model did not answer.
        """
        raise NotImplementedError

    if not TYPE_CHECKING:
        # Hidden from type checkers: for them `LLM()` would be an abstract class
        # that is instantiated, and not the choice of a backend.
        answer = abstractmethod(answer)

    def __call__(self, messages: str | Sequence[Any] = (), /, **arguments: Any) -> Reply:
        """Ask in the form of OpenAI's chat API.

        Args:
            messages: the conversation, also accepted as ``messages=``; a text alone
                is one message of the user.
            **arguments: ``response_format``, ``max_tokens``, ``temperature``, ``n``,
                and whatever else the provider takes.

        Returns:
            The reply; its text is also at ``.choices[0].message.content``.

        Raises:
            ModelError: the model did not answer.
        """
        return self.answer(Request.of(arguments.pop("messages", messages), **arguments))

    def create(self, **config: Any) -> Reply:
        """Ask as with the client of OpenAI or AutoGen: the same as calling the model."""
        return self(**config)

    async def answer_async(self, request: Request) -> Reply:
        """Answer one request without holding up the event loop.

        `answer` runs in a thread of its own, with the context of the task, so that each
        backend and each layer does what it does otherwise. When the task is cancelled, so
        is what is under way: the connection is closed, and no wait goes on. Code that
        waits by itself and knows nothing of ``request.live`` is left behind.

        Raises:
            ModelError: the model did not answer.
        """
        from opto.llm.aside import answered  # lazy: asyncio, 30 ms of import

        return await answered(self.answer, request)

    async def create_async(self, **config: Any) -> Reply:
        """Ask in the form of OpenAI's chat API, without holding up the event loop.

        Example:
            >>> import asyncio
            >>> from opto.llm import ScriptedLLM
            >>> asyncio.run(ScriptedLLM(["Hello"]).create_async(messages="Greet me.")).text
            'Hello'
        """
        return await self.answer_async(Request.of(config.pop("messages", ()), **config))

    def stream(self, messages: str | Sequence[Any] = (), /, **arguments: Any) -> Stream:
        """Ask as by calling the model, and read the text while it is written.

        A model that cannot tell its text in pieces gives it as one. Of several answers
        (``n=``), the first is told. Once text was given, a failure is final: asking again
        would tell it twice.

        Returns:
            The pieces in a loop, and then their `Reply` at ``.reply``. Leaving the loop
            early, or ``close()``, cancels the request.

        Example:
            >>> from opto.llm import ScriptedLLM
            >>> for piece in ScriptedLLM(["Hello"]).stream("Greet me."):
            ...     print(piece)
            Hello
        """
        from opto.llm.stream import Stream  # lazy: asyncio, 30 ms of import

        return Stream(self.answer, Request.of(arguments.pop("messages", messages), **arguments))

    def stream_async(self, messages: str | Sequence[Any] = (), /, **arguments: Any) -> AsyncStream:
        """As `stream`, for an ``async for``; called where an event loop is running."""
        from opto.llm.stream import AsyncStream  # lazy: asyncio, 30 ms of import

        request = Request.of(arguments.pop("messages", messages), **arguments)
        return AsyncStream(self.answer, request)
