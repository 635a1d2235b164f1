"""What the annotations of a record say of its fields."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

__all__ = ["annotated"]


def annotated(kind: type) -> dict[str, tuple[Any, ...]]:
    """The types that each field of a record may have, where its annotation is plain enough.

    Args:
        kind: a dataclass.

    Example:
        >>> from dataclasses import make_dataclass
        >>> annotated(make_dataclass("Point", [("x", int), ("label", str | None)]))
        {'x': (<class 'int'>,), 'label': (<class 'str'>, <class 'NoneType'>)}
    """
    try:
        hints = get_type_hints(kind)
    except Exception:  # noqa: BLE001 - annotations may name what is not there
        return {}
    return {name: get_args(hint) or (hint,) for name, hint in hints.items()}
