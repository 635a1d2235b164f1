"""Who answers: from arguments, profiles and the environment to a backend."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opto._plugs import known, plug
from opto.errors import PlugError, nearest
from opto.llm.layers import layered
from opto.llm.packages import installed
from opto.llm.profiles import REGISTERED, Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opto.llm.budget import Budget
    from opto.llm.governor import Governor
    from opto.llm.prices import Price

__all__ = ["choose"]

VARIABLE = "TRACE_DEFAULT_LLM_BACKEND"
# What else the room has registered, for others to find it, but is no backend.
NO_BACKENDS = frozenset({"default"})
# What is for the layers around the backend.
LAYERS = ("cache", "journal", "budget", "governor", "prices", "shaped")


def choose(
    model: str | None = None,
    *positional: Any,
    backend: str | None = None,
    profile: str | None = None,
    cache: bool | None = None,
    journal: Any = None,
    budget: Budget | None = None,
    governor: Governor | None = None,
    prices: Mapping[str, Price] | None = None,
    shaped: bool | None = None,
    **settings: Any,
) -> Any:
    """The `LLM` that the arguments of ``LLM(...)`` ask for; see `opto.llm.LLM`.

    Args:
        model: the model's name; None for the profile's or the backend's default.
        *positional: further positional arguments of the backend's constructor.
        backend: the backend's name; before the profile's and the environment's.
        profile: a registered profile; what is said beside it goes before its settings.
        cache: answer from the journal what was asked before, and write down what was
            not, see `opto.store.Recorded`; None for what the profile says, else no.
        journal: the journal that everything is written down in, or its path; None for
            what the profile says, else for the user's own if there is `cache`.
        budget: what the model may cost, see `Budget`; None for what the profile says.
        governor: how fast it may be asked, see `Governor`; None for what the profile says.
        prices: for the budget, your prices by the name of the model.
        shaped: take JSON schemas whether the backend enforces them or not, see
            `Shaped`; None for what the profile says, else no.
        **settings: further arguments of the backend's constructor.

    Raises:
        PlugError: a backend or profile of that name is not there.
        ModelMissing: the backend's package is not installed.
        ArgumentError: a budget or governor is none.
        StoreError: the journal cannot be used.
    """
    chosen = REGISTERED.find(profile) if profile is not None else Profile()
    settings = {**chosen.settings, **settings}
    if model is not None:
        settings["model"] = model
    name = backend or chosen.backend or os.environ.get(VARIABLE) or _default(settings)
    around = {layer: settings.pop(layer) for layer in LAYERS if layer in settings}
    said = (cache, journal, budget, governor, prices, shaped)
    around |= {n: value for n, value in zip(LAYERS, said, strict=True) if value is not None}
    made = _backend(name)(*_placed(positional, settings), **settings)
    return layered(made, **around)


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
