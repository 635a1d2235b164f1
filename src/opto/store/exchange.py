"""One question and its answer, each in the journal before anybody uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto.errors import BudgetExceeded, StoreError
from opto.llm.redact import named_secrets
from opto.llm.secret import Secret
from opto.llm.types import Reply
from opto.store.codec import as_reply, reply_data, request_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opto.llm.around import Ask
    from opto.llm.types import Request
    from opto.store.events import Claim
    from opto.store.journal import Journal

__all__ = ["exchange", "secrets_of"]


def exchange(
    journal: Journal,
    ask: Ask,
    request: Request,
    *,
    key: str,
    run: str = "",
    claim: Claim | None = None,
    source: Any = None,
) -> Reply:
    """Ask, and write down what was asked and what came of it.

    Args:
        journal: where it is written down.
        ask: gives the reply.
        request: what is asked.
        key: the name of the question.
        run: name of the run that it belongs to.
        claim: the claim with which the question was entered, see `Journal.enter`; it ends in
            the moment that it is answered. None where it is still to be written down.
        source: the model; what keys it was given are not written down.

    Returns:
        The reply as the journal holds it.

    Raises:
        ModelError: the model did not answer; the journal says so, too.
        StoreError: the journal cannot be written. A reply that could not be written
            down is not given.
    """
    about: dict[str, Any] = {"key": key, "run": run}
    about["secrets"] = tuple(secrets_of(source, request))
    if claim is None:
        journal.append("request", request_data(request), **about)
    try:
        reply = Reply.read(ask(request), request.digest)
        stored = journal.append("reply", reply_data(reply), release=claim, **about)
    except BaseException as error:
        if _concerns_the_question(error):
            said = {"error": type(error).__name__, "message": str(error)}
            journal.append("failure", said, release=claim, **about)
        elif claim is not None:
            journal.release(claim)
        raise
    return as_reply(stored.data)


def _concerns_the_question(error: BaseException) -> bool:
    # What was never sent has not failed; it was not even asked.
    return isinstance(error, Exception) and not isinstance(error, (StoreError, BudgetExceeded))


def secrets_of(source: Any, request: Request) -> Iterator[str]:
    """The keys that were given by argument: to the model, or with the request."""
    yield from named_secrets(request.extra)
    while source is not None:
        for model in (source, *getattr(source, "models", ())):
            for secret in getattr(model, "_secrets", {}).values():
                if isinstance(secret, Secret) and isinstance(secret.value, str):
                    yield secret.value
        source = getattr(source, "source", None)
