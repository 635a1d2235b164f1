"""Optimizers that put one question about all parameters, and read its answer with care."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from opto.errors import AnswerError, OptimizerError
from opto.formats import read_answer
from opto.optimizers.asking import AskingOptimizer, whole
from opto.optimizers.drafts import best_of
from opto.optimizers.drive import Work
from opto.optimizers.fields import wanted
from opto.optimizers.memory import Episode
from opto.optimizers.options import is_overridden, refuse_unknown
from opto.optimizers.plan import Asking, plan, spread
from opto.optimizers.problem import Problem
from opto.optimizers.proposal import Proposal, Update
from opto.optimizers.reading import proposal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from opto.formats import Format, Parsed
    from opto.optimizers.drive import Plan
    from opto.optimizers.summary import FunctionFeedback

__all__ = ["ProposingOptimizer"]


class ProposingOptimizer(AskingOptimizer):
    """An optimizer whose step is one question; a subclass says in what words.

    Args:
        parameters: a list of `ParameterNode`.
        llm: as in `AskingOptimizer`.
        form: the form of the answer.
        ignore_extraction_error: False makes a value that cannot be used raise `AnswerError`.
        use_json_object_format: ask the provider for JSON: by a schema where it can hold a
            model to one, and as an object otherwise.
        repair: ask once more, saying what was wrong, when nothing in an answer can be used.
        drafts: how many answers each step asks for; more than one needs `score`.
        score: runs the program as it is and returns how good it is, more being better.
        temperature: randomness of the answers; a pair is the range over which drafts are
            spread.
        **shared: further arguments of `AskingOptimizer`.
    """

    def __init__(
        self,
        parameters: Any,
        llm: Any = None,
        *,
        form: Format,
        ignore_extraction_error: bool = True,
        use_json_object_format: bool = True,
        repair: bool = True,
        drafts: int = 1,
        score: Callable[[], float] | None = None,
        temperature: float | tuple[float, float] | None = None,
        **shared: Any,
    ) -> None:
        super().__init__(parameters, llm, **shared)
        self.format = form
        self.ignore_extraction_error = ignore_extraction_error
        self.use_json_object_format = use_json_object_format
        self.repair = repair
        self.drafts = whole("drafts", drafts)
        self.score = score
        self.temperature = temperature
        self._named: dict[str, Any] = {}

    # -- from the run to the question: what a subclass writes ---------------------------

    @abstractmethod
    def summarize(self) -> FunctionFeedback:
        """The run that the feedback is about, with what may be changed in it."""

    @abstractmethod
    def problem_instance(
        self, summary: FunctionFeedback, mask: Collection[str] | None = None
    ) -> Problem:
        """The problem as the model reads it."""

    @abstractmethod
    def construct_prompt(
        self, summary: FunctionFeedback, mask: Collection[str] | None = None, *args: Any
    ) -> tuple[str, str]:
        """The words of the question: for the system, and for the user."""

    def _asked(
        self, summary: FunctionFeedback, mask: Collection[str] | None
    ) -> tuple[Problem, tuple[str, str]]:
        """The problem of a step, and the words that it is asked in."""
        problem = self._completed(self.problem_instance(summary, mask=mask), summary)
        return problem, self._prompt_of(problem, summary, mask)

    def _prompt_of(
        self,
        problem: Any,  # noqa: ARG002 - for whoever need not make it again
        summary: FunctionFeedback,
        mask: Collection[str] | None,
    ) -> tuple[str, str]:
        return self.construct_prompt(summary, mask=mask)

    @abstractmethod
    def _words(self, problem: Problem, memory: Iterable[Episode]) -> tuple[str, str]:
        """The words of a problem, without the program."""

    def _completed(self, problem: Any, summary: FunctionFeedback) -> Problem:
        """The problem with what an answer may set, which a hook need not know of.

        A hook may also return anything that has a text.
        """
        if isinstance(problem, Problem) and problem.fields:
            return problem
        whole = (
            problem
            if isinstance(problem, Problem)
            else Problem(instruction=str(problem), titles={"instruction": ""})
        )
        return replace(whole, **wanted(self._targets(summary.variables), self._beyond(summary)))

    def _targets(self, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Parameters by name: those that are named, or those of the last run, or all."""
        known = {p.py_name: p for p in self.parameters if p.trainable}
        if names is None:
            return self._named or known
        known |= self._named
        return {name: known[name] for name in names if name in known}

    def _beyond(self, summary: FunctionFeedback) -> dict[str, Any]:
        """Parameters that the run did not use, by names that nothing in it has.

        The model may know them from earlier rounds.

        Source: SPEC 7.2: such names are accepted.
        """
        used = {*summary.variables, *summary.roots, *summary.others, *summary.output}
        unused = [p for p in self.parameters if p.trainable and p.py_name not in used]
        counts = Counter(p.py_name for p in unused)
        return {p.py_name: p for p in unused if counts[p.py_name] == 1}

    # -- the step -----------------------------------------------------------------------

    def plan(
        self,
        problem: Problem,
        memory: Iterable[Episode] = (),
        prompt: tuple[str, str] | None = None,
        drafts: int = 1,
    ) -> Plan[Proposal]:
        """The step without a model and without the program: questions to a proposal.

        Args:
            problem: what `problem_instance` returned.
            memory: earlier rounds, the oldest first.
            prompt: the words, where they are not those of `problem` and `memory`.
            drafts: how many answers to ask for.

        Returns:
            A generator for `opto.optimizers.drive.drive`.
        """
        system, user = prompt or self._words(problem, memory)
        asking = Asking(
            system,
            user,
            self.max_tokens,
            self._response_format(problem),
            spread(drafts, self.temperature),
            self.repair,
        )
        return plan(asking, partial(self._read, problem=problem))

    def _rounds(
        self,
        verbose: bool | str = False,  # noqa: ARG002 - whoever drives the plan prints
        mask: Collection[str] | None = None,
        *args: Any,
        drafts: int | None = None,
        score: Callable[[], float] | None = None,
        **unknown: Any,
    ) -> Plan[Update]:
        """New values for the parameters.

        Args:
            verbose: print the question and the answer; ``"output"`` prints the answer only.
            mask: titles of sections that the model shall not see, such as ``["#Inputs"]``.
            *args: none.
            drafts: as in the constructor, for this step.
            score: as in the constructor, for this step.
            **unknown: none.
        """
        refuse_unknown("step()", ProposingOptimizer._rounds, args, unknown)
        count = whole("drafts", self.drafts if drafts is None else drafts)
        score = score or self.score
        if count > 1 and score is None:
            raise OptimizerError(
                f"drafts={count} needs score=...: a function without arguments that runs the "
                "program and returns a number, more being better"
            )
        return (yield from self._through(partial(self.plan, drafts=count), mask, score))

    def _through(
        self,
        planned: Callable[..., Plan[Proposal]],
        mask: Collection[str] | None,
        score: Callable[[], float] | None,
        **noted: Any,
    ) -> Plan[Update]:
        """The step around a plan: what is before the questions, and what comes of the answers.

        Args:
            planned: makes the plan, from what `plan` takes.
            mask: as in a step.
            score: tries the proposals out, where there is one.
            **noted: what the log shall hold besides.
        """
        summary = self.summarize()
        problem, prompt = self._asked(summary, mask)
        proposal = yield from planned(problem, self.memory, prompt)
        every = (proposal, *proposal.others)
        updates = [
            self._update_of(replace(p, others=()) if p.others else p, summary) for p in every
        ]
        update = updates[0]
        if score is not None:
            update = yield from Work(partial(best_of, updates, score)).result()
        update = update.among(updates)
        self._note(prompt, problem, summary, update, **noted)
        if not self.ignore_extraction_error and (update.failure or update.refused):
            raise AnswerError(update.failure or "; ".join(map(str, update.refused)))
        values = {name: value for name, (value, _) in summary.variables.items()}
        self.memory.add(Episode.of(values, summary.user_feedback))
        return update

    # -- from the answer to the update --------------------------------------------------

    def extract_llm_suggestion(self, response: str) -> dict[str, Any]:
        """What an answer suggests, by name; a hook: where a subclass writes its own, it counts.

        Args:
            response: the text of the answer.
        """
        parsed = read_answer(self.format, response, wanted(self._targets())["fields"])
        return {**parsed.values, **parsed.unknown}

    def construct_update_dict(self, suggestion: Mapping[str, Any]) -> dict[Any, Any]:
        """New values by parameter; a hook: where a subclass writes its own, it counts.

        Args:
            suggestion: what `extract_llm_suggestion` returned.

        Raises:
            AnswerError: a value does not fit, and `ignore_extraction_error` is False.
        """
        given: Any = suggestion  # of a hook, it may be anything
        targets = self._targets() | self._targets(given if isinstance(given, Mapping) else ())
        problem = Problem(**wanted(targets))
        proposal = proposal_of(self.format.matched(suggestion, problem.fields), problem)
        if proposal.refused and not self.ignore_extraction_error:
            raise AnswerError("; ".join(map(str, proposal.refused)))
        kept = {name: problem.current[name] for name in proposal.unchanged}
        return {targets[name]: value for name, value in {**proposal.values, **kept}.items()}

    @property
    def _home(self) -> type:
        """The class whose reading of answers is the house's own; what differs is a hook."""
        return ProposingOptimizer

    def _read(self, text: str, problem: Problem) -> Proposal:
        """The proposal in an answer, as far as a hook does not read it otherwise."""
        parsed = self._parsed(text, problem)
        if is_overridden(self, self._home, "construct_update_dict"):
            given = {**parsed.values, **parsed.unknown}
            return Proposal(given, given=given, failure=parsed.failure, stop=parsed.stop)
        return proposal_of(parsed, problem)

    def _parsed(self, text: str, problem: Problem) -> Parsed:
        """What stands in an answer, by its form or as a hook reads it."""
        if is_overridden(self, self._home, "extract_llm_suggestion"):
            return self.format.matched(self.extract_llm_suggestion(text), problem.fields)
        return read_answer(self.format, text, problem.fields)

    def _update_of(self, proposal: Proposal, summary: FunctionFeedback) -> Update:
        targets = self._beyond(summary) | self._targets(summary.variables)
        if is_overridden(self, self._home, "construct_update_dict"):
            values = self.construct_update_dict(dict(proposal.given))
        else:
            values = {targets[name]: value for name, value in proposal.values.items()}
        return Update.of(values, proposal, targets)

    def _response_format(self, problem: Problem) -> Any:
        schema = self.format.response_format(problem.fields)
        if schema is None:  # the form is none that a provider knows
            return None
        if self.enforces_schema and problem.fields:
            return schema
        return {"type": "json_object"} if self.use_json_object_format else None
