"""Which values of the host look like secrets, so that no copy of them goes to a worker."""

from __future__ import annotations

import re
from typing import Any

from opto.llm.environment import is_ordinary, is_secret
from opto.llm.redact import redacted

__all__ = ["is_guarded"]

# Beside what arguments of providers are called.
_NAMES = re.compile(r"(?:^|_)(?:api_?key|key|auth|pat|pwd|pass|passwd|passphrase)_?\d*$")


def is_guarded(name: str, value: Any) -> bool:
    """Whether `value`, called `name`, is or holds something that looks like a secret.

    Args:
        name: what it is called.
        value: a plain value.

    Example:
        >>> is_guarded("API_KEY", "hunter2hunter2"), is_guarded("sort_key", "name")
        (True, False)
        >>> is_guarded("settings", {"password": "hunter2"}), is_guarded("limit", 3)
        (True, False)
    """
    plain = name.lower().replace("-", "_")
    if isinstance(value, str | bytes | bytearray):
        named = is_secret(plain) or _NAMES.search(plain) is not None
        text = value if isinstance(value, str) else value.decode("latin-1")
        if named and not is_ordinary(text):
            return True
    elif not isinstance(value, dict | list | tuple | set | frozenset):
        return False
    # What has nothing to hide comes back with the same objects in it.
    return bool(redacted(value) != value)
