"""OPRO in the tagged dialect, with the defaults of the original's second version.

Source: SPEC 7.6.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opto.optimizers.opro import OPRO
from opto.optimizers.optoprime_v2 import OptoPrimeV2
from opto.optimizers.problem import Problem
from opto.optimizers.symbols import OPROPromptSymbolSet

if TYPE_CHECKING:
    from opto.optimizers.memory import Episode

__all__ = ["OPROPromptSymbolSet", "OPROv2", "ProblemInstance"]

ProblemInstance = Problem
"""The original's name of `Problem`."""


class OPROv2(OptoPrimeV2):
    """`OPRO` in the tagged dialect; sees the last five rounds where nothing else is said.

    Args:
        parameters: a list of `ParameterNode`.
        llm: as in `OptoPrime`.
        *args: none.
        memory_size: how many earlier rounds the model sees; None for all.
        optimizer_prompt_symbol_set: titles and tags; None for those of `OPROPromptSymbolSet`.
        **options: all others of `OptoPrimeV2`.
    """

    dialects = OPRO.dialects
    default_prompt_symbols = MappingProxyType(OPROPromptSymbolSet().default_prompt_symbols)

    def __init__(
        self,
        parameters: Any,
        llm: Any = None,
        *args: Any,
        memory_size: int | None = 5,
        optimizer_prompt_symbol_set: OPROPromptSymbolSet | None = None,
        **options: Any,
    ) -> None:
        symbols = optimizer_prompt_symbol_set or OPROPromptSymbolSet()
        options |= {"memory_size": memory_size, "optimizer_prompt_symbol_set": symbols}
        super().__init__(parameters, llm, *args, **options)

    @property
    def buffer(self) -> list[Episode]:
        """The rounds so far that are remembered: pairs of variables and feedback."""
        return list(self.memory)
