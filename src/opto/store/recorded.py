"""A model whose questions and answers are written down before anybody uses them."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from opto.errors import ModelUnavailable
from opto.llm.layer import Layer
from opto.llm.live import pause
from opto.store.codec import as_reply, request_data
from opto.store.events import Claim, Entry
from opto.store.exchange import exchange, secrets_of
from opto.store.flight import Flights
from opto.store.opening import open_journal
from opto.store.owner import Owner
from opto.store.question import key_of

if TYPE_CHECKING:
    from os import PathLike

    from opto.llm.port import LLM
    from opto.llm.types import Reply, Request
    from opto.store.journal import Journal

__all__ = ["Recorded"]

# Seconds between two looks at what another process is doing.
FIRST_LOOK, LONGEST_LOOK = 0.002, 0.1


class Recorded(Layer):
    """A model around a model: each request, and the reply to it, is in a journal before use.

    What it returns is what the journal holds, so that a program cannot tell a reply out of
    the record from one that was just given: secrets are out of both, and `Reply.raw` is
    plain data that is read by attribute (``reply.choices[0].message.tool_calls``).

    With `cache`, a question that was answered before is answered from the journal. Questions
    are one if their model, messages, parameters and sample index are: n answers at a
    temperature above zero are asked for by ``sample=0`` ... ``sample=n-1``. When several
    threads or processes ask one question at one time, one of them asks the model.

    Args:
        source: the model that is asked.
        journal: the journal, or its path; None for the default one, see `open_journal`.
        cache: answer from the journal what is in it.
        run: name of the run that the events belong to.
        name: what stands for the source in the keys of questions; None for its model's
            name, its address and its defaults.
        claim_seconds: how long other processes wait for one that is asking, before one of
            them asks as well. When it was killed on this machine, they know at once.

    Raises:
        StoreError: the file cannot be used as a journal.

    Example:
        >>> from tempfile import mkdtemp
        >>> from opto.llm import ScriptedLLM
        >>> model = Recorded(ScriptedLLM(["Hello"]), mkdtemp() + "/journal.sqlite", cache=True)
        >>> model("Greet me.").text, model("Greet me.").text
        ('Hello', 'Hello')
        >>> [event.kind for event in model.journal.events()]
        ['request', 'reply']
        >>> model.journal.close()
    """

    def __init__(
        self,
        source: LLM,
        journal: Journal | str | PathLike[str] | None = None,
        *,
        cache: bool = False,
        run: str = "",
        name: str | None = None,
        claim_seconds: float = 600.0,
    ) -> None:
        super().__init__(source)
        self.journal = open_journal(journal)
        self.cache = cache
        self.run = run
        self.name = name
        self.claim_seconds = claim_seconds
        self._start()

    def _start(self) -> None:
        self._owner = Owner()
        self._flights: Flights[Reply] = Flights()

    def answer(self, request: Request) -> Reply:
        """The reply, from the journal or from the source.

        Raises:
            ModelError: the source did not answer; the journal says so, too.
            StoreError: the journal cannot be read or written. A reply that could not be
                written down is not given.
        """
        key = key_of(request, self.source, self.name)
        if not self.cache:
            return self._asked(request, key, None)
        found = self._found(request, key)
        if found is not None:
            return found
        own: list[Reply] = []

        def ask() -> Reply:
            own.append(self._once(request, key))
            return own[0]

        reply = self._flights.shared(key, ask, request.live)
        # What another thread asked for cost nothing here.
        return replace(reply, request=request.digest, recalled=reply.recalled or not own)

    def _found(self, request: Request, key: str) -> Reply | None:
        event = self.journal.find("reply", key)
        if event is None:
            return None
        return replace(as_reply(event.data, request.digest), recalled=True)

    def _once(self, request: Request, key: str) -> Reply:
        """The reply, after asking for it unless another process does."""
        claim = Claim(key, self._owner.name)
        entry = Entry("request", request_data(request), key, self.run)
        secrets = tuple(secrets_of(self.source, request))
        seconds, end = FIRST_LOOK, monotonic() + 2 * self.claim_seconds
        while not self.journal.enter(entry, claim.owner, self.claim_seconds, secrets=secrets):
            if (found := self._found(request, key)) is not None:
                return found
            if monotonic() > end:
                raise ModelUnavailable(
                    f"others have been asking this question ({key[:12]}) for "
                    f"{2 * self.claim_seconds:.0f} s, one after the other, without an answer"
                )
            pause(request.live, seconds)
            seconds = min(2 * seconds, LONGEST_LOOK)
        return self._asked(request, key, claim)

    def _asked(self, request: Request, key: str, claim: Claim | None) -> Reply:
        return exchange(
            self.journal,
            self.source.answer,
            request,
            key=key,
            run=self.run,
            claim=claim,
            source=self.source,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {n: v for n, v in vars(self).items() if n not in {"_owner", "_flights"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()

    def __repr__(self) -> str:
        return f"Recorded({self.source!r}, {self.journal!r}, cache={self.cache})"
