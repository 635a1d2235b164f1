"""OPRO: values that were tried and what was said about them, and nothing of the program.

Source: "Large Language Models as Optimizers", arXiv 2309.03409, as SPEC 7.3 has it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from opto.formats import JSONFormat, TagFormat
from opto.optimizers.dialect import Dialect
from opto.optimizers.fields import is_code
from opto.optimizers.options import refuse_unknown
from opto.optimizers.optoprime import OptoPrime, Question
from opto.optimizers.problem import TITLES
from opto.optimizers.writing import Tags

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from opto.optimizers.memory import Episode
    from opto.optimizers.problem import Problem
    from opto.optimizers.summary import FunctionFeedback

__all__ = ["OPRO"]


def _json() -> Dialect:
    shown = ("instruction", "variables", "constraints", "feedback")
    return Dialect(
        JSONFormat(reasoning=None),
        {name: TITLES[name] for name in shown},
        family="opro",
        system="opro_system",
        answer="opro_answer",
        example="opro_example",
    )


def _tagged() -> Dialect:
    return Dialect(
        TagFormat(),
        {
            "instruction": "# Problem Context",
            "variables": "# Solution",
            "feedback": "# Feedback",
        },
        Tags(variable="solution"),
        family="opro",
        system="opro_tagged_system",
        answer="tagged_answer",
        example="opro_tagged_example",
    )


class OPRO(OptoPrime):
    """Shows a model what was tried and what came of it, and asks for something better.

    It can stand wherever `OptoPrime` stands. The graph serves only to find the parameters
    that the feedback is about; steps, inputs and outputs are never shown, so that a `mask` of
    them hides nothing more, and `value_limit` cuts nothing: what is shown is shown whole. Where
    `token_budget` leaves no room, the oldest rounds are left out, which is said.

    Args:
        parameters: a list of `ParameterNode`.
        llm: as in `OptoPrime`.
        *args: none.
        memory_size: how many earlier rounds the model sees; None for all. The present
            values and their feedback come on top.
        memory_best: as in `OptoPrime`: with ``memory_size=5, memory_best=5``, the prompt
            stays short and still holds the best that was found.
        dialect: ``"json"``, whose answer is the values alone, or ``"tagged"``, which is that
            of `OPROv2`.
        **options: all others of `OptoPrime`.

    Raises:
        OptimizerError: as `OptoPrime`.
        ArgumentError: an argument is unknown.

    Example:
        >>> from opto.llm import ScriptedLLM
        >>> from opto.trace import node
        >>> x = node(3, name="x", trainable=True)
        >>> optimizer = OPRO([x], llm=ScriptedLLM(['{"suggestion": {"x0": 5}}']))
        >>> optimizer.zero_feedback()
        >>> optimizer.backward(x * 2, "make it 10")
        >>> optimizer.step()
        Update(x0: 3 -> 5)
        >>> optimizer.buffer
        [Episode(variables={'x0': 3}, feedback='make it 10')]
    """

    dialects: ClassVar[Mapping[str, Callable[[], Dialect]]] = {"json": _json, "tagged": _tagged}

    def __init__(
        self,
        parameters: Any,
        llm: Any = None,
        *args: Any,
        memory_size: int | None = None,
        **options: Any,
    ) -> None:
        refuse_unknown(f"{type(self).__name__}()", OptoPrime.__init__, args, {})
        super().__init__(parameters, llm, memory_size=memory_size, **options)

    def _question(self, summary: FunctionFeedback, mask: Collection[str] | None) -> Question:
        # That code keeps its head, the question says anyway.
        variables = {
            name: (value, None if said == self._head(name) else said)
            for name, (value, said) in summary.variables.items()
        }
        return super()._question(replace(summary, variables=variables), mask)

    def _put(self, problem: Problem, memory: Sequence[Episode], left_out: int) -> Question:
        if not problem.constraints:  # then there is no section of them
            shown = {k: title for k, title in problem.titles.items() if k != "constraints"}
            problem = replace(problem, titles=shown)
        return super()._put(problem, memory, left_out)

    def _head(self, name: str) -> str | None:
        """How code must begin; None for other variables."""
        node = self._named.get(name)
        return node.constraint if node is not None and is_code(node) else None

    @property
    def buffer(self) -> list[Episode]:
        """The rounds so far that are remembered: pairs of variables and feedback."""
        return list(self.memory)
