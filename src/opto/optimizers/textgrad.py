"""TextGrad: what is wrong with an output is carried back step by step, in words.

Source: "TextGrad: Automatic Differentiation via Text", arXiv 2406.07496; SPEC 7.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.errors import AnswerError, OptimizerError
from opto.llm.redact import redacted
from opto.optimizers.asking import AskingOptimizer, whole
from opto.optimizers.convert import same
from opto.optimizers.fields import constraint_of, wanted
from opto.optimizers.fit import budget_of
from opto.optimizers.options import refuse_unknown
from opto.optimizers.problem import Problem
from opto.optimizers.proposal import Update, projected
from opto.optimizers.reading import typed
from opto.optimizers.render import safe_text
from opto.optimizers.summary import named_parameters, named_plainly
from opto.optimizers.textgrad_course import Course, course_of
from opto.optimizers.textgrad_oldnames import (
    GradientInfo,
    construct_reduce_prompt,
    construct_tgd_prompt,
    get_short_value,
    rm_node_attrs,
)
from opto.optimizers.textgrad_plan import Outcome, way_back
from opto.optimizers.textgrad_reading import unwrapped_in, written_in
from opto.optimizers.textgrad_words import Words
from opto.prompts import prompt
from opto.trace.graph import Graph
from opto.trace.propagators import GraphPropagator

if TYPE_CHECKING:
    from opto.llm import Reply, Request
    from opto.optimizers.drive import Plan, T
    from opto.optimizers.proposal import Proposal

__all__ = [
    "GradientInfo",
    "TextGrad",
    "construct_reduce_prompt",
    "construct_tgd_prompt",
    "get_short_value",
    "rm_node_attrs",
]


class TextGrad(AskingOptimizer):
    """Asks, from the outputs back, what is wanted of each value, and then for new values.

    Only steps that lead to a trainable parameter of this optimizer are asked about; nothing
    is asked about constants and other inputs. A value of which nothing is wanted ("NO
    CHANGE") ends its way: nothing behind it is asked about. All that can be asked at a time
    is one round, asked together.

    How much a step asks, where every answer finds something to change:

    * By default a question for each step (for each 12 inputs of it that may learn), and one
      for each parameter; the wishes of all uses of a value are shown together.
    * With ``per_edge=True`` as SPEC 7.7 counts: a question for each input of each step, one
      more for each value in between of which several things are wanted, and one for each
      parameter.
    * At most one more for each parameter whose answer cannot be used.

    Rounds, where d steps lie on the longest way from a parameter to an output: d + 1, which
    is one for each level of the graph; one more where an answer of the last round cannot be
    used; with ``per_edge=True`` one more for each value on the way whose wishes are merged.

    A graph that would take more than `max_calls` questions is asked about in stretches of
    neighbouring steps, as short as that allows: then there are fewer rounds as well. Where
    stretches do not help, as with a thousand separate outputs, the ways that are farthest
    and most alike are left out, each parameter's nearest use last. The questions say what is
    not shown; a parameter that is not asked about at all is in `Update.refused`.

    Args:
        parameters: a list of `ParameterNode`.
        llm: as in `OptoPrime`.
        *args: none.
        propagator: a `GraphPropagator`, or None for one.
        objective: what the changes are for; None for what the feedback asks. It is shown in
            every question, and can be assigned later as well.
        max_tokens: the longest answer, in tokens.
        log: keep every prompt and answer in `log`, as text. It grows with every step.
        max_calls: the most questions of a step, repairs included; None for any number.
        per_edge: ask about each edge of the graph by itself, as the original does.
        repair: ask once more, saying what was wrong, where a new value cannot be used.
        parallel: how many questions of a round are asked at a time.
        token_budget: as in `OptoPrime`, of each question: values in it are cut shorter where it
            has more tokens. A value that is to be changed is always shown whole: where it does not
            fit, a step raises.

    Raises:
        OptimizerError: there is nothing to optimize, or an argument cannot be used.
        ArgumentError: an argument is unknown.

    Example:
        >>> from opto.llm import ScriptedLLM
        >>> from opto.trace import GRAPH, node
        >>> GRAPH.clear()
        >>> x = node(3, name="x", trainable=True)
        >>> model = ScriptedLLM([
        ...     "<GRADIENT name='x0'>multiply0 is 2 * x0: for 10, x0 must be 5.</GRADIENT>",
        ...     "<IMPROVED_VARIABLE>5</IMPROVED_VARIABLE>",
        ... ])
        >>> optimizer = TextGrad([x], llm=model)
        >>> optimizer.backward(x * 2, "make it 10")
        >>> optimizer.step()
        Update(x0: 3 -> 5)
    """

    def __init__(
        self,
        parameters: Any,
        llm: Any = None,
        *args: Any,
        propagator: GraphPropagator | None = None,
        objective: str | None = None,
        max_tokens: int | None = 4096,
        log: bool = False,
        max_calls: int | None = 200,
        per_edge: bool = False,
        repair: bool = True,
        parallel: int = 8,
        token_budget: int | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown("TextGrad()", TextGrad.__init__, args, unknown)
        super().__init__(
            parameters,
            llm,
            propagator=propagator,
            objective=self.default_objective if objective is None else objective,
            max_tokens=max_tokens,
            log=log,
            parallel=parallel,
        )
        if not isinstance(self.propagator, GraphPropagator):
            raise OptimizerError(
                "TextGrad reads graphs, so its propagator must be a GraphPropagator, not a "
                f"{type(self.propagator).__name__}"
            )
        self.summary_log = None  # the questions in `log` are all that there is to sum up
        self.max_calls = None if max_calls is None else whole("max_calls", max_calls)
        self.per_edge = per_edge
        self.repair = repair
        budget_of((), tokens=token_budget)  # raises if it is none
        self.token_budget = token_budget
        self._named: dict[str, Any] = {}

    @property
    def default_objective(self) -> str:
        """What the changes are for where the user did not say it."""
        return str(prompt("textgrad_objective"))

    def summarize(self) -> Course:
        """What will be asked about the run that the feedback is about.

        ``summarize().calls`` and ``.rounds`` say how much that is.

        Raises:
            OptimizerError: no feedback has reached a parameter.
        """
        trainable = [parameter for parameter in self.parameters if parameter.trainable]
        trace = self.trace_graph
        if not trace:
            raise OptimizerError(
                "no feedback has reached the parameters since zero_feedback(); call "
                "optimizer.backward(output, feedback) first, with an output that was "
                f"computed from one of {', '.join(p.name for p in trainable)}"
            )
        graph = named_plainly(Graph.of(trace))
        self._named = named_parameters(graph, trace.nodes, trainable)
        said = _said(graph, trace.nodes)
        return course_of(graph, self._named, said, self.max_calls, per_edge=self.per_edge)

    def plan(self, course: Course) -> Plan[Proposal]:
        """The step without a model: questions to a proposal.

        Args:
            course: what `summarize` returned.

        Returns:
            A generator for `opto.optimizers.drive.drive`.
        """
        targets = {name: self._named[name] for name in course.targets}
        problem = Problem(**wanted(targets))
        words = Words(
            course,
            self.objective,
            {field.name: field for field in problem.fields},
            {name: constraint_of(node) for name, node in targets.items()},
            budget_of([self.llm], self.max_tokens, self.token_budget),
        )

        words.check()

        def read(name: str, reply: Reply) -> Outcome:
            return _outcome(name, reply, problem, targets[name])

        return way_back(course, words, read, self.max_tokens, self.max_calls, repair=self.repair)

    def _rounds(
        self,
        verbose: bool | str = False,  # noqa: ARG002 - whoever drives the plan prints
        *args: Any,
        **unknown: Any,
    ) -> Plan[Update]:
        """New values for the parameters.

        Args:
            verbose: print the questions and the answers; ``"output"`` prints the answers only.
            *args: none.
            **unknown: none.
        """
        refuse_unknown("step()", TextGrad._rounds, args, unknown)
        asked: list[Request] = []
        proposal = yield from _noted(self.plan(self.summarize()), asked)
        values = {self._named[name]: value for name, value in proposal.values.items()}
        update = Update.of(values, proposal, self._named)
        if self.log is not None:
            self.log += map(_entry, asked, proposal.replies)
        return update


def _said(graph: Graph, nodes: list[Any]) -> dict[str, tuple[str, ...]]:
    """What was said, by the names of the steps it was said about."""
    steps = {node.py_name: step.name for step, node in zip(graph.steps, nodes, strict=True)}
    # Feedback of another making may be about no step: then it is about the end of the run.
    ends = graph.outputs or (graph.steps[-1].name,)
    said: dict[str, list[str]] = {}
    for remark in graph.feedback.remarks:
        about = (steps[remark.output],) if remark.output in steps else ends
        for name in about:
            said.setdefault(name, []).append(safe_text(remark.content))
    return {name: tuple(texts) for name, texts in said.items()} or dict.fromkeys(ends, ("",))


def _outcome(name: str, reply: Reply, problem: Problem, parameter: Any) -> Outcome:
    """What an answer gives for one variable, in its type and as its projections allow."""
    written = written_in(reply, is_code=name in problem.heads)
    if written.text is None:
        return Outcome(stays=written.why is None, why=written.why, repairs=written.repairs)
    given, unwrapped = unwrapped_in(written.text, name, problem.current[name])
    repairs = (*written.repairs, *unwrapped)
    try:
        value, liberties = typed(name, given, problem)
    except AnswerError as error:
        return Outcome(given=given, why=str(error), repairs=repairs)
    # Asked beforehand, so that the reason can be told when it is asked for again.
    _, why = projected(parameter, value)
    return Outcome(
        value,
        given,
        stays=why is None and same(value, problem.current[name]),
        why=why,
        repairs=(*repairs, *liberties),
    )


def _noted(plan: Plan[T], asked: list[Request]) -> Plan[T]:
    """The same plan; what it asks is added to a list."""
    replies: Any = None
    while True:
        try:
            requests = plan.send(replies)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        asked += requests
        replies = yield requests


def _entry(request: Request, reply: Reply) -> dict[str, str]:
    system, user = (message["content"] for message in request.messages)
    entry = {"system_prompt": system, "user_prompt": user, "response": reply.text}
    return redacted(entry)  # type: ignore[no-any-return]
