"""A chat completion, put together from the chunks in which a server streams it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Assembled"]

# Texts that stand whole in a chunk; all others come in parts, one after the other.
WHOLE = frozenset({"finish_reason", "id", "name", "role", "type"})


class Assembled:
    """What the chunks so far come to, in the form of an answer that was not streamed.

    Example:
        >>> whole = Assembled()
        >>> for text in ("Hel", "lo"):
        ...     _ = whole.add({"choices": [{"index": 0, "delta": {"content": text}}]})
        >>> whole.data()["choices"][0]["message"]["content"]
        'Hello'
    """

    def __init__(self) -> None:
        self._about: dict[str, Any] = {}
        self._choices: list[dict[str, Any]] = []

    def add(self, chunk: Mapping[str, Any]) -> str:
        """Take the next chunk; the text that it adds to the first choice."""
        about = {k: v for k, v in chunk.items() if k != "choices" and v is not None}
        self._about |= about
        choices = chunk.get("choices") or []
        self._choices = _joined(self._choices, choices)
        texts = (_text(choice) for choice in choices if not choice.get("index"))
        return "".join(texts)

    @property
    def ended(self) -> bool:
        """Whether this is an answer, and all of it.

        LiteLLM ends what it could not read as an answer with nothing in it that cost nothing.
        """
        if not all(choice.get("finish_reason") for choice in self._choices):
            return False
        counted = self._about.get("usage") or {}
        return any(
            choice["finish_reason"] != "stop" or _says(choice.get("delta") or {})
            for choice in self._choices
        ) or any(counted.get(name) for name in ("prompt_tokens", "completion_tokens"))

    def data(self) -> dict[str, Any]:
        """The whole answer as plain data; without a choice where none came."""
        choices = sorted(self._choices, key=lambda choice: choice.get("index") or 0)
        return {
            **self._about,
            "object": "chat.completion",
            "choices": [_choice(choice) for choice in choices],
        }


def _says(delta: Mapping[str, Any]) -> bool:
    return any(value for name, value in delta.items() if name != "role")


def _text(choice: Mapping[str, Any]) -> str:
    content = (choice.get("delta") or {}).get("content")
    return content if isinstance(content, str) else ""


def _choice(parts: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in parts.items() if name != "delta"}
    message = {"role": "assistant", "content": None, **(parts.get("delta") or {})}
    if calls := message.get("tool_calls"):
        # An index tells the parts of several calls apart; calls that are whole have none.
        message["tool_calls"] = [
            {name: value for name, value in call.items() if name != "index"} for call in calls
        ]
    return {"finish_reason": None, **rest, "message": message}


def _grown(name: str, old: Any, new: Any) -> Any:
    if new is None:
        return old
    if isinstance(new, str):
        return new if old is None or name in WHOLE else old + new
    if isinstance(new, dict):
        grown = dict(old or {})
        for key, value in new.items():
            grown[key] = _grown(key, grown.get(key), value)
        return grown
    return _joined(old or [], new) if isinstance(new, list) else new


def _joined(old: list[Any], new: list[Any]) -> list[Any]:
    """The items of both; those of one index are parts of one."""
    joined = list(old)
    places = {o["index"]: at for at, o in enumerate(old) if isinstance(o, dict) and "index" in o}
    for item in new:
        at = places.get(item.get("index")) if isinstance(item, dict) else None
        if at is None:
            joined.append(_grown("", None, item))
        else:
            joined[at] = _grown("", joined[at], item)
    return joined
