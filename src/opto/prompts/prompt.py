"""A prompt: text with named places, that knows its name and its digest."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from opto.errors import ArgumentError, PlugError, nearest

__all__ = ["Prompt", "prompt"]

# A name alone in braces. Braces of JSON, code and format strings are not touched.
_PLACE = re.compile(r"\{([a-z][a-z_]*)\}")


class Prompt(str):
    """Text with places such as ``{problem}`` to be filled.

    Args:
        text: the words.
        name: what the prompt is called in records.

    Example:
        >>> ask = Prompt('Say {word} as {"text": ...}.', name="ask")
        >>> ask.fields
        ('word',)
        >>> ask.fill(word="{word}!")
        'Say {word}! as {"text": ...}.'
    """

    __slots__ = ("_parts", "fields", "name")
    name: str
    fields: tuple[str, ...]
    """The names of its places, in order, each once."""
    _parts: list[str]

    def __new__(cls, text: str, name: str = "") -> Prompt:  # noqa: D102, PYI034 - final
        made = super().__new__(cls, text)
        made.name = name
        # In turn what stands between two places, and the name of a place.
        made._parts = _PLACE.split(made)
        made.fields = tuple(dict.fromkeys(made._parts[1::2]))
        return made

    def __reduce__(self) -> tuple[type[Prompt], tuple[str, str]]:
        return Prompt, (str(self), self.name)

    @property
    def digest(self) -> str:
        """Twelve hex digits that change whenever the words do."""
        # lazy: needed for records only
        from hashlib import sha256

        return sha256(self.encode("utf-8", "surrogatepass")).hexdigest()[:12]

    def fill(self, **values: str) -> str:
        """The text with each place filled; what is put in is not looked into again.

        Raises:
            ArgumentError: a place has no value, or a value no place.
        """
        fields = self.fields
        if values.keys() != set(fields):
            unknown = [name for name in values if name not in fields]
            if unknown:
                raise ArgumentError.unknown(f"prompt {self.name!r}", unknown[:1], fields)
            missing = ", ".join(name for name in fields if name not in values)
            raise ArgumentError(f"prompt {self.name!r} needs a value for {missing}")
        filled = [*self._parts]
        filled[1::2] = [values[name] for name in self._parts[1::2]]
        return "".join(filled)


@cache
def prompt(name: str) -> Prompt:
    """The prompt of that name, from its file beside this module.

    Args:
        name: the file's name without its ending, such as ``"optoprime_system"``.

    Raises:
        PlugError: there is no such prompt.
    """
    folder = Path(__file__).parent
    file = folder / f"{name}.md"
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as cause:
        known = [path.stem for path in folder.glob("*.md")]
        raise PlugError(f"there is no prompt {name!r}{nearest(name, known)}") from cause
    return Prompt(text.removesuffix("\n"), name)
