"""OptoPrime: one look at the whole run, one answer with new values for all parameters.

Source: the Trace paper, arXiv 2406.16218, section 4; SPEC 7.2.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from opto.errors import AnswerError, OptimizerError
from opto.formats import JSONFormat
from opto.optimizers.asking import AskingOptimizer
from opto.optimizers.drafts import best_of
from opto.optimizers.drive import drive
from opto.optimizers.fields import constraint_of, wanted
from opto.optimizers.memory import Episode
from opto.optimizers.options import is_overridden, refuse_unknown, renamed
from opto.optimizers.plan import Asking, plan, spread
from opto.optimizers.problem import TITLES, Problem
from opto.optimizers.proposal import Proposal, Update
from opto.optimizers.reading import proposal_of
from opto.optimizers.summary import (
    FunctionFeedback,
    get_fun_name,
    named_parameters,
    node_to_function_feedback,
    repr_function_call,
)
from opto.optimizers.words import objective_words, system_words, user_words
from opto.trace.propagators import GraphPropagator

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from opto.optimizers.drive import Plan

__all__ = [
    "FunctionFeedback",
    "OptoPrime",
    "ProblemInstance",
    "get_fun_name",
    "node_to_function_feedback",
    "repr_function_call",
]

ProblemInstance = Problem
"""The original's name of `Problem`."""


_KEYS: dict[str, str | None] = {
    "reasoning": "reasoning",
    "suggestion": "suggestion",
    "answer": None,
}


class OptoPrime(AskingOptimizer):
    """Shows a model the run as a program with values and feedback, and takes its new values.

    A step asks once, and once more if nothing in the answer can be used. What the model
    gives is converted to the parameters' types and projected; what does not fit is refused
    with a reason in the result. An answer never raises out of `step` unless
    `ignore_extraction_error` is False; a model that fails does, and then parameters,
    feedback and memory are as they were before.

    Args:
        parameters: a list of `ParameterNode`.
        llm: the model: an `LLM`, a model's name, or a callable that takes ``messages=``;
            None for what ``LLM()`` chooses.
        propagator: a `GraphPropagator`, or None for one.
        objective: what the model shall do; None for getting better outputs. It can be
            assigned later as well.
        ignore_extraction_error: False makes a value that cannot be used raise `AnswerError`.
        include_example: show the model a worked example before the problem.
        memory_size: how many earlier rounds of values and feedback the model sees.
        max_tokens: the longest answer, in tokens.
        log: keep all prompts and answers in `log`, and what they were about in
            `summary_log`, as text. They grow with every step.
        prompt_symbols: other section titles, such as ``{"variables": "#Parameters"}``.
        json_keys: other keys of the answer, for ``reasoning``, ``suggestion`` and
            ``answer``; the last one is asked for only if it is given here.
        use_json_object_format: ask the provider for JSON: by a schema where it can hold a
            model to one, and as an object otherwise.
        highlight_variables: name the variables once more at the end of the problem.
        repair: ask once more, saying what was wrong, when nothing in an answer can be used.
        drafts: how many answers each step asks for; more than one needs `score`.
        score: runs the program as it is and returns how good it is, more being better.
            Each draft is tried with it; if none is as good as the present values, these stay.
        temperature: randomness of the answers; a pair is the range over which drafts are
            spread. None for the provider's default, and (0.3, 1.0) for several drafts.
        value_limit: characters above which a value that cannot be changed is shown without
            its middle.

    Raises:
        OptimizerError: there is nothing to optimize, or an argument cannot be used.
        ArgumentError: an argument is unknown.

    Example:
        >>> from opto.llm import ScriptedLLM
        >>> from opto.trace import node
        >>> x = node(3, name="x", trainable=True)
        >>> model = ScriptedLLM(['{"reasoning": "Too small.", "suggestion": {"x0": 5}}'])
        >>> optimizer = OptoPrime([x], llm=model)
        >>> optimizer.zero_feedback()
        >>> optimizer.backward(x * 2, "make it 10")
        >>> optimizer.step()
        Update(x0: 3 -> 5)
        >>> x.data
        5
    """

    def __init__(
        self,
        parameters: Any,
        llm: Any = None,
        *args: Any,
        propagator: GraphPropagator | None = None,
        objective: str | None = None,
        ignore_extraction_error: bool = True,
        include_example: bool = False,
        memory_size: int = 0,
        max_tokens: int | None = 4096,
        log: bool = True,
        prompt_symbols: Mapping[str, str] | None = None,
        json_keys: Mapping[str, str | None] | None = None,
        use_json_object_format: bool = True,
        highlight_variables: bool = False,
        repair: bool = True,
        drafts: int = 1,
        score: Callable[[], float] | None = None,
        temperature: float | tuple[float, float] | None = None,
        value_limit: int = 2000,
        **unknown: Any,
    ) -> None:
        refuse_unknown(f"{type(self).__name__}()", OptoPrime.__init__, args, unknown)
        self.prompt_symbols = renamed("prompt_symbols", TITLES, prompt_symbols)
        super().__init__(
            parameters,
            llm,
            propagator=propagator,
            objective=self.default_objective if objective is None else objective,
            memory_size=memory_size,
            max_tokens=max_tokens,
            log=log,
        )
        if not isinstance(self.propagator, GraphPropagator):
            raise OptimizerError(
                f"{type(self).__name__} reads graphs, so its propagator must be a "
                f"GraphPropagator, not a {type(self.propagator).__name__}"
            )
        self.format = _format(json_keys)
        self.ignore_extraction_error = ignore_extraction_error
        self.include_example = include_example
        self.use_json_object_format = use_json_object_format
        self.highlight_variables = highlight_variables
        self.repair = repair
        self.drafts = _count(drafts)
        self.score = score
        self.temperature = temperature
        self.value_limit = value_limit
        self._named: dict[str, Any] = {}

    @property
    def default_objective(self) -> str:
        """What the model shall do where the user did not say it."""
        return objective_words(self.prompt_symbols)

    # -- from the run to the question ---------------------------------------------------

    def summarize(self) -> FunctionFeedback:
        """The run that the feedback is about, with what may be changed in it.

        Raises:
            OptimizerError: no feedback has reached a parameter.
        """
        trainable = [parameter for parameter in self.parameters if parameter.trainable]
        graph = self.trace_graph
        if not graph:
            raise OptimizerError(
                "no feedback has reached the parameters since zero_feedback(); call "
                "optimizer.backward(output, feedback) first, with an output that was "
                f"computed from one of {', '.join(p.name for p in trainable)}"
            )
        self._named = named_parameters(graph, trainable)
        summary = node_to_function_feedback(graph)
        summary.variables = {
            name: (summary.roots[name][0], constraint_of(parameter))
            for name, parameter in self._named.items()
        }
        summary.inputs = {k: v for k, v in summary.roots.items() if k not in self._named}
        return summary

    def problem_instance(
        self, summary: FunctionFeedback, mask: Collection[str] | None = None
    ) -> Problem:
        """The problem as the model reads it.

        Args:
            summary: what `summarize` returned.
            mask: titles of sections to leave empty, such as ``["#Inputs"]``.
        """
        return Problem.of(
            summary,
            self.objective,
            mask or (),
            self.value_limit,
            titles=self.prompt_symbols,
            **wanted(self._targets(summary.variables)),
        )

    def construct_prompt(
        self,
        summary: FunctionFeedback,
        mask: Collection[str] | None = None,
        *args: Any,  # noqa: ARG002 - programs for the original call it so
        **kwargs: Any,  # noqa: ARG002
    ) -> tuple[str, str]:
        """The words of the question: for the system, and for the user.

        Args:
            summary: what `summarize` returned.
            mask: titles of sections to leave empty.
            *args: for hooks of subclasses.
            **kwargs: for hooks of subclasses.
        """
        return self._words(self.problem_instance(summary, mask=mask), self.memory)

    def _words(self, problem: Problem, memory: Iterable[Episode]) -> tuple[str, str]:
        fields, highlight = problem.fields, self.highlight_variables
        return (
            system_words(self.format, self.prompt_symbols, example=self.include_example),
            user_words(problem, self.format, fields, memory, highlight=highlight),
        )

    def _targets(self, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Parameters by name: those that are named, or those of the last run, or all."""
        known = {p.py_name: p for p in self.parameters if p.trainable}
        if names is None:
            return self._named or known
        known |= self._named
        return {name: known[name] for name in names if name in known}

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

    def _step(
        self,
        verbose: bool | str = False,
        mask: Collection[str] | None = None,
        *args: Any,
        drafts: int | None = None,
        score: Callable[[], float] | None = None,
        **unknown: Any,
    ) -> Update:
        """New values for the parameters.

        Args:
            verbose: print the question and the answer; ``"output"`` prints the answer only.
            mask: titles of sections that the model shall not see, such as ``["#Inputs"]``.
            *args: none.
            drafts: as in the constructor, for this step.
            score: as in the constructor, for this step.
            **unknown: none.
        """
        refuse_unknown("step()", OptoPrime._step, args, unknown)
        count = _count(self.drafts if drafts is None else drafts)
        score = score or self.score
        if count > 1 and score is None:
            raise OptimizerError(
                f"drafts={count} needs score=...: a function without arguments that runs the "
                "program and returns a number, more being better"
            )
        summary = self.summarize()
        prompt = self.construct_prompt(summary, mask=mask)
        problem: Any = self.problem_instance(summary, mask=mask)
        if not isinstance(problem, Problem):  # a hook may return anything that has a text
            problem = Problem(**wanted(self._targets(summary.variables)))
        proposal = drive(
            self.plan(problem, self.memory, prompt, count), partial(self._ask, verbose=verbose)
        )
        every = (proposal, *proposal.others)
        updates = [self._update_of(replace(p, others=()), summary) for p in every]
        update = (updates[0] if score is None else best_of(updates, score)).among(updates)
        self._note(prompt, problem, summary, update)
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
        parsed = self.format.parse(response, wanted(self._targets())["fields"])
        return {**parsed.values, **parsed.unknown}

    def construct_update_dict(self, suggestion: Mapping[str, Any]) -> dict[Any, Any]:
        """New values by parameter; a hook: where a subclass writes its own, it counts.

        Args:
            suggestion: what `extract_llm_suggestion` returned.

        Raises:
            AnswerError: a value does not fit, and `ignore_extraction_error` is False.
        """
        targets = self._targets()
        problem = Problem(**wanted(targets))
        proposal = proposal_of(self.format.matched(suggestion, problem.fields), problem)
        if proposal.refused and not self.ignore_extraction_error:
            raise AnswerError("; ".join(map(str, proposal.refused)))
        kept = {name: problem.current[name] for name in proposal.unchanged}
        return {targets[name]: value for name, value in {**proposal.values, **kept}.items()}

    def _read(self, text: str, problem: Problem) -> Proposal:
        """The proposal in an answer, as far as a hook does not read it otherwise."""
        if is_overridden(self, OptoPrime, "extract_llm_suggestion"):
            parsed = self.format.matched(self.extract_llm_suggestion(text), problem.fields)
        else:
            parsed = self.format.parse(text, problem.fields)
        if is_overridden(self, OptoPrime, "construct_update_dict"):
            given = {**parsed.values, **parsed.unknown}
            return Proposal(given, given=given, failure=parsed.failure, stop=parsed.stop)
        return proposal_of(parsed, problem)

    def _update_of(self, proposal: Proposal, summary: FunctionFeedback) -> Update:
        targets = self._targets(summary.variables)
        if is_overridden(self, OptoPrime, "construct_update_dict"):
            values = self.construct_update_dict(dict(proposal.given))
        else:
            values = {targets[name]: value for name, value in proposal.values.items()}
        return Update.of(values, proposal, targets)

    def _response_format(self, problem: Problem) -> Any:
        if not self._takes_format:
            return None
        if self.enforces_schema and problem.fields:
            return self.format.response_format(problem.fields)
        return {"type": "json_object"} if self.use_json_object_format else None


def _count(drafts: Any) -> int:
    if not isinstance(drafts, int) or drafts < 1:
        raise OptimizerError(f"drafts must be a whole number from 1 on, not {drafts!r}")
    return drafts


def _format(json_keys: Mapping[str, str | None] | None) -> JSONFormat:
    keys = renamed("json_keys", _KEYS, json_keys)
    if not keys["reasoning"] or not keys["suggestion"]:
        raise OptimizerError("json_keys may leave out 'answer' only; the others must be texts")
    return JSONFormat(keys["reasoning"], keys["suggestion"], keys["answer"])
