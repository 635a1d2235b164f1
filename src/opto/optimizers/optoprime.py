"""OptoPrime: one look at the whole run, one answer with new values for all parameters.

Source: the Trace paper, arXiv 2406.16218, section 4; SPEC 7.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from opto.errors import OptimizerError
from opto.optimizers.dialect import DIALECTS, dialect_of
from opto.optimizers.fields import constraint_of, wanted
from opto.optimizers.fit import budget_of, fitted, remembered
from opto.optimizers.memory import Memory
from opto.optimizers.options import is_overridden, refuse_unknown
from opto.optimizers.problem import TITLES, Problem
from opto.optimizers.proposing import ProposingOptimizer
from opto.optimizers.render import cut
from opto.optimizers.summary import (
    FunctionFeedback,
    get_fun_name,
    named_parameters,
    named_plainly,
    node_to_function_feedback,
    repr_function_call,
    summary_of,
)
from opto.optimizers.words import objective_words, system_words, tried_words, user_words
from opto.trace.graph import Graph
from opto.trace.propagators import GraphPropagator

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from opto.optimizers.dialect import Dialect
    from opto.optimizers.fit import Budget
    from opto.optimizers.memory import Episode

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


@dataclass(frozen=True, slots=True)
class Question:
    """A problem as it is asked.

    Args:
        problem: what is asked.
        words: for the system, and for the user.
        left_out: how many earlier rounds are not shown.
    """

    problem: Problem
    words: tuple[str, str]
    left_out: int = 0

    def __str__(self) -> str:
        return "\n\n".join(self.words)


class OptoPrime(ProposingOptimizer):
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
        memory_size: how many earlier rounds of values and feedback the model sees; None
            for all.
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
        dialect: how it speaks with the model: ``"json"``, or ``"tagged"``, in which values
            stand between tags as they are, which suits code and long prompts.
        memory_best: how many rounds the model sees beside those of `memory_size`: the best
            of the older ones, where feedback is a score, more being better.
        parallel: how many questions of one round are asked at the same time.
        token_budget: the most tokens that a prompt may have, counted or estimated offline;
            what is longer is shortened, and says so, see `opto.optimizers.fit`. None for what
            the model's context leaves beside the answer, at most 64,000; where the context
            is not known, 32,000, or more if parameters alone take that.

    Raises:
        OptimizerError: there is nothing to optimize, or an argument cannot be used. A step
            raises it where not even the parameters fit into the prompt.
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

    dialects: ClassVar[Mapping[str, Callable[[], Dialect]]] = DIALECTS
    """The dialects that it speaks, by name."""

    default_prompt_symbols: ClassVar[Mapping[str, str]] = TITLES
    """The titles of the sections, where `prompt_symbols` gives no other ones."""

    shorten: Callable[[str, int], str] = staticmethod(cut)
    """How a value that is too long is made shorter."""

    def __init__(
        self,
        parameters: Any,
        llm: Any = None,
        *args: Any,
        propagator: GraphPropagator | None = None,
        objective: str | None = None,
        ignore_extraction_error: bool = True,
        include_example: bool = False,
        memory_size: int | None = 0,
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
        dialect: str | Dialect = "json",
        memory_best: int = 0,
        parallel: int = 8,
        token_budget: int | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(f"{type(self).__name__}()", OptoPrime.__init__, args, unknown)
        self.dialect = dialect_of(dialect, self.dialects, prompt_symbols, json_keys)
        self.prompt_symbols = self.dialect.titles
        super().__init__(
            parameters,
            llm,
            propagator=propagator,
            objective=self.default_objective if objective is None else objective,
            memory_size=memory_size,
            max_tokens=max_tokens,
            log=log,
            form=self.dialect.format,
            ignore_extraction_error=ignore_extraction_error,
            use_json_object_format=use_json_object_format,
            repair=repair,
            drafts=drafts,
            score=score,
            temperature=temperature,
            parallel=parallel,
        )
        if not isinstance(self.propagator, GraphPropagator):
            raise OptimizerError(
                f"{type(self).__name__} reads graphs, so its propagator must be a "
                f"GraphPropagator, not a {type(self.propagator).__name__}"
            )
        self.memory = Memory(memory_size, memory_best)
        self.include_example = include_example
        self.highlight_variables = highlight_variables
        self.value_limit = value_limit
        budget_of((), tokens=token_budget)  # raises if it is none
        self.token_budget = token_budget

    @property
    def default_objective(self) -> str:
        """What the model shall do where the user did not say it."""
        return objective_words(self.dialect)

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
        run = named_plainly(Graph.of(graph))
        self._named = named_parameters(run, graph.nodes, trainable)
        summary = summary_of(run)
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
        return self._question(summary, mask).problem

    def _question(self, summary: FunctionFeedback, mask: Collection[str] | None) -> Question:
        """The problem in as many words as the budget allows, with as much of the memory."""
        targets = wanted(self._targets(summary.variables), self._beyond(summary))
        budget, rounds = self._budget(), list(self.memory)
        # A quarter is kept for what was tried before; what is not needed, it gets as well.
        kept = remembered(rounds, self._tried, budget, budget.tokens // 4)

        def of(
            part: FunctionFeedback, limits: Mapping[str, int] = MappingProxyType({})
        ) -> Question:
            problem = Problem.of(
                part,
                self.objective,
                mask or (),
                self.value_limit,
                self.dialect.writing,
                self.shorten,
                limits,
                titles=self.dialect.titles,
                **targets,
            )
            return self._put(problem, kept, len(rounds) - len(kept))

        return fitted(summary, of, budget, self.value_limit)

    def _put(self, problem: Problem, memory: Sequence[Episode], left_out: int) -> Question:
        """The question about a problem, with some earlier rounds, and how many are not shown."""
        return Question(problem, self._written(problem, memory, left_out), left_out)

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
        problem = self._completed(self.problem_instance(summary, mask=mask), summary)
        return self._words(problem, self.memory)

    def _asked(
        self, summary: FunctionFeedback, mask: Collection[str] | None
    ) -> tuple[Problem, tuple[str, str]]:
        hooks = ("problem_instance", "construct_prompt")
        if any(is_overridden(self, OptoPrime, hook) for hook in hooks):
            return super()._asked(summary, mask)
        question = self._question(summary, mask)
        # What the problem leaves of the budget may be enough for more rounds, or for fewer.
        again = question.left_out or (len(self.memory) and not self._budget().allows(str(question)))
        problem = question.problem
        return problem, self._words(problem, self.memory) if again else question.words

    def _prompt_of(
        self, problem: Any, summary: FunctionFeedback, mask: Collection[str] | None
    ) -> tuple[str, str]:
        if is_overridden(self, OptoPrime, "construct_prompt"):
            return super()._prompt_of(problem, summary, mask)
        return self._words(problem, self.memory)

    def _words(self, problem: Problem, memory: Iterable[Episode]) -> tuple[str, str]:
        budget, rounds = self._budget(), list(memory)
        whole = self._written(problem, rounds)
        if not rounds or budget.allows("\n\n".join(whole)):
            return whole
        used = budget.count("\n\n".join(self._written(problem, (), left_out=len(rounds))))
        # A problem that may exceed the budget shall not be all that there is to see.
        room = max(budget.tokens - used, 0 if budget.most else budget.tokens // 4)
        kept = remembered(rounds, self._tried, budget, room)
        return self._written(problem, kept, left_out=len(rounds) - len(kept))

    def _written(
        self, problem: Problem, memory: Sequence[Episode], left_out: int = 0
    ) -> tuple[str, str]:
        """The words of a problem and of some earlier rounds."""
        highlight = self.highlight_variables
        return (
            system_words(self.dialect, example=self.include_example),
            user_words(
                problem,
                self.dialect,
                problem.fields,
                memory,
                highlight=highlight,
                left_out=left_out,
            ),
        )

    def _tried(self, memory: Sequence[Episode]) -> str:
        return tried_words(self.dialect, memory)

    def _budget(self) -> Budget:
        return budget_of(self._readers(), self.max_tokens, self.token_budget)

    def _readers(self) -> list[Any]:
        """The models that a prompt is for."""
        return [self.llm]
