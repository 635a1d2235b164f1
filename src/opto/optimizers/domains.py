"""Where a parameter that is a number or a choice may go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any

from opto.errors import OptimizerError
from opto.optimizers.convert import same
from opto.optimizers.fields import field_of
from opto.trace.projections import Choices, Range

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Domain", "is_numeric"]

# A number of which nobody said where it may go is looked for this far around its first value.
TIMES, LEAST = 10.0, 10.0


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that a parameter may have.

    Args:
        low: the lowest number; None for choices.
        high: the highest number; None for choices.
        whole: whether only whole numbers count.
        options: what there is to choose from, where it is not numbers in a range.
    """

    low: float | None = None
    high: float | None = None
    whole: bool = False
    options: tuple[Any, ...] = ()

    @classmethod
    def of(cls, parameter: Any, bounds: tuple[float, float] | None = None) -> Domain:
        """Where a parameter may go, by what is known of it.

        Args:
            parameter: the parameter.
            bounds: the lowest and the highest value, in place of what is known.

        Raises:
            OptimizerError: it is neither a number nor a choice.

        Example:
            >>> from opto.trace import node
            >>> from opto.trace.projections import Range
            >>> Domain.of(node(3, trainable=True, projections=[Range(0, 9)]))
            Domain(low=0, high=9, whole=True, options=())
        """
        value = parameter._data
        options = _options(parameter)
        if options:
            return cls(options=options)
        if not _is_number(value):
            raise OptimizerError(
                f"{parameter.name} is neither a number nor one of a few options, but "
                f"{type(value).__name__}; name its options with projections=[Choices(...)], or "
                f"leave it to an optimizer that writes"
            )
        whole = type(value) is int
        around = max(LEAST, TIMES * abs(value))
        low, high = bounds or _range(parameter)
        low = low if isfinite(low) else value - around
        high = high if isfinite(high) else value + around
        if not low < high:
            raise OptimizerError(f"there is nothing to choose from {low} to {high}")
        return cls(round(low) if whole else low, round(high) if whole else high, whole)

    @property
    def distribution(self) -> Any:
        """The domain as Optuna knows it; options by their place."""
        import optuna  # lazy: an optional package, 0.4 s

        kinds = optuna.distributions
        if self.options:
            return kinds.CategoricalDistribution(tuple(range(len(self.options))))
        kind = kinds.IntDistribution if self.whole else kinds.FloatDistribution
        return kind(self.low, self.high)

    def plain(self, value: Any) -> Any:
        """What stands for a value in a trial; None for one that is not among the options."""
        if not self.options:
            return value
        places = (i for i, option in enumerate(self.options) if same(option, value))
        return next(places, None)

    def value(self, plain: Any) -> Any:
        """The value that something in a trial stands for."""
        return self.options[plain] if self.options else plain

    def holds(self, plain: Any) -> bool:
        """Whether what stands for a value is in the domain."""
        if self.options:
            return plain is not None
        return bool(self.low <= plain <= self.high)


def is_numeric(parameter: Any) -> bool:
    """Whether a parameter is a number or one of a few options."""
    return bool(_options(parameter)) or _is_number(parameter._data)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value)


def _options(parameter: Any) -> tuple[Any, ...]:
    value = parameter._data
    for projection in parameter.projections or ():
        if isinstance(projection, Choices):
            return tuple(projection.options)
    if isinstance(value, bool):
        return (False, True)
    if isinstance(value, Enum):
        return tuple(type(value))
    named: Sequence[Any] = field_of(parameter, "it").schema.get("enum", ())
    return tuple(named)


def _range(parameter: Any) -> tuple[float, float]:
    """The bounds that all projections leave together; infinite where there are none."""
    ranges = [p for p in parameter.projections or () if isinstance(p, Range)]
    lows, highs = [r.low for r in ranges], [r.high for r in ranges]
    return max(lows, default=-float("inf")), min(highs, default=float("inf"))
