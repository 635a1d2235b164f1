"""OptoPrime in the tagged dialect, with the defaults of the original's second version.

Source: SPEC 7.5.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opto.errors import OptimizerError
from opto.formats import read_answer
from opto.optimizers.fields import wanted
from opto.optimizers.memory import Episode
from opto.optimizers.options import is_overridden, refuse_unknown
from opto.optimizers.optoprime import OptoPrime
from opto.optimizers.problem import Problem
from opto.optimizers.symbols import (
    OptimizerPromptSymbolSet,
    OptimizerPromptSymbolSet2,
    OptimizerPromptSymbolSetJSON,
)
from opto.optimizers.utils import truncate_expression

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opto.formats import Parsed

__all__ = [
    "MemoryInstance",
    "OptimizerPromptSymbolSet",
    "OptimizerPromptSymbolSet2",
    "OptimizerPromptSymbolSetJSON",
    "OptoPrimeV2",
    "ProblemInstance",
]

ProblemInstance = Problem
"""The original's name of `Problem`."""

MemoryInstance = Episode
"""The original's name of `Episode`."""

_OWN = ("dialect", "json_keys", "prompt_symbols", "value_limit")


class OptoPrimeV2(OptoPrime):
    """`OptoPrime` with ``dialect="tagged"``, under the names that programs for it know.

    Args:
        parameters: a list of `ParameterNode`.
        llm: as in `OptoPrime`.
        *args: none.
        max_tokens: the longest answer, in tokens.
        initial_var_char_limit: characters above which a value that cannot be changed is
            shortened.
        optimizer_prompt_symbol_set: titles and tags; None for the usual ones.
        truncate_expression: from a value and a limit to the text that is shown.
        **options: all others of `OptoPrime`.

    Example:
        >>> from opto.llm import ScriptedLLM
        >>> from opto.trace import node
        >>> x = node(3, name="x", trainable=True)
        >>> said = "<variable><name>x0</name><value>5</value></variable>"
        >>> optimizer = OptoPrimeV2([x], llm=ScriptedLLM([said]))
        >>> optimizer.zero_feedback()
        >>> optimizer.backward(x * 2, "make it 10")
        >>> optimizer.step()
        Update(x0: 3 -> 5)
    """

    default_prompt_symbols = MappingProxyType(OptimizerPromptSymbolSet().default_prompt_symbols)

    def __init__(
        self,
        parameters: Any,
        llm: Any = None,
        *args: Any,
        max_tokens: int | None = 8192,
        initial_var_char_limit: int = 2000,
        optimizer_prompt_symbol_set: OptimizerPromptSymbolSet | None = None,
        truncate_expression: Callable[[Any, int], str] = truncate_expression,
        **options: Any,
    ) -> None:
        not_ours = {name: options[name] for name in _OWN if name in options}
        refuse_unknown(f"{type(self).__name__}()", OptoPrimeV2.__init__, args, not_ours)
        symbols = optimizer_prompt_symbol_set or OptimizerPromptSymbolSet()
        if not isinstance(symbols, OptimizerPromptSymbolSet):
            raise OptimizerError(
                f"optimizer_prompt_symbol_set must be an OptimizerPromptSymbolSet, such as "
                f"OptimizerPromptSymbolSet2(), not {symbols!r}"
            )
        self.optimizer_prompt_symbol_set = symbols
        super().__init__(
            parameters,
            llm,
            max_tokens=max_tokens,
            dialect=symbols.dialect(),
            value_limit=initial_var_char_limit,
            **options,
        )
        self.shorten = truncate_expression

    @property
    def initial_var_char_limit(self) -> int:
        """Characters above which a value that cannot be changed is shortened."""
        return self.value_limit

    @initial_var_char_limit.setter
    def initial_var_char_limit(self, limit: int) -> None:
        self.value_limit = limit

    def extract_llm_suggestion(self, response: str) -> dict[str, Any]:
        """What an answer says: ``reasoning``, and ``variables`` by name; a hook.

        Args:
            response: the text of the answer.
        """
        if self._reads_otherwise:
            return self.optimizer_prompt_symbol_set.output_response_extractor(response)
        parsed = read_answer(self.format, response, wanted(self._targets())["fields"])
        variables = {**parsed.values, **parsed.unknown}
        return {"reasoning": parsed.reasoning, "variables": variables}

    def construct_update_dict(self, suggestion: Mapping[str, Any]) -> dict[Any, Any]:
        """New values by parameter; a hook.

        Args:
            suggestion: values by name, or what `extract_llm_suggestion` returned.
        """
        given = suggestion.get("variables")
        return super().construct_update_dict(given if isinstance(given, dict) else suggestion)

    @property
    def _home(self) -> type:
        return OptoPrimeV2

    def _parsed(self, text: str, problem: Problem) -> Parsed:
        own = is_overridden(self, OptoPrimeV2, "extract_llm_suggestion")
        if not own and not self._reads_otherwise:
            return read_answer(self.format, text, problem.fields)
        said: Any = self.extract_llm_suggestion(text)
        if not isinstance(said, dict):
            return self.format.matched(said, problem.fields)
        parsed = self.format.matched(said.get("variables", said), problem.fields)
        return replace(parsed, reasoning=str(said.get("reasoning", "")))

    @property
    def _reads_otherwise(self) -> bool:
        own = OptimizerPromptSymbolSet
        return is_overridden(self.optimizer_prompt_symbol_set, own, "output_response_extractor")
