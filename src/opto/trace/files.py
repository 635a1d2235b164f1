"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(file_name: str | os.PathLike[str], text: str) -> None:
    r"""Put `text` into a file; whoever looks sees the old content or the new one.

    Args:
        file_name: where to; missing directories are made.
        text: the content, written as UTF-8 with ``\n`` at the ends of lines.

    Raises:
        OSError: it cannot be written; what stood there before stands there still.
    """
    # Through a symbolic link to what it points at, as `open` does.
    target = Path(os.path.realpath(file_name))
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
