"""A dialect: how a problem is written down, how its answer is read, and in what words.

An optimizer speaks one of them; what it does with a problem and an answer is the same in all.

Source: the decision "dialects" of ours; JSON is that of SPEC 7.2, the tagged one of 7.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from opto.errors import ArgumentError, OptimizerError
from opto.formats import JSONFormat, TagFormat
from opto.optimizers.options import renamed
from opto.optimizers.problem import TITLES
from opto.optimizers.writing import LINES, Tags

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opto.formats import Format
    from opto.optimizers.writing import Writing

__all__ = ["DIALECTS", "Dialect", "dialect_of", "markdown"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an optimizer speaks with a model.

    Args:
        format: the form of the answer.
        titles: the sections that are shown, with their titles.
        writing: how values are written.
        family: the prompts that say what the work is: ``<family>_objective``,
            ``<family>_example_reasoning``, ``<family>_memory``.
        system: the prompt that says how to read a problem.
        answer: the prompt that says how to answer it.
        example: the prompt with a worked example.
        instruction: words in place of those of `answer` and of the form of the answer.
        written: writes the answer of the example, from thoughts and values, where that is
            not in the form of the answer.
    """

    format: Format = field(default_factory=JSONFormat)
    titles: Mapping[str, str] = field(default_factory=lambda: dict(TITLES))
    writing: Writing = LINES
    family: str = "optoprime"
    system: str = "optoprime_system"
    answer: str = "optoprime_answer"
    example: str = "optoprime_example"
    instruction: str | None = None
    written: Callable[[str, Mapping[str, Any]], str] | None = None

    @property
    def words(self) -> dict[str, str]:
        """What its titles, keys and tags are called, for prompts that speak of them."""
        return {**self.titles, **self.format.words, **self.writing.words}


def markdown(*names: str) -> dict[str, str]:
    """Titles with a space after the hash.

    Example:
        >>> markdown("code", "feedback")
        {'code': '# Code', 'feedback': '# Feedback'}
    """
    return {name: f"# {name.capitalize()}" for name in names}


def _tagged() -> Dialect:
    return Dialect(
        TagFormat(),
        markdown(*(name for name in TITLES if name != "constraints")),
        Tags(),
        system="tagged_system",
        answer="tagged_answer",
        example="tagged_example",
    )


DIALECTS: Mapping[str, Callable[[], Dialect]] = {"json": Dialect, "tagged": _tagged}
"""The dialects of OptoPrime, by name."""


def dialect_of(
    dialect: str | Dialect,
    known: Mapping[str, Callable[[], Dialect]],
    titles: Mapping[str, str] | None = None,
    keys: Mapping[str, str | None] | None = None,
) -> Dialect:
    """The dialect that is meant.

    Args:
        dialect: its name, or itself.
        known: dialects by name.
        titles: other titles, by section; those of sections that it does not show change nothing.
        keys: other keys of a JSON answer, for ``reasoning``, ``suggestion`` and ``answer``.

    Raises:
        ArgumentError: there is none of this name, or no such section or key.
        OptimizerError: the answer has no keys, or a key may not be left out.
    """
    if isinstance(dialect, Dialect):
        found = dialect
    elif dialect in known:
        found = known[dialect]()
    else:
        raise ArgumentError.unknown("dialect", [str(dialect)], known)
    form = found.format
    if keys:
        if not isinstance(form, JSONFormat):
            raise OptimizerError("json_keys are for answers in JSON; this dialect has other ones")
        form = _with_keys(form, keys)
    # All sections may be named, so that one optimizer can take the place of another.
    named = renamed("prompt_symbols", {**TITLES, **found.titles}, titles)
    return replace(found, format=form, titles={name: named[name] for name in found.titles})


def _with_keys(form: JSONFormat, given: Mapping[str, str | None]) -> JSONFormat:
    present = {"reasoning": form.reasoning, "suggestion": form.suggestion, "answer": form.answer}
    keys = renamed("json_keys", present, given)
    reasoning, suggestion = keys["reasoning"], keys["suggestion"]
    if not suggestion or (form.reasoning and not reasoning):
        raise OptimizerError("json_keys may leave out 'answer' only; the others must be texts")
    return JSONFormat(reasoning, suggestion, keys["answer"])
