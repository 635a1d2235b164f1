"""Runs the probe alone: ``python -I -B confine_start.py '<specification as JSON>'``."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

PACKAGE = "_opto_worker"


def load() -> None:
    """Load the worker's folder as a package of its own, without the library around it."""
    folder = Path(__file__).parent
    spec = spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} cannot be loaded")
    package = module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


def main() -> None:
    """Prove the walls of this machine, and print what was found."""
    load()
    confine = import_module(f"{PACKAGE}.confine")
    confine_probe = import_module(f"{PACKAGE}.confine_probe")
    try:
        prepared = confine.prepare(json.loads(sys.argv[1]))
    except (confine.NotConfined, OSError) as error:
        found = {"refused": [], "failed": [f"prepare: {error}"], "held": {}}
    else:
        found = {**confine_probe.prove(prepared), "held": prepared.held}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
