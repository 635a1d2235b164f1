"""Who answers, where several models do: by what names, and how often each.

A plan says in `Request.model` by name who shall answer, and knows no more of models than
that. Whoever drives the plan finds the model by its name.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from opto.errors import OptimizerError
from opto.llm import LLMFactory, as_llm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opto.llm import LLM

__all__ = ["shares", "voices_of", "weights_of"]


def voices_of(given: Any) -> dict[str, LLM]:
    """Models by name; two of one name get numbers.

    Args:
        given: names of profiles, and models.

    Raises:
        OptimizerError: it is no list.
        PlugError: there is no such profile.

    Example:
        >>> from opto.llm import ScriptedLLM
        >>> list(voices_of([ScriptedLLM([]), ScriptedLLM([])]))
        ['ScriptedLLM', 'ScriptedLLM-2']
    """
    if isinstance(given, str):
        raise OptimizerError(f"llm_profiles must be a list, such as [{given!r}]")
    voices: dict[str, LLM] = {}
    for one in given:
        model = LLMFactory.get_llm(one) if isinstance(one, str) else as_llm(one)
        name = base = one if isinstance(one, str) else _name(model)
        number = 1
        while name in voices:
            number += 1
            name = f"{base}-{number}"
        voices[name] = model
    return voices


def _name(model: LLM) -> str:
    return str(getattr(model, "model_name", None) or type(model).__name__)


def weights_of(given: Any, voices: Mapping[str, LLM]) -> tuple[float, ...]:
    """A weight for each of the models.

    Args:
        given: the weights; None for equal ones.
        voices: the models by name.

    Raises:
        OptimizerError: there are not as many as models, or one is no weight.
    """
    if given is None:
        return (1.0,) * len(voices)
    try:
        weights = tuple(float(one) for one in given)
    except (TypeError, ValueError):
        weights = ()
    fits = len(weights) == len(voices) and all(isfinite(one) and one >= 0 for one in weights)
    if not fits or (voices and not any(weights)):
        raise OptimizerError(
            f"llm_weights must be a number from 0 on for each of the {len(voices)} llm_profiles, "
            f"and not 0 for all, not {given!r}"
        )
    return weights


def shares(weights: Sequence[float], count: int) -> tuple[int, ...]:
    """Whose turn it is, `count` times, so that each has its share of the turns.

    Without chance, so that a run that is resumed asks whom it asked: each time the one that
    is furthest behind its share.

    Args:
        weights: how large the shares are, beside each other; one with 0 has no turn.
        count: how many turns.

    Example:
        >>> shares([1, 1, 1], 4), shares([3, 1], 4)
        ((0, 1, 2, 0), (0, 0, 1, 0))
    """
    owed = [0.0] * len(weights)
    turns = []
    for _ in range(count):
        owed = [due + weight for due, weight in zip(owed, weights, strict=True)]
        able = [one for one, weight in enumerate(weights) if weight > 0]
        turn = max(able, key=owed.__getitem__)
        owed[turn] -= sum(weights)
        turns.append(turn)
    return tuple(turns)
