"""A run and the feedback on it, taken apart by the part that each value plays.

Source: SPEC 7.2 step 1; the names are those of the original.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from opto.formats import on_one_line
from opto.optimizers.render import cut, safe_text
from opto.trace.graph import Graph
from opto.trace.order import distinct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opto.trace.graph import Step
    from opto.trace.within import Call

__all__ = [
    "FunctionFeedback",
    "call_of",
    "get_fun_name",
    "named_parameters",
    "named_plainly",
    "node_to_function_feedback",
    "repr_function_call",
    "summary_of",
]

Values = dict[str, tuple[Any, Any]]


# Not frozen: programs for the original write their own `summarize`, that fills in the last two.
@dataclass
class FunctionFeedback:
    """A run as calls and values; values are pairs of the value and what it must keep to.

    Args:
        graph: pairs of level and call, such as ``(1, "add0 = add(x=a0, y=b0)")``.
        documentation: by operation, what it does.
        others: the values in between.
        roots: the values that were given.
        output: the values that something was said about.
        user_feedback: what was said.
        variables: those of `roots` that may be changed.
        inputs: the others of `roots`.
        calls: by line of `graph`, the step that it tells of.
        failed: the names of the steps that raised.
        made: of all steps, the number in the order of creation; where there are `modules`.
        computed: those of `roots` that were computed from what no parameter had a part in.
        modules: by name of a step, the calls of modules that returned it, the innermost first.
    """

    graph: list[tuple[int, str]]
    documentation: dict[str, str]
    others: Values
    roots: Values
    output: Values
    user_feedback: Any
    variables: Values = field(default_factory=dict)
    inputs: Values = field(default_factory=dict)
    calls: dict[str, Step] = field(default_factory=dict, repr=False, compare=False)
    failed: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    made: dict[str, int] = field(default_factory=dict, repr=False, compare=False)
    computed: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    modules: dict[str, tuple[Call, ...]] = field(default_factory=dict, repr=False, compare=False)

    def texts(self) -> list[str]:
        """All texts in it, once it has only texts: see `as_text`."""
        found = [self.user_feedback, *self.documentation, *self.documentation.values()]
        found += [line for _, line in self.graph]
        for values in (self.others, self.roots, self.output, self.variables, self.inputs):
            found += values
            found += [text for text, _ in values.values()]
            found += [str(constraint) for _, constraint in values.values() if constraint]
        return found

    def as_text(self, limit: int = 2000) -> FunctionFeedback:
        """The same with texts in place of values, so that keeping it keeps no program alive."""
        names = ("others", "roots", "output", "variables", "inputs")
        texts: dict[str, Any] = {
            name: {k: (cut(safe_text(v), limit), c) for k, (v, c) in getattr(self, name).items()}
            for name in names
        }
        none: dict[str, Any] = {"calls": {}, "made": {}, "modules": {}}
        return replace(self, user_feedback=safe_text(self.user_feedback), **none, **texts)


def node_to_function_feedback(node_feedback: Any) -> FunctionFeedback:
    """The summary of the part of a run that feedback has passed through.

    Args:
        node_feedback: a `TraceGraph`.

    Example:
        >>> from opto.trace import node
        >>> from opto.trace.utils import sum_feedback
        >>> x = node(3, name="x", trainable=True)
        >>> (x + node(1, name="b")).backward("larger")
        >>> summary = node_to_function_feedback(sum_feedback([x]))
        >>> summary.graph, summary.output
        ([(1, 'add0 = add(x=x0, y=b0)')], {'add0': (4, None)})
    """
    return summary_of(named_plainly(Graph.of(node_feedback)))


def summary_of(graph: Graph) -> FunctionFeedback:
    """The summary of a run; see `node_to_function_feedback`."""
    others: Values = {}
    roots: Values = {}
    output: Values = {}
    lines: dict[str, Step] = {}
    ends = set(graph.outputs)
    for step in graph.steps:
        if step.inputs:
            lines[call_of(step)] = step  # names are unique, so lines are
            values = output if step.name in ends else others
        else:
            values = roots
        values[step.name] = (step.value, step.constraint or step.description)
    told = {step.documentation for step in lines.values()}
    told = {words for words in told if words and _says_something(words)}
    names = [step.name for step in graph.steps]
    run = graph.calls
    return FunctionFeedback(
        graph=[(step.level, line) for line, step in lines.items()],
        documentation={
            step.op: step.documentation
            for step in lines.values()
            if step.op and step.documentation and step.documentation in told
        },
        others=others,
        roots=roots,
        output=output,
        user_feedback=graph.feedback.content,
        calls=lines,
        failed=frozenset([s.name for s in lines.values() if s.kind == "exception"]),
        computed=frozenset(
            [s.name for s in graph.steps if not s.inputs and s.kind in ("message", "exception")]
        ),
        made={} if run is None else dict(zip(names, run.made, strict=True)),
        modules={} if run is None else {names[at]: calls for at, calls in run.ended.items()},
    )


def named_parameters(
    graph: Graph, nodes: Iterable[Any], parameters: Iterable[Any]
) -> dict[str, Any]:
    """Those of `parameters` that are in a graph, by the names that they have in it.

    Args:
        graph: the run.
        nodes: what its steps are, in their order.
        parameters: nodes.
    """
    wanted = {id(parameter) for parameter in parameters}
    pairs = zip(graph.steps, nodes, strict=True)
    return {step.name: node for step, node in pairs if id(node) in wanted}


def named_plainly(graph: Graph) -> Graph:
    r"""The same graph with each name on one line, so that it begins none in a prompt.

    Example:
        >>> from opto.trace import node
        >>> graph = named_plainly(Graph.of(node(3, name="x\n#y") + 1))
        >>> graph.steps[0].name
        'x\\n#y0'
    """
    old = [step.name for step in graph.steps]
    words = {step.op or "" for step in graph.steps}
    words.update([argument for step in graph.steps for argument, _ in step.inputs])
    if "".join([*old, *words]).isprintable():
        return graph
    names = dict(zip(old, _plain_names(old), strict=True))
    steps = (
        replace(
            step,
            name=names[step.name],
            op=None if step.op is None else on_one_line(step.op),
            inputs=tuple((on_one_line(arg), names.get(name, name)) for arg, name in step.inputs),
        )
        for step in graph.steps
    )
    return replace(graph, steps=tuple(steps), outputs=tuple(names[n] for n in graph.outputs))


def _plain_names(names: list[str]) -> list[str]:
    if all(map(str.isprintable, names)):
        return names
    return distinct(map(on_one_line, names))


def get_fun_name(node: Any) -> str:
    """The name of the operation that made `node`, as calls in prompts write it."""
    info = node.info
    if isinstance(info, dict) and "fun_name" in info:
        return str(info["fun_name"])
    return str(node.op_name)


def repr_function_call(child: Any) -> str:
    """The call that made `child`, such as ``"add0 = add(x=a0, y=b0)"``.

    Example:
        >>> from opto.trace import node
        >>> repr_function_call(node(1, name="a") + node(2, name="b"))
        'add0 = add(x=a0, y=b0)'
    """
    arguments = ", ".join(f"{name}={parent.py_name}" for name, parent in child.inputs.items())
    return f"{child.py_name} = {get_fun_name(child)}({arguments})"


def call_of(step: Step) -> str:
    """The line that tells of a step."""
    arguments = ", ".join([f"{argument}={name}" for argument, name in step.inputs])
    return f"{step.name} = {step.op}({arguments})"


def _says_something(documentation: str) -> bool:
    return bool(documentation.partition("]")[2].strip(" ."))
