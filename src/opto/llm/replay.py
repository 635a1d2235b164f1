"""Answers out of a recording, and recordings of answers."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import asdict, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from opto.errors import ModelMissing, StoreError
from opto.llm.port import LLM
from opto.llm.redact import redacted
from opto.llm.types import Reply, Request, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

__all__ = ["ReplayLLM"]


class ReplayLLM(LLM):
    """A model that answers out of a file, and asks another one for what is not in it.

    The file has one JSON object a line, each with the digest of a request and the
    reply to it. A request that was recorded several times gets its replies in
    their order, so that a program that runs again sees what it saw before. Secrets
    are in no recording, and so in no reply.

    Args:
        path: the recording; it need not exist if there is a `source`.
        source: who answers what is not recorded, which is then recorded before it is
            given; None to allow nothing new.

    Raises:
        StoreError: the file is no such recording; the message has the line.

    Example:
        >>> from tempfile import mkdtemp
        >>> from opto.llm import ScriptedLLM
        >>> path = Path(mkdtemp()) / "answers.jsonl"
        >>> ReplayLLM(path, source=ScriptedLLM(["Hello"]))("Greet me.").text
        'Hello'
        >>> ReplayLLM(path)("Greet me.").text
        'Hello'
    """

    def __init__(self, path: str | PathLike[str], source: LLM | None = None) -> None:
        self.path = Path(path)
        self.source = source
        self._replies: dict[str, deque[Reply]] = defaultdict(deque)
        if source is not None:
            _drop_torn_line(self.path)
        for reply in _read(self.path):
            self._replies[reply.request].append(reply)
        self._start()

    def _start(self) -> None:
        self._lock = Lock()

    @property
    def enforces_schema(self) -> bool:
        """Whether the source can hold an answer to a JSON schema; nobody can without one."""
        return self.source is not None and self.source.enforces_schema

    def answer(self, request: Request) -> Reply:
        """The next recorded reply to this request, or a new one of the source.

        Raises:
            ModelMissing: it is not recorded, and there is no source.
            ModelError: the source did not answer.
        """
        digest = request.digest
        with self._lock:
            if self._replies[digest]:
                return self._replies[digest].popleft()
        if self.source is None:
            opening = str(list(request.messages))[:120]
            raise ModelMissing(
                f"{self.path} holds no further answer to the request {digest[:12]} "
                f"({opening}...); record it with ReplayLLM(path, source=LLM())"
            )
        reply = Reply.read(self.source.answer(request), digest)
        reply = replace(reply, text=redacted(reply.text), others=redacted(reply.others))
        with self._lock:
            _append(self.path, reply)
        return reply

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()


def _append(path: Path, reply: Reply) -> None:
    from json import dumps  # lazy: 3 ms that only recordings need

    line = dumps(asdict(replace(reply, raw=None)), ensure_ascii=False)
    with path.open("ab") as file:
        file.write(line.encode("utf-8", "surrogatepass") + b"\n")


def _drop_torn_line(path: Path) -> None:
    """Take off what a process that was killed while it wrote has left behind."""
    if path.exists():
        with path.open("r+b") as file:
            whole = file.read()
            file.truncate(whole.rfind(b"\n") + 1)


def _read(path: Path) -> Iterator[Reply]:
    if not path.exists():
        return
    # Without its line end, the last line is torn: nobody was given that reply.
    lines = path.read_bytes().split(b"\n")[:-1]
    for number, line in enumerate(lines, 1):
        try:
            yield _reply(line)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path}:{number} is no recorded reply: {error!r}") from error


def _reply(line: bytes) -> Reply:
    from json import loads  # lazy: 3 ms that only recordings need

    said = loads(line.decode("utf-8", "surrogatepass"))
    said["usage"] = Usage(**said["usage"])
    said["others"] = tuple(said["others"])
    if not (isinstance(said["text"], str) and said["request"]):
        raise ValueError("it has no text, or no request")
    return Reply(**said)
