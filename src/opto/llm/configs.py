"""Lists of model configurations in AutoGen's form: where they are found, how they are filtered."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opto.errors import ModelMissing, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["auto_construct_oai_config_list_from_env", "found_configs", "passing"]

VARIABLE = "OAI_CONFIG_LIST"  # also the name of the file that is looked for


def found_configs() -> list[dict[str, Any]]:
    """The configurations of this environment, in the order in which they are to be tried.

    They come from ``OAI_CONFIG_LIST``, which holds JSON or names a file with it; else
    from a file of that name in the current folder; else from the keys that are set.

    Raises:
        ModelMissing: there is nothing of all that.
        StoreError: what is there is no list of configurations.
    """
    said = os.environ.get(VARIABLE) or VARIABLE
    if os.path.isfile(said):  # noqa: PTH113 - JSON of any length is asked for as a path here
        with open(said, encoding="utf-8") as file:  # noqa: PTH123 - as above
            return _configs(file.read(), f"the file {said}")
    if os.environ.get(VARIABLE):
        return _configs(said, VARIABLE)
    configs = _of_keys()
    if not configs:
        raise ModelMissing(
            f"no model is configured for AutoGenLLM: set {VARIABLE} to a JSON list such as "
            f'[{{"model": "gpt-4o", "api_key": "..."}}], or to a file with it, '
            f"or set OPENAI_API_KEY or ANTHROPIC_API_KEY"
        )
    return configs


def auto_construct_oai_config_list_from_env() -> list[dict[str, Any]]:
    """Write ``OAI_CONFIG_LIST`` from the keys that are set, if nobody has written it.

    Returns:
        What was written; empty where the variable is set already, or no key is.

    Source: SPEC 0 and 1.4.
    """
    configs = [] if os.environ.get(VARIABLE) else _of_keys()
    if configs:
        from json import dumps  # lazy: 3 ms that few programs need

        os.environ[VARIABLE] = dumps(configs)
    return configs


def passing(
    configs: Iterable[Mapping[str, Any]], wanted: Mapping[str, Sequence[Any]]
) -> list[Mapping[str, Any]]:
    """The configurations that have, for each name in `wanted`, one of the values given there.

    Example:
        >>> passing([{"model": "a", "tags": ["x"]}, {"model": "b"}], {"tags": ["x", "y"]})
        [{'model': 'a', 'tags': ['x']}]
    """
    return [
        config
        for config in configs
        if all(_has(config.get(name), values) for name, values in wanted.items())
    ]


def _has(value: Any, wanted: Sequence[Any]) -> bool:
    return any(v in wanted for v in value) if isinstance(value, list) else value in wanted


def _of_keys() -> list[dict[str, Any]]:
    known = (
        ("OPENAI_API_KEY", {"model": "gpt-4o"}),
        ("ANTHROPIC_API_KEY", {"model": "claude-3-5-sonnet-latest", "api_type": "anthropic"}),
    )
    return [{**config, "api_key": os.environ[key]} for key, config in known if os.environ.get(key)]


def _configs(text: str, where: str) -> list[dict[str, Any]]:
    from json import loads  # lazy: 3 ms that few programs need

    try:
        configs = loads(text)
    except ValueError:
        # Without the error as its cause: that one quotes the text, which holds keys.
        configs = None
    named = isinstance(configs, list) and all(
        isinstance(config, dict) and config.get("model") for config in configs
    )
    if not (configs and named):
        raise StoreError(f'{where} is no JSON list of objects with at least a "model" in each')
    return list(configs)
