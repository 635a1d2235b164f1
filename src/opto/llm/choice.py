"""Who answers: from arguments, profiles and the environment to a backend."""

from __future__ import annotations

import os
from typing import Any

from opto._plugs import known, plug
from opto.errors import PlugError, nearest
from opto.llm.packages import installed
from opto.llm.profiles import REGISTERED, Profile

__all__ = ["choose"]

VARIABLE = "TRACE_DEFAULT_LLM_BACKEND"
# What else the room has registered, for others to find it, but is no backend.
NO_BACKENDS = frozenset({"default"})


def choose(
    model: str | None = None,
    *positional: Any,
    backend: str | None = None,
    profile: str | None = None,
    cache: bool | None = None,
    **settings: Any,
) -> Any:
    """The `LLM` that the arguments of ``LLM(...)`` ask for; see `opto.llm.LLM`.

    Args:
        model: the model's name; None for the profile's or the backend's default.
        *positional: further positional arguments of the backend's constructor.
        backend: the backend's name; before the profile's and the environment's.
        profile: a registered profile; what is said beside it goes before its settings.
        cache: answer from the user's journal what was asked before, and write down
            what was not, see `opto.store.Recorded`; None for what the profile says, else no.
        **settings: further arguments of the backend's constructor.

    Raises:
        PlugError: a backend or profile of that name is not there.
        ModelMissing: the backend's package is not installed.
        StoreError: the journal cannot be used.
    """
    chosen = REGISTERED.find(profile) if profile is not None else Profile()
    settings = {**chosen.settings, **settings}
    if model is not None:
        settings["model"] = model
    name = backend or chosen.backend or os.environ.get(VARIABLE) or _default(settings)
    usually = settings.pop("cache", False)
    made = _backend(name)(*_placed(positional, settings), **settings)
    recorded = usually if cache is None else cache
    return plug("store.recorded")(made, cache=True) if recorded else made


def _placed(positional: tuple[Any, ...], settings: dict[str, Any]) -> tuple[Any, ...]:
    # A second positional argument can only follow a first one.
    return (settings.pop("model", None), *positional) if positional else ()


def _default(settings: dict[str, Any]) -> str:
    """The backend that nobody named; without LiteLLM, it settles LiteLLM's model as well."""
    model = os.environ.get("TRACE_LITELLM_MODEL") or os.environ.get("DEFAULT_LITELLM_MODEL")
    provider, _, name = (model or "").rpartition("/")
    if installed("litellm") or provider not in {"", "openai"}:
        return "LiteLLM"  # which says how it is installed, where it is not
    if name:
        settings.setdefault("model", name)
    return "OpenAI"


def _backend(name: str) -> Any:
    names = [n.removeprefix("llm.") for n in known("llm.")]
    backends = [n for n in names if n not in NO_BACKENDS]
    if name.casefold() not in backends:
        raise PlugError(
            f"no LLM backend is called {name!r}{nearest(name, backends)}; "
            f"it comes from the argument `backend`, the profile, or {VARIABLE}"
        )
    return plug(f"llm.{name.casefold()}")
