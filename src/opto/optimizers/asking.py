"""What optimizers that ask a language model share: the model, the memory, and the record."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from opto.errors import ModelRefused, OptimizerError, OptoError, StoreError
from opto.llm import Reply, Request, ScriptedLLM, as_llm
from opto.llm.layers import layers
from opto.llm.redact import is_clean, redacted
from opto.optimizers.drive import drive, drive_async
from opto.optimizers.keeping import read_json, write_json
from opto.optimizers.memory import Memory
from opto.optimizers.optimizer import Optimizer
from opto.optimizers.options import is_overridden
from opto.optimizers.rounds import gathered, together, told_apart
from opto.optimizers.summary import FunctionFeedback
from opto.optimizers.utils import print_color

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from opto.llm import LLM
    from opto.optimizers.drive import Plan
    from opto.optimizers.proposal import Update
    from opto.trace.propagators import Propagator

__all__ = ["AskingOptimizer", "whole"]

_KIND = "opto.optimizer/1"
_FORMAT_WORDS = ("response_format", "json", "schema", "grammar")


class AskingOptimizer(Optimizer):
    """An optimizer that asks a language model; a subclass writes `_rounds`.

    The questions of one round are asked at the same time, by threads or, in `step_async`, by
    tasks. Each has the context of the caller, so that a run, its budget and `stop_tracing`
    hold for it. A `call_llm` of your own is called by one thread, in order.

    Args:
        parameters: a list of `ParameterNode`.
        llm: an `LLM`, a model's name, or a callable that takes ``messages=``; None for
            what ``LLM()`` chooses.
        propagator: as in `Optimizer`.
        objective: what the model shall do.
        memory_size: how many earlier rounds the model sees.
        max_tokens: the longest answer, in tokens; None for no limit.
        log: whether prompts and answers are kept.
        parallel: how many questions of a round are asked at a time. With 1, a model is
            never called by two threads at once. One that answers from a script is asked in
            order, whatever this says.
    """

    def __init__(
        self,
        parameters: Any,
        llm: Any = None,
        *,
        propagator: Propagator | None = None,
        objective: str = "",
        memory_size: int = 0,
        max_tokens: int | None = 4096,
        log: bool = True,
        parallel: int = 8,
    ) -> None:
        super().__init__(parameters, propagator=propagator)
        # A model that was given is kept as it is, so that `optimizer.llm is llm`.
        self.llm = as_llm(llm) if llm is None or isinstance(llm, str) else llm
        self.objective = objective
        self.memory = Memory(memory_size)
        self.max_tokens = max_tokens
        self.log: list[dict[str, Any]] | None = [] if log else None
        self.summary_log: list[dict[str, Any]] | None = [] if log else None
        self.parallel = whole("parallel", parallel)
        self._refused = _Refused()

    @property
    def enforces_schema(self) -> bool:
        """Whether the model can be held to a JSON schema."""
        return bool(getattr(as_llm(self.llm), "enforces_schema", False))

    def call_llm(
        self,
        system_prompt: str,
        user_prompt: str,
        verbose: bool | str = False,
        max_tokens: int | None = None,
    ) -> str:
        """Ask the model; a hook: where a subclass writes its own, all questions go through it.

        Args:
            system_prompt: how to answer.
            user_prompt: the question.
            verbose: print the question and the answer; ``"output"`` prints the answer only.
            max_tokens: the longest answer; None for the optimizer's limit.

        Returns:
            The text of the answer.

        Raises:
            ModelError: the model did not answer.
        """
        messages = (
            {"role": "system", "content": system_prompt},
            {"role": "user", "content": user_prompt},
        )
        request = Request(messages, max_tokens=max_tokens or self.max_tokens)
        return self._answer(request, verbose).text

    # -- the step -----------------------------------------------------------------------

    def _rounds(self, *args: Any, **kwargs: Any) -> Plan[Update]:
        """The whole step as a plan, from the feedback to the update; what a subclass writes.

        Args:
            *args: what `step` was given, ``verbose`` first.
            **kwargs: what `step` was given.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must write _rounds(), a generator of tuples of requests that "
            f"is sent tuples of replies and returns an Update"
        )

    def _step(self, verbose: bool | str = False, *args: Any, **kwargs: Any) -> Mapping[Any, Any]:
        """New values for the parameters; see `_rounds`."""
        answer = partial(self._ask, verbose=verbose)
        return drive(self._rounds(verbose, *args, **kwargs), answer)

    async def _propose_async(self, *args: Any, **kwargs: Any) -> Mapping[Any, Any]:
        if is_overridden(self, AskingOptimizer, "_step"):
            return await super()._propose_async(*args, **kwargs)
        return await self._step_async(*args, **kwargs)

    async def _step_async(
        self, verbose: bool | str = False, *args: Any, **kwargs: Any
    ) -> Mapping[Any, Any]:
        answer = partial(self._ask_async, verbose=verbose)
        return await drive_async(self._rounds(verbose, *args, **kwargs), answer)

    def _ask(self, requests: tuple[Request, ...], verbose: bool | str) -> tuple[Reply, ...]:
        """The replies to the questions of one round."""
        if is_overridden(self, AskingOptimizer, "call_llm"):
            return tuple(self._called(request, verbose) for request in requests)
        self._show_questions(requests, verbose)
        if len(requests) == 1:
            return _shown_answers((self._reply(requests[0]),), verbose)
        replies = together(self._reply, told_apart(requests), self._at_a_time(requests))
        return _shown_answers(replies, verbose)

    async def _ask_async(
        self, requests: tuple[Request, ...], verbose: bool | str
    ) -> tuple[Reply, ...]:
        """The replies to the questions of one round, without holding up the event loop."""
        if is_overridden(self, AskingOptimizer, "call_llm"):
            # lazy: 30 ms of import; whoever awaits has paid for it
            from asyncio import to_thread

            return await to_thread(self._ask, requests, verbose)
        self._show_questions(requests, verbose)
        at_a_time = self._at_a_time(requests)
        replies = await gathered(self._reply_async, told_apart(requests), at_a_time)
        return _shown_answers(replies, verbose)

    def _called(self, request: Request, verbose: bool | str) -> Reply:
        """The reply of a hook, which is no port: it takes and gives texts."""
        text = self.call_llm(
            system_prompt=request.messages[0]["content"],
            user_prompt=request.messages[-1]["content"],
            verbose=verbose,
            max_tokens=request.max_tokens,
        )
        return Reply.read(text, request.digest)

    def _answer(self, request: Request, verbose: bool | str) -> Reply:
        self._show_questions((request,), verbose)
        (reply,) = _shown_answers((self._reply(request),), verbose)
        return reply

    def _reply(self, request: Request) -> Reply:
        model, asked = self._sent(request)
        try:
            return model.answer(asked)
        except Exception as refusal:  # noqa: BLE001 - raised again, unless it is about the form
            return model.answer(self._without_form(request, asked, refusal))

    async def _reply_async(self, request: Request) -> Reply:
        model, asked = self._sent(request)
        try:
            return await model.answer_async(asked)
        except Exception as refusal:  # noqa: BLE001 - raised again, unless it is about the form
            return await model.answer_async(self._without_form(request, asked, refusal))

    def _addressed(self, request: Request) -> tuple[LLM, Request]:
        """Who answers a request, and what is sent there."""
        return as_llm(self.llm), request

    def _at_a_time(self, requests: tuple[Request, ...]) -> int:
        """How many of the questions are asked at a time."""
        models = {id(model): model for model, _ in map(self._addressed, requests)}
        within = [inner for model in models.values() for inner in layers(model)]
        # Its answers belong to questions by their order alone.
        return 1 if any(isinstance(one, ScriptedLLM) for one in within) else self.parallel

    def _sent(self, request: Request) -> tuple[LLM, Request]:
        """As `_addressed`; without the form where who answers has refused that before."""
        model, asked = self._addressed(request)
        form, refused = asked.response_format, self._refused.get(self.llm, ())
        if form is None or not refused or (request.model, form.get("type")) not in refused:
            return model, asked
        return model, replace(asked, response_format=None)

    def _without_form(self, request: Request, asked: Request, refusal: Exception) -> Request:
        """What was asked without the form that was refused; any other failure is raised.

        Any other failure would come again, and cost again (SPEC 11.C13). A function of the
        user's may refuse by an exception of its own. That it was refused
        is remembered for the one that refused it: of several models, others may take it.
        """
        form = asked.response_format
        if form is None or not _is_about_the_form(refusal):
            raise refusal
        self._refused.note(self.llm, (request.model, form.get("type")))
        return replace(asked, response_format=None)

    def _show_questions(self, requests: tuple[Request, ...], verbose: bool | str) -> None:
        if verbose and verbose != "output":
            for request in requests:
                for message in request.messages:
                    _show(message["role"], message["content"])

    def _note(
        self, prompt: tuple[str, str], problem: Any, summary: Any, update: Update, **more: Any
    ) -> None:
        """Add a step to the logs: texts only, so that no program is kept alive; no secrets."""
        replies = [reply.text for reply in update.replies]
        entry: dict[str, Any] = {
            "system_prompt": prompt[0],
            "user_prompt": prompt[1],
            "response": update.reply.text if update.reply else "",
            "responses": replies,
        }
        if self.log is not None:
            clean = is_clean((*prompt, *replies))
            self.log.append({**(entry if clean else redacted(entry)), **redacted(more)})
        if self.summary_log is not None:
            written = replace(problem, current={}, heads={}, projections={})
            if isinstance(summary, FunctionFeedback):
                written, told = _clean(written, summary.as_text())
            else:
                (written,), told = _clean(written), redacted(str(summary))
            self.summary_log.append({"problem_instance": written, "summary": told})

    def save(self, path: str | PathLike[str]) -> None:
        """Write objective and memory down as JSON, without secrets.

        Parameters, model and settings are the program's; parameters are saved by
        ``module.save``.

        Args:
            path: the file; it is replaced as a whole.
        """
        data = {"objective": self.objective, "memory": self.memory.to_data()}
        write_json(path, {"kind": _KIND, **redacted(data)})

    def load(self, path: str | PathLike[str]) -> None:
        """Take objective and memory over that `save` wrote.

        Args:
            path: the file.

        Raises:
            StoreError: the file is something else; nothing is changed then.
        """
        data = read_json(path, _KIND)
        objective, memory = data.get("objective"), Memory.of_data(data.get("memory"))
        if not isinstance(objective, str):
            raise StoreError(f"the objective in {path} must be a text, not {objective!r}")
        self.objective, self.memory = objective, memory

    def _shared(self) -> list[Any]:
        return [*super()._shared(), self.llm]


class _Refused:
    """The forms that models have refused: by model, whom they were refused by and their kind."""

    def __init__(self) -> None:
        # With the model itself, so that no other one can come to be known by its number.
        self._by: dict[int, tuple[Any, set[Any]]] = {}

    def get(self, model: Any, none: Any) -> Any:
        return self._by.get(id(model), (model, none))[1]

    def note(self, model: Any, form: Any) -> None:
        self._by.setdefault(id(model), (model, set()))[1].add(form)


def whole(name: str, count: Any) -> int:
    """A number of things, from 1 on.

    Raises:
        OptimizerError: it is none.
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise OptimizerError(f"{name} must be a whole number from 1 on, not {count!r}")
    return count


def _shown_answers(replies: tuple[Reply, ...], verbose: bool | str) -> tuple[Reply, ...]:
    if verbose:
        for reply in replies:
            _show("answer", reply.text)
    return replies


def _show(who: str, said: Any) -> None:
    print_color(redacted(f"{who}:\n{said}\n"), "green")


def _clean(*records: Any) -> tuple[Any, ...]:
    """Records of texts without the secrets in them."""
    if is_clean(text for record in records for text in record.texts()):
        return records
    return tuple(
        type(record)(**redacted({f.name: getattr(record, f.name) for f in fields(record)}))
        for record in records
    )


def _is_about_the_form(refusal: Exception) -> bool:
    if isinstance(refusal, OptoError) and not isinstance(refusal, ModelRefused):
        return False
    said = str(refusal).lower()
    return any(word in said for word in _FORMAT_WORDS)
