"""A user's function as an operation: `bundle`, and what it makes of a function."""

from __future__ import annotations

import functools
import inspect
import sys

# Not from `threading`, which takes 2 ms to import.
from _thread import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opto._compat import old_names
from opto._plugs import plug
from opto.errors import (
    ArgumentError,
    BundleError,
    ExecutionError,
    NodeError,
    TraceMissingInputsError,
)
from opto.trace.binding import Binding
from opto.trace.calls import Callee, call, failure
from opto.trace.described import FACE, check_text, described, kind_of
from opto.trace.entry import entry, through
from opto.trace.modules import Module
from opto.trace.nodes import ExceptionNode, Node, ParameterNode, get_op_name
from opto.trace.packing import TakesNodes, to_data
from opto.trace.signature import shape_of
from opto.trace.table import Operation
from opto.trace.tape import UNTRACED, left
from opto.trace.written import Foreign, is_foreign, level_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opto.trace.source import Source

__all__ = [
    "ExceptionNode",
    "ExecutionError",
    "FunModule",
    "TraceMissingInputsError",
    "bundle",
    "to_data",
]

_COMPILING = RLock()

_EVAL = "[eval] Runs the code in __code on the other inputs."


def bundle(
    description: str | None = None,
    traceable_code: bool = False,
    _process_inputs: bool = True,
    trainable: bool = False,
    catch_execution_error: bool = True,
    allow_external_dependencies: bool = False,
    overwrite_python_recursion: bool = False,
    projections: Sequence[Any] | None = None,
    output_name: str | None = None,
    sandbox: Any = None,
    **unknown: Any,
) -> Callable[[Callable[..., Any]], FunModule]:
    """A decorator that records each call of a function as one step.

    Args:
        description: what the function does, for a model to read, beginning with a name
            for the operation in brackets. The function's name and docstring by default.
        traceable_code: the function works on nodes, and the graph inside it is kept.
        _process_inputs: False gives the function its arguments as they are, nodes too.
        trainable: the function's source is a parameter that an optimizer may rewrite.
        catch_execution_error: an exception becomes an output that feedback can be sent
            through, and is raised as `ExecutionError`; False lets it pass.
        allow_external_dependencies: the function may use nodes that it is not given.
        overwrite_python_recursion: calls of the function to itself are not recorded.
        projections: what proposed code is put through (only if trainable).
        output_name: the base name of the results; the operation's name by default.
        sandbox: how code is held that an optimizer wrote or a file held: ``"none"``,
            ``"process"``, ``"isolated"``, ``"auto"`` or an `opto.sandbox.Policy`.
        unknown: refused, with the nearest known name.

    Returns:
        A decorator: takes the function, returns a `FunModule`.

    Raises:
        BundleError: the description has no name in brackets, or there is no function.
        SourceError: it is to be trainable and its source cannot be read.

    Example:
        >>> from opto.trace import bundle, node
        >>> @bundle()
        ... def double(x):
        ...     return 2 * x
        >>> double(node(3)).data
        6
    """
    if unknown:
        raise ArgumentError.unknown("bundle()", unknown, inspect.signature(bundle).parameters)
    check_text(description)
    frame = sys._getframe(1)
    line = frame.f_lineno
    inner = frame.f_locals if trainable and frame.f_locals is not frame.f_globals else {}

    options = (description, traceable_code, _process_inputs, trainable, catch_execution_error)
    more = (allow_external_dependencies, overwrite_python_recursion, projections, output_name)

    def decorate(fun: Callable[..., Any]) -> FunModule:
        return FunModule(fun, *options, *more, sandbox, _scope=dict(inner), _line=line)

    return decorate


class FunModule(Binding, Module, TakesNodes):
    """A bundled function. Made by `bundle`, whose arguments it takes.

    Called, it gives a node; a coroutine of one, if it is a coroutine function. Generators,
    plain or asynchronous, give a stream: a node that gives a node for each item, once.

    Attributes:
        name: the operation's name.
        parameter: the node that holds its source, or None if it is not trainable.
        info: what is known of the function: ``fun``, ``fun_name``, ``doc``,
            ``signature``, ``source``, ``line_number``, ``file``.
    """

    __slots__ = ("__call__",)
    __call__: Callable[..., Any]

    def __init__(
        self,
        fun: Callable[..., Any],
        description: str | None = None,
        traceable_code: bool = False,
        _process_inputs: bool = True,
        trainable: bool = False,
        catch_execution_error: bool = True,
        allow_external_dependencies: bool = False,
        overwrite_python_recursion: bool = False,
        projections: Sequence[Any] | None = None,
        output_name: str | None = None,
        sandbox: Any = None,
        *,
        _scope: Mapping[str, Any] = MappingProxyType({}),
        _line: int | None = None,
    ) -> None:
        self._kind = kind_of(fun)
        fun = fun.__func__ if isinstance(fun, (staticmethod, classmethod)) else fun
        if not callable(fun):
            raise BundleError(f"bundle() decorates functions; {fun!r} cannot be called")
        self._original = fun
        self._said = described(fun, description)
        self._options = (_process_inputs, traceable_code)
        self.trainable = trainable
        self.traceable_code = traceable_code
        self.catch_execution_error = catch_execution_error
        self.allow_external_dependencies = allow_external_dependencies
        self.overwrite_python_recursion: bool = overwrite_python_recursion or trainable
        self.output_name = output_name
        self.sandbox = sandbox if sandbox is None else plug("sandbox.checked")(sandbox)
        self._holds = sandbox is not None
        self._scope, self._line = _scope, _line
        self._source: Source | None = None
        self._info: dict[str, Any] | None = None
        self._self_node: Node[Any] | None = None
        self.__set_name__(None, getattr(fun, "__name__", type(fun).__name__))
        self.parameter: Any = self._code_parameter(projections) if trainable else None
        self._text = self.parameter._data if self.parameter is not None else None
        self._callee = self._callee_of(fun)
        self._guards = self._must_guard()
        functools.update_wrapper(self, fun, assigned=FACE, updated=())
        self._enter()

    def _code_parameter(self, projections: Sequence[Any] | None) -> ParameterNode[str]:
        # lazy: 15 ms to import, and needed only where source text is.
        from opto.trace.source import signature_of

        source = self._read_source()
        code: ParameterNode[str] = ParameterNode(
            source.text,
            name="__code",
            description=f"[ParameterNode] The source of the function {source.name}.",
            constraint=f"The code must begin with:\n{signature_of(source.text)}",
            projections=projections,
        )
        code._more().written = set()
        return code

    def _read_source(self) -> Source:
        if self._source is None:
            # lazy: 15 ms to import, and needed only where source text is.
            from opto.trace.source import source_of

            self._source = source_of(self._original, self._scope, self._line)
        return self._source

    def _must_guard(self) -> bool:
        # What the original is called after each of its recursions would cost every call.
        code = getattr(self._original, "__code__", None)
        may_recurse = code is None or self._attribute in {*code.co_names, *code.co_freevars}
        return self.overwrite_python_recursion and may_recurse

    def _callee_of(self, fun: Callable[..., Any]) -> Callee:
        shape = shape_of(self._original, self._attribute)
        name = "eval" if self.parameter is not None else get_op_name(self._said)
        words = _EVAL if self.parameter is not None else self._said
        keys = shape.names if shape.varargs is None else (*shape.names, f"*{shape.varargs}")
        keys = (*keys, "__code") if self.parameter is not None else keys
        process, traceable = self._options
        return Callee(
            op=Operation(name, fun, keys, words, info_of=self._info_of),
            base=name if self.output_name is None else self.output_name,
            function=fun,
            shape=shape,
            code=self.parameter,
            process=process,
            traceable=traceable,
            catch=self.catch_execution_error,
            external=self.allow_external_dependencies,
            rewritten=None if fun is self._original else shape_of(fun, self._attribute),
            me=self._self_node,
        )

    # -- what is known of the function -------------------------------------------------

    @property
    def name(self) -> str:
        """The operation's name."""
        return get_op_name(self._said)

    @property
    def description(self) -> str:
        """What the function does, tagged with its name."""
        return self._said

    @property
    def fun(self) -> Callable[..., Any]:
        """The Python function: of the code as it is now, if that is a parameter."""
        function = self._current().function
        return getattr(function, "plain", function)

    @property
    def info(self) -> dict[str, Any]:
        """What is known of the function, read when it is first asked for."""
        if self._info is None:
            fun = self._original
            known: dict[str, Any] = {
                "fun": fun,
                "fun_name": getattr(fun, "__qualname__", self._attribute),
                "doc": inspect.getdoc(fun),
                "signature": self._callee.shape.text,
                "source": None,
                "line_number": None,
                "file": None,
            }
            try:
                source = self._read_source()
                known.update(source=source.text, line_number=source.line, file=source.file)
            except BundleError as reason:
                known["no_source"] = str(reason)
            self._info = known
        return self._info

    def _info_of(self, node: Any) -> dict[str, Any]:
        """The `info` of a result."""
        values = [n._data for n in node._args]
        keys = tuple(node.inputs)
        more = node._extras
        # After the arguments stand the code, and what the function looked at beside them.
        last = len(keys) - more.external - (self.parameter is not None)
        split = last if more.positional < 0 else more.positional
        return {
            **self.info,
            **({"fun_name": "eval", "_fun_name": self.name} if self.parameter is not None else {}),
            **({} if (level := level_of(node)) is None else {"sandbox": level}),
            "inputs": {
                "args": values[:split],
                "kwargs": dict(zip(keys[split:last], values[split:last])),  # noqa: B905
            },
            "output": node._data,
            "external_dependencies": list(node._args[len(keys) - more.external :]),
            **({} if more.inner is None else more.inner.told(keys, split)),
        }

    # -- calling -----------------------------------------------------------------------

    def forward(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call the function and record the call; see `opto.trace.calls.call`."""
        return self(*args, **kwargs)

    def _enter(self) -> None:
        """Make ready to be called: anew whenever the code, or what it is bound to, is new."""
        way = through(self._general)
        if not self._guards:
            way = entry(self._callee, self._general, self._self_node, self._text)
        # A slot, which Python finds in C: a method would be one more call in each call.
        self.__call__ = way

    def _general(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call the function in any way and record the call."""
        if self._self_node is not None:
            args = (self._self_node, *args)
        callee = self._callee if self.parameter is None else self._current()
        if not self._guards:
            return call(callee, args, kwargs)
        running = UNTRACED.get()
        if self in running:
            if self._self_node is not None and callee.process:
                args = (self._self_node._data, *args[1:])
            return callee.function(*args, **kwargs)
        if callee.asynchronous:
            return self._guarded(callee, args, kwargs)
        token = UNTRACED.set(running | {self})
        try:
            return call(callee, args, kwargs)
        finally:
            UNTRACED.reset(token)

    async def _guarded(self, callee: Callee, args: tuple[Any, ...], kwargs: Any) -> Any:
        """A call that runs after `_general` is over."""
        token = UNTRACED.set(UNTRACED.get() | {self})
        try:
            return await call(callee, args, kwargs)
        finally:
            left(UNTRACED, token)

    def _current(self) -> Callee:
        """How to call the code as it is now; compiled once for each text."""
        code = self.parameter
        if code is None or code._data is self._text:
            return self._callee
        # One thread at a time: an older text must not take the place of a newer one.
        with _COMPILING:
            # Read once: it may change meanwhile.
            text = code._data
            if text is not self._text:
                fun = self._function_of(code, text)
                # In this order: whoever sees the text, without waiting, gets the function.
                self._callee, self._text = self._callee_of(fun), text
                self._guards = fun is self._original and self._must_guard()
                self._enter()
            return self._callee

    def _function_of(self, code: Any, text: Any) -> Callable[..., Any]:
        """The function that `text` defines; if it defines none, a call has failed."""
        source = self._read_source()
        try:
            return self._defined(code, text, source)
        except Exception as error:
            if not self.catch_execution_error:
                raise
            words = f"[exception] The code in {code.name} does not define a function."
            op = Operation(code.py_name, self._original, ("__code",), words)
            raise failure(op, ("__code",), (code,), error, text=text) from error

    def _defined(self, code: Any, text: Any, source: Source) -> Callable[..., Any]:
        if not isinstance(text, str):
            raise NodeError(
                f"{code.name} must hold the source of {source.name} as text, not "
                f"{type(text).__name__}: {text!r}"
            )
        if text == source.text:
            return self._original
        # lazy: 15 ms to import, and needed only where code was changed.
        from opto.trace.source import define

        like = source.function or self._original
        scope = {**self._scope, **({} if self._owner is None else {"__class__": self._owner})}
        here = functools.partial(define, text, source.name, like, scope, code.py_name)
        if not is_foreign(code):
            return here()
        said = Foreign(
            *(text, source.name, code.py_name, source.text, like, scope, self._owner),
            *(self.sandbox, self.traceable_code or not self._options[0], here),
        )
        made: Callable[..., Any] = plug("sandbox.foreign")(said)
        return made

    def _hold(self, policy: Any) -> None:
        # Unless it was bundled with a policy of its own.
        if not self._holds:
            self.sandbox = policy
            # What was compiled was compiled for the policy of then.
            self._text = None
            self._enter()

    def __repr__(self) -> str:
        return f"<bundled {self.name}{self._callee.shape.text}>"


__getattr__: Callable[[str], Any] = old_names(__name__)
