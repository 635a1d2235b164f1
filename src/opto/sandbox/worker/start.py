"""The script that a worker's Python runs: ``python -I -B start.py zygote|once NUMBER ...``.

Nothing of the host can be imported here, and nothing of the user's: the folder that this file
lies in is loaded as a package of its own, by its path.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

PACKAGE = "_opto_worker"


def load(folder: Path) -> None:
    """Make a folder a package that can be imported, whatever `sys.path` says."""
    spec = spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no worker at {folder}")
    module = module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    load(Path(__file__).resolve().parent)
    import_module(f"{PACKAGE}.{sys.argv[1]}").serve(*sys.argv[2:])
