"""What optimizers that ask a language model share: the model, the memory, and the record."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from opto.errors import ModelRefused, StoreError
from opto.llm import Reply, Request, as_llm
from opto.llm.redact import redacted
from opto.optimizers.keeping import read_json, write_json
from opto.optimizers.memory import Memory
from opto.optimizers.optimizer import Optimizer
from opto.optimizers.options import is_overridden
from opto.optimizers.summary import FunctionFeedback
from opto.optimizers.utils import print_color

if TYPE_CHECKING:
    from os import PathLike

    from opto.optimizers.proposal import Update
    from opto.trace.propagators import Propagator

__all__ = ["AskingOptimizer"]

_KIND = "opto.optimizer/1"
_FORMAT_WORDS = ("response_format", "json_schema", "json_object", "schema", "grammar")


class AskingOptimizer(Optimizer):
    """An optimizer that asks a language model; a subclass writes `_step`.

    Args:
        parameters: a list of `ParameterNode`.
        llm: an `LLM`, a model's name, or a callable that takes ``messages=``; None for
            what ``LLM()`` chooses.
        propagator: as in `Optimizer`.
        objective: what the model shall do.
        memory_size: how many earlier rounds the model sees.
        max_tokens: the longest answer, in tokens; None for no limit.
        log: whether prompts and answers are kept.
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
    ) -> None:
        super().__init__(parameters, propagator=propagator)
        # A model that was given is kept as it is, so that `optimizer.llm is llm`.
        self.llm = as_llm(llm) if llm is None or isinstance(llm, str) else llm
        self.objective = objective
        self.memory = Memory(memory_size)
        self.max_tokens = max_tokens
        self.log: list[dict[str, Any]] | None = [] if log else None
        self.summary_log: list[dict[str, Any]] | None = [] if log else None
        self._takes_format = True

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

    def _ask(self, requests: tuple[Request, ...], verbose: bool | str) -> tuple[Reply, ...]:
        """The replies to the questions of one round."""
        if not is_overridden(self, AskingOptimizer, "call_llm"):
            return tuple(self._answer(request, verbose) for request in requests)
        return tuple(
            Reply.read(
                self.call_llm(
                    system_prompt=request.messages[0]["content"],
                    user_prompt=request.messages[-1]["content"],
                    verbose=verbose,
                    max_tokens=request.max_tokens,
                ),
                request.digest,
            )
            for request in requests
        )

    def _answer(self, request: Request, verbose: bool | str) -> Reply:
        if verbose and verbose != "output":
            for message in request.messages:
                _show(message["role"], message["content"])
        model = as_llm(self.llm)
        try:
            reply = model.answer(request)
        except ModelRefused as refusal:
            # Only a refusal of the form is worth asking again, without it. Any other failure
            # would come again, and cost again (SPEC 11.C13).
            if request.response_format is None or not _is_about_the_form(refusal):
                raise
            self._takes_format = False
            reply = model.answer(replace(request, response_format=None))
        if verbose:
            _show("answer", reply.text)
        return reply

    def _note(self, prompt: tuple[str, str], problem: Any, summary: Any, update: Update) -> None:
        """Add a step to the logs: texts only, so that no program is kept alive; no secrets."""
        if self.log is not None:
            entry = {"system_prompt": prompt[0], "user_prompt": prompt[1]}
            texts = [reply.text for reply in update.replies]
            last = update.reply.text if update.reply else ""
            self.log.append(redacted({**entry, "response": last, "responses": texts}))
        if self.summary_log is not None:
            written = _clean(replace(problem, current={}, heads={}))
            known = isinstance(summary, FunctionFeedback)
            told = _clean(summary.as_text()) if known else redacted(str(summary))
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


def _show(who: str, said: Any) -> None:
    print_color(redacted(f"{who}:\n{said}\n"), "green")


def _clean(record: Any) -> Any:
    """A record of texts without the secrets in them."""
    return replace(record, **{f.name: redacted(getattr(record, f.name)) for f in fields(record)})


def _is_about_the_form(refusal: ModelRefused) -> bool:
    said = str(refusal).lower()
    return any(word in said for word in _FORMAT_WORDS)
