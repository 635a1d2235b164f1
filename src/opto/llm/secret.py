"""Keys: used where they are needed, and shown, copied to disk or sent nowhere else."""

from __future__ import annotations

import re
from typing import Any

from opto.llm.environment import environment_secrets, is_ordinary, is_secret

__all__ = ["HIDDEN", "Secret", "hide", "is_secret"]

# What stands in the place of a secret.
HIDDEN = "***"
# What keys look like that somebody's message may quote; `pk_customer` and "Bearer tokens" are
# none, since what a model writes is stored as well.
KEY_IN_TEXT = re.compile(
    r"\b(?:sk-|gsk_|xai-|[spr]k_(?:live|test)_|hf_(?=\w{0,60}[0-9A-Z]))[\w\-*.]{6,}"
    r"|(?<=\bBearer )(?=[^\s\d*]{0,200}[\d*])\S{6,}|(?<=uthorization: Bearer )\S+"
    r"|(?<=://)[^/@\s]+(?=@)"
)
# A key that is part of an address.
KEY_IN_QUERY = re.compile(
    r"([?&][\w.-]{0,40}(?:key|token|secret|password|pwd|sig|signature|auth)=)[^&#\s\"'<>]+",
    re.IGNORECASE,
)


class Secret:
    """A value that shows in no repr and travels in no pickle; a copy in this process keeps it.

    Args:
        value: the key, or a function that gives it; None where there is none.

    Example:
        >>> Secret("sk-123")
        Secret(***)
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})" if self.value is not None else "Secret(None)"

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> tuple[type[Secret], tuple[None]]:
        return Secret, (None,)


def hide(text: str, *secrets: Any) -> str:
    """`text` without secrets: the given ones, those of the environment, and what looks like a key.

    Args:
        text: what is to be shown.
        *secrets: further secrets; what is no text, or an ordinary word, is left where it is.

    Example:
        >>> hide("bad key hunter2 (not sk-abcdef123)", "hunter2")
        'bad key *** (not ***)'
        >>> hide("POST https://me:pw@host/v1?api-key=123 failed")
        'POST https://***@host/v1?api-key=*** failed'
    """
    given = {s for s in secrets if isinstance(s, str) and not is_ordinary(s)}
    # The longest first: one secret may be part of another.
    for secret in sorted(given | environment_secrets().keys(), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    if "://" in text:
        text = KEY_IN_QUERY.sub(rf"\1{HIDDEN}", text)
    return KEY_IN_TEXT.sub(HIDDEN, text)
