"""What a worker can import by itself: what is installed, and not what is the user's own."""

from __future__ import annotations

import builtins
import site
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["is_installed", "reference_to"]

# A name that is met in two ways is one object; more than a few ways there are not.
_NAMES = ("__qualname__", "__name__", "_name")


def is_installed(module: ModuleType) -> bool:
    """Whether `module` is Python's own or of an installed package.

    Example:
        >>> import json
        >>> is_installed(json), is_installed(sys)
        (True, True)
    """
    # This library works with the host's objects, and a worker has none of them.
    if module.__name__.partition(".")[0] in {"__main__", "opto"}:
        return False
    return _is_installed(module.__name__, getattr(module, "__file__", None))


@lru_cache(maxsize=1024)
def _is_installed(name: str, file: str | None) -> bool:
    if file is None:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        places = list(getattr(spec, "submodule_search_locations", None) or ())
        return all(_lies_in_library(place) for place in places) if places else _is_built_in(name)
    return _lies_in_library(file)


def _is_built_in(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names


def _lies_in_library(place: str) -> bool:
    path = Path(place).resolve()
    return any(path.is_relative_to(folder) for folder in _libraries())


@lru_cache(maxsize=1)
def _libraries() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    found = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple(dict.fromkeys(Path(folder).resolve() for folder in found))


def reference_to(value: Any, name: str) -> str | None:
    """Where a worker imports `value` from, as ``"module:attribute"``; None if it cannot.

    Args:
        value: a function, a class, or another object that a module holds.
        name: what it is called where it is used.

    Example:
        >>> from collections import OrderedDict
        >>> reference_to(OrderedDict, "Ordered"), reference_to(is_installed, "is_installed")
        ('collections:OrderedDict', None)
    """
    names = [n for key in _NAMES if isinstance(n := getattr(value, key, None), str)]
    # Functions such as `random.random` are methods of an object that their module hides.
    hidden = type(getattr(value, "__self__", None)).__module__
    for owner in (getattr(value, "__module__", None), type(value).__module__, hidden):
        module = sys.modules.get(owner) if isinstance(owner, str) else None
        if module is None or not is_installed(module):
            continue
        for path in (*names, name):
            if _at(module, path) is value:
                return f"{module.__name__}:{path}"
    return None


def _at(module: ModuleType, path: str) -> Any:
    found: Any = module
    for part in path.split("."):
        # Of functions within functions the path says `<locals>`, which nothing has.
        found = getattr(found, part, builtins)
    return found
