"""Keys: used where they are needed, and shown, copied to disk or sent nowhere else."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["Secret", "hide", "is_secret"]

# Arguments of providers whose value opens something, whatever the provider calls it.
SECRET = re.compile(
    r"(api_key|access_key(_id)?|secret\w*|token|token_provider|credentials?|password"
    r"|headers|authorization)$"
)
# What keys look like that somebody's message may quote.
KEY_IN_TEXT = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf)[-_][\w\-*.]{6,}|(?<=\bBearer )\S+|(?<=://)[^/@\s]+(?=@)"
)


def is_secret(argument: str) -> bool:
    """Whether an argument of that name carries a key.

    Example:
        >>> is_secret("azure_ad_token"), is_secret("max_tokens")
        (True, False)
    """
    return SECRET.search(argument) is not None


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
        return "Secret(***)" if self.value is not None else "Secret(None)"

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> tuple[type[Secret], tuple[None]]:
        return Secret, (None,)


def hide(text: str, *secrets: Any) -> str:
    """`text` without the given secrets, and without anything else that looks like a key.

    Example:
        >>> hide("bad key hunter2 (not sk-abcdef123)", "hunter2")
        'bad key *** (not ***)'
    """
    for secret in secrets:
        if isinstance(secret, str) and secret:
            text = text.replace(secret, "***")
    return KEY_IN_TEXT.sub("***", text)
