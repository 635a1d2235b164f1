"""The public face of the profiles."""

from __future__ import annotations

from typing import Any

from opto.llm.port import LLM
from opto.llm.profiles import REGISTERED, Profile

__all__ = ["LLMFactory"]


class LLMFactory:
    """Models by profile: a name for a backend and its settings.

    Example:
        >>> LLMFactory.register_profile("steady", "OpenAI", model="gpt-4o", temperature=0.0)
        >>> LLMFactory.get_llm("steady").model_name
        'gpt-4o'

    Source: SPEC 8.2.
    """

    @classmethod
    def get_llm(cls, profile: str = "default", **settings: Any) -> LLM:
        """A new model of that profile; `settings` go before the profile's own.

        Raises:
            PlugError: nobody registered the profile.
        """
        return LLM(profile=profile, **settings)

    @classmethod
    def register_profile(cls, name: str, backend: str | None = None, **params: Any) -> None:
        """Let `name` stand for a backend and its settings.

        Args:
            name: the new profile.
            backend: the backend's name; None for the default one.
            **params: arguments of its constructor; what is not one of these, such
                as ``temperature``, becomes a default of every request.
        """
        REGISTERED.add(name, Profile(backend, params))

    @classmethod
    def list_profiles(cls) -> list[str]:
        """The names of all profiles."""
        return REGISTERED.names()

    @classmethod
    def get_profile_info(cls, profile: str | None = None) -> dict[str, Any]:
        """What a profile stands for, as ``{"backend": ..., "params": {...}}``.

        Args:
            profile: its name; None for a dictionary of all of them by name.

        Raises:
            PlugError: nobody registered the profile.
        """
        if profile is None:
            return {name: cls.get_profile_info(name) for name in cls.list_profiles()}
        found = REGISTERED.find(profile)
        return {"backend": found.backend, "params": dict(found.settings)}
