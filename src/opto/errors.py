"""The error tree of the library.

It stands on the lowest floor, so that every room can raise from one tree::

    OptoError
    ├── TraceError                     recording and propagating
    │   ├── ExecutionError             an operation raised; holds the exception node
    │   ├── TraceMissingInputsError    a function read a node that it was not given
    │   ├── NodeError                  a node was made or used wrongly   (ValueError)
    │   ├── BundleError                a function cannot be bundled      (ValueError)
    │   │   └── SourceError            its source text cannot be read
    │   └── BackwardError              feedback cannot be sent back      (AttributeError)
    ├── OptimizerError                 an optimizer was set up wrongly   (ValueError)
    ├── AnswerError                    a model's answer cannot be used   (ValueError)
    ├── ModelError                     a model did not answer
    │   ├── ModelUnavailable           no answer: network, limits, time
    │   ├── ModelRefused               the provider said no: key, model, request
    │   ├── ModelMissing               no backend, package or weights    (ImportError)
    │   └── BudgetExceeded             the agreed budget is used up
    ├── SandboxError                   foreign code cannot be contained
    │   ├── SandboxUnavailable         this machine cannot hold the level
    │   └── ForeignCodeError           it was stopped, or raised what we lack
    ├── PlugError                      an unknown name                   (ValueError)
    ├── StoreError                     something saved cannot be read    (ValueError)
    └── ArgumentError                  an unknown keyword argument       (TypeError)

A message says up to four things: what happened, what was expected, where
(node, operation, ``file:line``), and what to write instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AnswerError",
    "ArgumentError",
    "BackwardError",
    "BudgetExceeded",
    "BundleError",
    "ExecutionError",
    "ForeignCodeError",
    "ModelError",
    "ModelMissing",
    "ModelRefused",
    "ModelUnavailable",
    "NodeError",
    "OptimizerError",
    "OptoError",
    "PlugError",
    "SandboxError",
    "SandboxUnavailable",
    "SourceError",
    "StoreError",
    "TraceError",
    "TraceMissingInputsError",
    "nearest",
]


class OptoError(Exception):
    """The root of everything that this library raises on purpose."""


class TraceError(OptoError):
    """Recording a program or sending feedback through it went wrong."""


class ExecutionError(TraceError):
    """An operation raised while it ran; the failure is an output of the program.

    Args:
        exception_node: the `ExceptionNode` that stands for the failed call. Send
            feedback through it: ``e.exception_node.backward("...")``.
    """

    def __init__(self, exception_node: Any) -> None:
        self.exception_node = exception_node
        # `_data` and not `data`: an error on its way up is no read of the program.
        super().__init__(exception_node._data)

    def __str__(self) -> str:
        return f"\n\n{self.exception_node.info.get('traceback') or self.args[0]}"

    def __reduce__(self) -> tuple[type[OptoError], tuple[str]]:
        # A node does not travel to another process; the words do.
        return OptoError, (str(self),)


class TraceMissingInputsError(TraceError):
    """A bundled function used the value of a node that is not one of its inputs."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class NodeError(TraceError, ValueError):
    """A node was created or used in a way that it does not allow."""


class BundleError(TraceError, ValueError):
    """A function cannot be made into an operation as it was asked."""


class SourceError(BundleError):
    """The source text of a function is needed and cannot be read."""


class BackwardError(TraceError, AttributeError):
    """Feedback cannot be sent back from this node."""


class OptimizerError(OptoError, ValueError):
    """An optimizer was constructed or called with something it cannot use."""


class AnswerError(OptoError, ValueError):
    """A model's answer could not be read or applied."""


class ModelError(OptoError):
    """A language model did not give an answer."""


class ModelUnavailable(ModelError):
    """The model could not be reached, was too busy, or took too long."""


class ModelRefused(ModelError):
    """The provider turned the request down; sending it again will not help."""


class ModelMissing(ModelError, ImportError):
    """No backend, package or weights are there to answer; the message installs them."""


class BudgetExceeded(ModelError):
    """Answering would cost more than the budget that was set."""


class SandboxError(OptoError):
    """Code that a model wrote cannot be run under the policy that was asked for."""


class SandboxUnavailable(SandboxError):
    """The level that was asked for cannot be held here; the message says what failed."""


class ForeignCodeError(SandboxError):
    """Foreign code was stopped, or raised an error of a class that is not there in the host.

    Args:
        message: what happened.
        status: how the call ended: ``"timeout"``, ``"memory"``, ``"error"``, ... (see
            `opto.sandbox.Outcome`).
        error: the name of the class of the error that the code raised, or None.
    """

    def __init__(self, message: str, status: str = "error", error: str | None = None) -> None:
        self.status, self.error = status, error
        super().__init__(message)

    def __reduce__(self) -> tuple[type[ForeignCodeError], tuple[str, str, str | None]]:
        return ForeignCodeError, (str(self), self.status, self.error)


class PlugError(OptoError, ValueError):
    """A part was asked for by a name that nobody registered."""


class StoreError(OptoError, ValueError):
    """A file of saved parameters or records cannot be read or does not fit."""


class ArgumentError(OptoError, TypeError):
    """A keyword argument is not known to the function it was given to."""

    @classmethod
    def unknown(cls, where: str, given: Iterable[str], known: Iterable[str]) -> ArgumentError:
        """The error for keyword arguments that `where` does not take.

        Example:
            >>> str(ArgumentError.unknown("step()", ["verbos"], ["verbose", "mask"]))
            "step() got an unknown keyword argument 'verbos'; did you mean 'verbose'?"
        """
        known = list(known)
        words = "; ".join(f"{name!r}{nearest(name, known)}" for name in given)
        return cls(f"{where} got an unknown keyword argument {words}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause that names the known word closest to `name`, to end a message with.

    Example:
        >>> nearest("lite_llm", ["LiteLLM", "OpenAI"])
        "; did you mean 'LiteLLM'?"
        >>> nearest("zzz", ["LiteLLM", "OpenAI"])
        "; known: 'LiteLLM', 'OpenAI'"
    """
    # lazy: 5 ms to import, and needed only to end a message.
    from difflib import get_close_matches

    names = list(known)
    folded = {n.casefold().replace("_", ""): n for n in names}
    close = get_close_matches(name.casefold().replace("_", ""), folded, n=1)
    if close:
        return f"; did you mean {folded[close[0]]!r}?"
    return f"; known: {', '.join(map(repr, sorted(names)))}" if names else ""
