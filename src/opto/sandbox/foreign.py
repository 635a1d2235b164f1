"""Foreign code in the place of a trainable function: each call is held by the policy in force.

`foreign` is what the tracer asks for when a code parameter holds what the user did not write.
It gives a function with the face of an ordinary one, whose calls run in a worker.
"""

from __future__ import annotations
import __future__

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opto.errors import SandboxError
from opto.sandbox.analysis import facts_of
from opto.sandbox.asking import Asked
from opto.sandbox.engine import engine_for
from opto.sandbox.names import Place, names_of
from opto.sandbox.nesting import nested
from opto.sandbox.policy import LEVELS, Level, Policy, policy_here
from opto.sandbox.raised import error_of
from opto.sandbox.selfview import view_of
from opto.sandbox.standing import with_standins
from opto.sandbox.task import Names, SelfView, Task
from opto.trace.modules import SANDBOX
from opto.trace.syntax import definition_in, last_bundle, starts_at, tree_of
from opto.trace.written import Answered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opto.sandbox.outcome import Outcome
    from opto.trace.nodes import Node
    from opto.trace.written import Foreign

__all__ = ["checked", "foreign"]

_FUTURES = {feature: getattr(__future__, feature) for feature in __future__.all_feature_names}
_FLAGS = sum(feature.compiler_flag for feature in _FUTURES.values())
# How a generator ends that never does, and why it has to.
_UNENDED = frozenset(("timeout", "limit", "memory"))
_TO_ITS_END = "a generator runs to its end in the sandbox, before its first item is given"
_ANNOTATIONS = __future__.annotations.compiler_flag


def checked(policy: Any) -> Policy | Level:
    """`policy`, if it is one.

    Raises:
        SandboxError: it is neither a policy nor the name of a level.

    Example:
        >>> checked("isolated")
        'isolated'
    """
    if isinstance(policy, Policy):
        return policy
    if not isinstance(policy, str):
        levels = ", ".join(map(repr, LEVELS))
        raise SandboxError(f"sandbox= takes a Policy or one of {levels}, not {policy!r}")
    return Policy(level=policy).level  # type: ignore[arg-type] # it raises for what is none


def foreign(said: Foreign) -> Callable[..., Any]:
    """The function that foreign code defines, with each of its calls held by the policy.

    Args:
        said: the code, and the place where it is to run.

    Returns:
        A function whose calls give `Answered`; a coroutine function, or one that returns
        generators, where the code defines such. ``plain`` of it gives plain values.

    Raises:
        SyntaxError: the code is no Python.
        SourceError: it does not define the function.
        SandboxError: it is too long or too deep to be read.
    """
    if said.policy is not None and policy_here(said.policy).level == "none":
        # Nothing but the environment could make that stricter: no call need ask again.
        made = said.define()
        made.__foreign__ = "none"  # type: ignore[attr-defined]
        return made
    return _Runner(said).function()


class _Runner:
    """Runs one version of a function, call by call."""

    def __init__(self, said: Foreign) -> None:
        self.said = said
        self.place = Place.of(said.like, said.scope)
        self.text, self.facts = said.text, facts_of(said.text, said.name)
        if self.facts.decorated:
            self.text = _without_bundle(said, self.place)
            self.facts = facts_of(self.text, said.name)
        self._here: Callable[..., Any] | None = None

    def function(self) -> Callable[..., Any]:
        """The function in the tracer's eyes."""
        made, plain = self._forms()
        made.__name__ = made.__qualname__ = self.said.name
        made.plain = plain
        made.level = self.level
        made.__foreign__ = "held"
        if self.facts.signature is not None:
            made.__signature__ = plain.__signature__ = self.facts.signature
        function: Callable[..., Any] = made
        return function

    def _forms(self) -> tuple[Any, Any]:
        """What is called by the tracer, and the same with plain results."""
        if self.facts.kind == "coroutine":

            async def awaited(*args: Any, **kwargs: Any) -> Any:
                return await self.awaited(args, kwargs)

            async def value_of(*args: Any, **kwargs: Any) -> Any:
                return (await self.awaited(args, kwargs)).value

            return awaited, value_of
        if self.facts.kind == "function":
            return (
                lambda *args, **kwargs: self.answer(args, kwargs),
                lambda *args, **kwargs: self.answer(args, kwargs).value,
            )
        drawn = self._async_items if self.facts.kind == "async generator" else self._items

        def items(*args: Any, **kwargs: Any) -> Any:
            here = self.policy(args).level == "none"
            return self.here()(*args, **kwargs) if here else drawn(args, kwargs)

        return items, items

    def here(self) -> Callable[..., Any]:
        """The function as it would run in this process."""
        if self._here is None:
            self._here = self.said.define()
        return self._here

    def policy(self, args: Sequence[Any] = ()) -> Policy:
        """The policy in force: the function's own, the object's, or that around it."""
        own = self.said.policy
        if own is None and self._is_method(args):
            around = getattr(args[0], "__dict__", {}).get(SANDBOX)
            own = None if around is None else around.policy
        return policy_here(own)

    def level(self, args: Sequence[Any] = ()) -> str:
        """How strong the wall is, here and now; how strong it was to be, where there is none."""
        policy = self.policy(args)
        if policy.level == "none":
            return "none"
        try:
            return engine_for(policy).start(policy).level
        except SandboxError:
            return policy.level

    def answer(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Answered:
        """What a call returns.

        Raises:
            Exception: what the code raised, or why it was stopped.
        """
        policy = self.policy(args)
        if policy.level == "none":
            return Answered(self.here()(*args, **kwargs), "none")
        asked = Asked()
        task = self.task(args, kwargs, policy, asked)
        with nested(policy) as held:
            outcome = engine_for(held).call(task, held)
        return self._answered(outcome, asked)

    async def awaited(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Answered:
        """The same, where it has to be awaited."""
        policy = self.policy(args)
        if policy.level == "none":
            return Answered(await self.here()(*args, **kwargs), "none")
        asked = Asked()
        task = self.task(args, kwargs, policy, asked)
        with nested(policy) as held:
            outcome = await engine_for(held).call_async(task, held)
        return self._answered(outcome, asked)

    def _items(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[Any]:
        done = self.answer(args, kwargs)
        for node in done.asked:
            _ = node.data
        for item in done.value:
            if (yield item) is not None:
                raise SandboxError(f"{self.said.name} runs in the sandbox: it cannot be sent to")

    async def _async_items(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        done = await self.awaited(args, kwargs)
        for node in done.asked:
            _ = node.data
        for item in done.value:
            if (yield item) is not None:
                raise SandboxError(f"{self.said.name} runs in the sandbox: it cannot be sent to")

    def _answered(self, outcome: Outcome, asked: Asked) -> Answered:
        if outcome.printed:
            # What it printed is printed, as if it had run here; the engine has cleaned it.
            sys.stdout.write(outcome.printed)
        if outcome.status in _UNENDED and "generator" in self.facts.kind:
            outcome = replace(outcome, message=f"{outcome.message}; {_TO_ITS_END}")
        if not outcome.ok:
            raise error_of(outcome, self.text, self.said.name, asked) from asked.failure
        drawn = self._is_drawn(outcome)
        value = (item for item in outcome.value) if drawn else outcome.value
        return Answered(value, outcome.level, tuple(asked.nodes))

    def _is_drawn(self, outcome: Outcome) -> bool:
        # A function that is no generator by its text may still return one.
        return outcome.drawn and self.facts.kind in {"function", "coroutine"}

    def task(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Policy, asked: Asked
    ) -> Task:
        """The call as data.

        Raises:
            SandboxError: the code needs something that cannot go into the sandbox.
        """
        said = self.said
        if said.takes_nodes:
            raise SandboxError(
                f"{said.name} works on nodes (traceable_code=True, or _process_inputs=False), "
                f"which stay in your program. Let it work on values; grant a function of your "
                f"program by bundle(sandbox=sandbox.Policy(host={{...}})); or run its code in your "
                f'program by sandbox="none", if you trust it'
            )
        view: SelfView | None = None
        methods: dict[str, str] = {}
        seen: list[Node[Any]] = []

        def see(offer: Any) -> None:
            nonlocal view, methods, seen
            original = facts_of(said.original, said.name)
            own = (said.name, said.like)
            view, methods, seen = view_of(args[0], self.facts, original, own, offer)

        is_method = self._is_method(args)
        names, standins, nodes = names_of(
            *(self.text, said.name, said.like, said.scope),
            policy=policy,
            original=said.original,
            see=see if is_method else None,
        )
        asked.nodes += [*nodes, *seen]
        text, name, sources = with_standins(self.text, said.name, names.sources, standins, methods)
        return Task(
            text=text,
            name=name,
            args=args[1:] if is_method else args,
            kwargs=kwargs,
            names=Names(
                modules=names.modules,
                values=names.values,
                sources=sources,
                host=asked.answering(names.host, standins),
                self_view=None if view is None else asked.seen(view, methods),
            ),
            label=f"<{said.label} of {said.name}>",
            flags=(self.place.flags & _FLAGS) | _ANNOTATIONS,
        )

    def _is_method(self, args: Sequence[Any]) -> bool:
        owner = self.said.owner
        if owner is None or not args:
            return False
        me = args[0]
        return issubclass(me, owner) if isinstance(me, type) else isinstance(me, owner)


def _without_bundle(said: Foreign, place: Place) -> str:
    """The code without a ``bundle`` decorator, and with all lines where they were."""
    tree = tree_of(said.text)
    found = definition_in(tree, said.name)
    scope = {**said.scope, **({} if place.function is None else place.function.__globals__)}
    last = last_bundle(found, scope)
    if last < 0:
        return said.text
    lines = said.text.split("\n")
    below = found.decorator_list[last + 1 :]
    end = below[0].lineno if below else found.lineno
    first = starts_at(found)
    lines[first - 1 : end - 1] = [""] * (end - first)
    return "\n".join(lines)
