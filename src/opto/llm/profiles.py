"""Named sets of settings for a model: ``LLM(profile="cheap")``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opto.errors import PlugError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["REGISTERED", "Profile", "Profiles"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a profile's name stands for.

    Args:
        backend: the backend's name; None for the default one.
        settings: arguments of the backend's constructor. What is not one of its
            own, such as ``temperature``, becomes a default of every request.
    """

    backend: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


# Names of the original. Where it names a model that was withdrawn or never existed ("fast",
# "reasoning"), the entry names one of that kind that does; "premium" was gpt-4, which costs
# six to twelve times as much as its successor and can do less.
BUILT_IN = {
    "default": Profile(),
    "cheap": Profile(settings={"model": "gpt-4o-mini"}),
    "fast": Profile(settings={"model": "gpt-4o-mini"}),
    "premium": Profile(settings={"model": "gpt-4o"}),
    "reasoning": Profile(settings={"model": "o3"}),
}


class Profiles:
    """The profiles of one program, by name.

    Example:
        >>> profiles = Profiles()
        >>> profiles.add("steady", Profile("OpenAI", {"temperature": 0.0}))
        >>> profiles.find("steady").settings
        {'temperature': 0.0}
    """

    def __init__(self) -> None:
        self._known = dict(BUILT_IN)

    def add(self, name: str, profile: Profile) -> None:
        """Let `name` stand for `profile` from now on."""
        self._known[name] = profile

    def find(self, name: str) -> Profile:
        """What `name` stands for.

        Raises:
            PlugError: nobody registered the name; the message has the nearest.
        """
        if name not in self._known:
            raise PlugError(
                f"no LLM profile is called {name!r}{nearest(name, self._known)}; "
                f"LLMFactory.register_profile({name!r}, backend, ...) makes one"
            )
        return self._known[name]

    def names(self) -> list[str]:
        """The names in the order in which they were registered."""
        return list(self._known)


# The one that `LLM(profile=...)` and `LLMFactory` share: the public API registers by class
# methods, so it has to be one for the process.
REGISTERED = Profiles()
