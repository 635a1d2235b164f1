"""Every operation of the table as a function of nodes or plain values.

``operators.add(x, 1)`` is ``x + 1``, recorded with the names of the arguments. The
functions are made when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opto._plugs import plug
from opto.errors import NodeError, nearest
from opto.trace import calls
from opto.trace.nodes import Node
from opto.trace.packing import TakesNodes
from opto.trace.record import wrapped
from opto.trace.signature import Shape, shape_of
from opto.trace.table import OPERATIONS, Operation
from opto.trace.tape import INTERPRETER

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CallLLM", "OperatorFunction", "call_llm", "identity", *OPERATIONS]  # noqa: PLE0604 - all str


class OperatorFunction(TakesNodes):
    """An operation of the table, to be called with nodes or plain values.

    Args:
        operation: the row.

    Example:
        >>> from opto.trace import operators
        >>> operators.add(1, 2).data
        3
    """

    __slots__ = ("__name__", "operation", "shape")
    parameter = None

    def __init__(self, operation: Operation) -> None:
        self.operation: Operation = operation
        self.shape: Shape = _shape(operation)
        self.__name__: str = operation.name

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.operation.name

    @property
    def description(self) -> str:
        """What it does, tagged with its name."""
        return self.operation.words

    @property
    def info(self) -> dict[str, Any]:
        """What is known of the function."""
        operation = self.operation
        return {"fun": operation.function, "fun_name": operation.name, "doc": operation.words}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the operation to nodes or plain values."""
        keys, values, positional = self.shape.bind(args, kwargs)
        nodes = tuple(
            v if isinstance(v, Node) else wrapped(v, self.shape.base_of(k, v))
            for k, v in zip(keys, values)  # noqa: B905 - bind gives one key for each
        )
        # The functions behind the rows take what they name by position.
        split = len(nodes) if not self.shape.varkw else positional
        named = dict(zip(keys[split:], nodes[split:]))  # noqa: B905
        return INTERPRETER.get().apply(self.operation, nodes[:split], named)

    def __repr__(self) -> str:
        return f"<operator {self.operation.words}>"

    def __reduce__(self) -> Any:
        return _operator, (self.operation.name,)


def _shape(operation: Operation) -> Shape:
    names = tuple(key for key in operation.keys if not key.startswith("*"))
    starred = [key for key in operation.keys if key.startswith("*") and key[1] != "*"]
    varkw = any(key.startswith("**") for key in operation.keys)
    return Shape(
        name=operation.name,
        names=names,
        defaults=operation.defaults,
        positional_only=len(names) if varkw else 0,
        keywords=(),
        varargs=starred[0][1:] if starred else None,
        varkw=varkw,
        plain=-1,
        text=f"({', '.join(operation.keys)})",
    )


def _operator(name: str) -> OperatorFunction:
    if name not in OPERATIONS:
        raise AttributeError(
            f"opto.trace.operators has no operator {name!r}{nearest(name, OPERATIONS)}"
        )
    made = globals()[name] = OperatorFunction(OPERATIONS[name])
    return made


def __getattr__(name: str) -> OperatorFunction:
    return _operator(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *OPERATIONS})


def identity(x: Any) -> Any:
    """A copy of `x`, as a node computed from it.

    Example:
        >>> identity(3).data
        3
    """
    return _operator("clone")(x)


class CallLLM(TakesNodes):
    """What a language model answers, as a node: the operator `call_llm`.

    Call it with ``(llm, system_prompt, *user_prompts)``, or ``(system_prompt,
    *user_prompts)`` for the default model. Prompts are nodes or text; each user prompt is
    a message of its own; a system prompt of None is left out. Keyword arguments, such as
    ``max_tokens=100``, are given to the model.

    Raises:
        NodeError: there is no prompt.
        Exception: what the model raises, as it is.

    Example:
        >>> from opto.llm import DummyLLM
        >>> echo = DummyLLM(lambda messages, **_: messages[-1]["content"].upper())
        >>> call_llm(echo, "Shout.", "hello").data
        'HELLO'
    """

    __slots__ = ()
    parameter = None
    name = "call_llm"
    description = "[call_llm] The answer of a language model to the prompts."

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Ask a model and record the call."""
        if not args:
            raise NodeError("call_llm() needs a system prompt (or None), then user prompts")
        first = args[0]._data if isinstance(args[0], Node) else args[0]
        if first is None or isinstance(first, str):
            return calls.call(self._asking(plug("llm.default")()), args, kwargs)
        return calls.call(self._asking(first), args[1:], kwargs)

    def _asking(self, llm: Callable[..., Any]) -> calls.Callee:
        def ask(system_prompt: Any, *user_prompts: Any, **options: Any) -> Any:
            messages = [{"role": "user", "content": prompt} for prompt in user_prompts]
            if system_prompt is not None:
                messages.insert(0, {"role": "system", "content": system_prompt})
            return llm(messages=messages, **options).choices[0].message.content

        keys = ("system_prompt", "*user_prompts", "**options")
        op = Operation(self.name, ask, keys, self.description)
        return calls.Callee(op, self.name, ask, shape_of(ask, self.name), catch=False)


call_llm: CallLLM = CallLLM()
