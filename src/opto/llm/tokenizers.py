"""The tokenizer of a model, where it is on this disk; nothing is ever downloaded."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from pathlib import Path
from tempfile import gettempdir
from threading import Lock
from typing import TYPE_CHECKING, Any

from opto._plugs import plug
from opto.llm.packages import installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opto.llm.types import Request

__all__ = ["Tokenizer", "tokenizer"]

# Where the ranks of tiktoken's encodings come from; the hash of the address is the file's name.
RANKS = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
CACHE = "TIKTOKEN_CACHE_DIR"
# Providers in names as LiteLLM writes them, whose models tiktoken knows.
PREFIXES = ("openai/", "azure/")
SERVER = "opto.llm.local.server"
_door = Lock()


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Counts the tokens of a text.

    Args:
        by: names it.
        count: from a text to its number of tokens.
        prompt: from a request to the tokens of all that the model reads for it; None, or
            a function that gives None, where only the model's provider knows.
    """

    by: str
    count: Callable[[str], int]
    prompt: Callable[[Request], int | None] | None = None


def tokenizer(model: str) -> Tokenizer | None:
    """The tokenizer of a model, or None where it is not at hand.

    It is looked for in this order: the local model, while it is loaded; the path of a
    ``tokenizer.json``; `tiktoken`, whose ranks lie in its cache or in LiteLLM's package; the
    cache of Hugging Face, for names such as "Qwen/Qwen2.5-7B". The packages `tiktoken` and
    `tokenizers` are optional.

    Example:
        >>> tokenizer("a model that nobody knows") is None
        True
    """
    return _of_local(model) or _at_rest(model)


def _of_local(model: str) -> Tokenizer | None:
    if SERVER not in sys.modules:  # no local model can have been loaded
        return None
    found: Tokenizer | None = plug("tokens.local")(model)
    return found


@lru_cache(maxsize=64)
def _at_rest(model: str) -> Tokenizer | None:
    return _of_file(Path(model)) or _of_openai(model) or _of_hugging_face(model)


def _of_openai(model: str) -> Tokenizer | None:
    if not installed("tiktoken"):
        return None
    import tiktoken  # lazy: an optional package, 50 ms

    for prefix in PREFIXES:
        model = model.removeprefix(prefix)
    try:
        name = tiktoken.encoding_name_for_model(model)
    except KeyError:
        return None
    folder = _folder_with(name)
    if folder is None:
        return None
    with _ranks_from(folder):
        encoding = tiktoken.get_encoding(name)

    def count(text: str) -> int:
        # A text that looks like a control token is sent as text.
        return len(encoding.encode(text, disallowed_special=()))

    return Tokenizer(f"tiktoken {name}", count)


def _folder_with(encoding: str) -> Path | None:
    """The first folder that has the ranks of an encoding, where tiktoken may look for them."""
    name = sha1(RANKS.format(encoding).encode(), usedforsecurity=False).hexdigest()
    folders = [os.environ.get(CACHE), os.environ.get("DATA_GYM_CACHE_DIR")]
    folders += [str(Path(gettempdir(), "data-gym-cache")), _of_litellm()]
    return next((Path(f) for f in folders if f and Path(f, name).is_file()), None)


def _of_litellm() -> str | None:
    from importlib.util import find_spec  # lazy: 3 ms that importing this room need not cost

    spec = find_spec("litellm") if installed("litellm") else None
    if spec is None or spec.origin is None:
        return None
    return str(Path(spec.origin).with_name("litellm_core_utils") / "tokenizers")


@contextmanager
def _ranks_from(folder: Path) -> Iterator[None]:
    """Let tiktoken read its ranks from `folder`; it takes that by the environment alone."""
    with _door:
        before = os.environ.get(CACHE)
        os.environ[CACHE] = str(folder)
        try:
            yield
        finally:
            if before is None:
                del os.environ[CACHE]
            else:
                os.environ[CACHE] = before


def _of_hugging_face(model: str) -> Tokenizer | None:
    if "/" not in model:
        return None
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    found = hub.glob(f"models--{model.replace('/', '--')}/snapshots/*/tokenizer.json")
    return next(filter(None, map(_of_file, sorted(found))), None)


def _of_file(path: Path) -> Tokenizer | None:
    if path.name != "tokenizer.json" or not path.is_file() or not installed("tokenizers"):
        return None
    import tokenizers  # lazy: an optional package

    loaded: Any = tokenizers.Tokenizer.from_file(str(path))
    return Tokenizer(
        f"tokenizers {path}", lambda text: len(loaded.encode(text, add_special_tokens=False).ids)
    )
