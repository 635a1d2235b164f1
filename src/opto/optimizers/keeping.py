"""Writing the state of an optimizer down as JSON, and reading it back."""

from __future__ import annotations

import os
from json import dumps, loads
from pathlib import Path
from typing import Any

from opto.errors import StoreError

__all__ = ["read_json", "write_json"]


def write_json(path: str | os.PathLike[str], data: Any) -> None:
    """Write `data`; whoever reads the file sees all of it or what was there before.

    Args:
        path: the file.
        data: in JSON's types.
    """
    file = Path(path)
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    temporary.write_text(dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    temporary.replace(file)


def read_json(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """The object in a file that says of itself that it is of this kind.

    Args:
        path: the file.
        kind: what must stand under the key ``"kind"``.

    Raises:
        StoreError: the file is something else.
    """
    try:
        data = loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as cause:
        raise StoreError(f"{os.fspath(path)} is not JSON: {cause}") from cause
    if not isinstance(data, dict) or data.get("kind") != kind:
        found = data.get("kind") if isinstance(data, dict) else type(data).__name__
        raise StoreError(f"{os.fspath(path)} holds {found!r}, not {kind!r}")
    return data
