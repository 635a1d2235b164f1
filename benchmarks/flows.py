"""Programs for the soak: each pass traces, sends feedback back, and checks all that it made.

Every flow of control has a parameter of its own, on which everything must be exactly as
if it were alone; and all share the parameters of `Shared`, which change while they run.
"""

from __future__ import annotations

import asyncio
from typing import Any

from opto.errors import ExecutionError
from opto.trace import bundle, node, stop_tracing
from opto.trace.graph import Graph
from opto.trace.tape import name_scope

VERSIONS = 1_000_000  # the code adds its version to this many times its argument
OFFSET = 7


class WrongError(Exception):
    """The library answered wrongly."""


def check(what: str, found: object, expected: object) -> None:
    """Stop the soak unless the two are equal."""
    if found != expected:
        raise WrongError(f"{what}: {found!r}, where {expected!r} is right")


@bundle()
def combined(a, b):
    """The sum."""
    return a + b


@bundle()
def fragile(a):
    """Takes no number."""
    raise ValueError(a)


@bundle()
async def later(a, b):
    """The sum, after the others had their turn."""
    await asyncio.sleep(0)
    return a + b


@bundle(traceable_code=True)
def countdown(n):
    """As many calls inside each other."""
    return countdown(n - 1) + 1 if n > 0 else n


@bundle()
def parts(a):
    """Three numbers, one after the other."""
    for i in range(3):
        yield a + i


@bundle()
async def parts_later(a):
    """The same, each after the others had their turn."""
    for i in range(3):
        await asyncio.sleep(0)
        yield a + i


class Agent:
    """A traced class, with a method of its instances."""

    def __init__(self, bias: int) -> None:
        self.bias = bias

    @bundle()
    def act(self, a):
        """Adds what this instance adds."""
        return a + self.bias


class Shared:
    """The parameters that all flows use, and the code that one of them keeps changing."""

    def __init__(self) -> None:
        @bundle(trainable=True)
        def rule(a):
            """Says which version of the code ran."""
            return a * 1_000_000 + 0

        self.rule = rule
        self.offset = node(OFFSET, name="offset", trainable=True)
        self.tally = node(0, name="tally", trainable=True)
        self.votes: list[str] = []
        self.settled = self.newest = 0
        self._text = rule.parameter.data

    def rewrite(self) -> None:
        """Put the next version of the code in place; one flow does this."""
        self.newest += 1
        self.rule.parameter._data = self._text.replace("+ 0", f"+ {self.newest}")
        self.settled = self.newest

    def zero(self) -> None:
        """What an optimizer does between steps."""
        self.rule.parameter.zero_feedback()
        self.offset.zero_feedback()

    def forget(self) -> None:
        """What is zeroed at the end: also the votes that nobody counts any more."""
        self.zero()
        self.tally.zero_feedback()

    def take_tally(self) -> None:
        """Whether all threads that sent feedback on one parameter at once were heard."""
        said = [graph for graphs in self.tally.feedback.values() for graph in graphs]
        check("votes heard", sorted(str(g.user_feedback) for g in said), sorted(self.votes))
        self.tally.zero_feedback()
        self.votes.clear()


class Flow:
    """One flow of control: a number, a parameter of its own, and passes over the program.

    Args:
        number: which flow.
        shared: what it shares with the others.
    """

    def __init__(self, number: int, shared: Shared) -> None:
        self.number, self.shared = number, shared
        self.own = node(number, name=f"own{number}", trainable=True)
        self.all = {self.own, shared.offset, shared.rule.parameter}
        self.passes = 0

    def once(self) -> None:
        """One pass, in a thread."""
        with name_scope(f"flow{self.number}"):
            total = combined(self._ruled(), self.own) + self.shared.offset
            self._finish(total)
            self._method()
            self._failure()
            self._recursion()
            self._streamed(list(parts(self.own)))
        self._evaluation()
        self._items()
        self.passes += 1

    async def once_async(self) -> None:
        """One pass, in a task, with other tasks in the middle of everything."""
        with name_scope(f"flow{self.number}"):
            one, two = await asyncio.gather(
                later(self._ruled(), self.own), later(self.own, self.shared.offset)
            )
            check("a gathered sum", two.data, self.number + OFFSET)
            self._finish(one + self.shared.offset)
            await asyncio.sleep(0)
            check("the parameters of a task", two.parameter_dependencies, self.all_but_code())
            self._streamed([item async for item in parts_later(self.own)])
        with stop_tracing():
            alone = await later(self.own, 1)
        check("parents of what was not traced", alone.parents, [])
        self.passes += 1

    def vote(self) -> None:
        """Send feedback on a parameter that other threads send feedback on, too."""
        words = f"vote of {self.number}"
        self.shared.votes.append(words)
        (self.shared.tally + self.number).backward(words)

    def all_but_code(self) -> set[Any]:
        """The parameters of what did not run the shared code."""
        return self.all - {self.shared.rule.parameter}

    def _ruled(self) -> Any:
        """A call of the shared code, which ran in a version that it had during the call."""
        least = self.shared.settled
        ruled = self.shared.rule(node(self.passes, name="x"))
        x, version = divmod(ruled.data, VERSIONS)
        check("the argument that the code got", x, self.passes)
        if not least <= version <= self.shared.newest:
            raise WrongError(f"version {version} of the code ran, which was {least} or later")
        self._version = version
        return ruled

    def _finish(self, total: Any) -> None:
        """Check a sum of all parameters, its graph, and the feedback that it sends."""
        expected = self.passes * VERSIONS + self._version + self.number + OFFSET
        check("a sum", total.data, expected)
        check("its scope", total.name.split("/")[0], f"flow{self.number}")
        check("its parameters", total.parameter_dependencies, self.all)
        names = [step.name for step in Graph.of(total).steps]
        check("the names of its graph", len(set(names)), len(names))
        self._heard(total, f"flow {self.number}, pass {self.passes}")

    def _heard(self, output: Any, words: str) -> None:
        """Send feedback; this flow's parameter hears it once, with the right graph."""
        output.backward(words)
        said = [graph for graphs in self.own.feedback.values() for graph in graphs]
        check("how often it was said", len(said), 1)
        check("what was said", str(said[0].user_feedback), words)
        nodes = set(said[0].nodes)
        check("that the output is in the graph", output in nodes, True)
        parameters = {n for n in nodes if n.kind == "parameter"}
        check("parameters of other flows in the graph", parameters - self.all, set())
        self.own.zero_feedback()

    def _method(self) -> None:
        """A new instance, and its first call."""
        check("a method", Agent(self.number).act(self.own).data, 2 * self.number)

    def _failure(self) -> None:
        """A failed call is an output that feedback goes back through."""
        try:
            fragile(self.own + 1)
        except ExecutionError as error:
            check("a failure", error.exception_node.data, f"(ValueError) {self.number + 1}")
            self._heard(error.exception_node, f"flow {self.number} failed")
        else:
            raise WrongError("a call that had to fail did not")

    def _recursion(self) -> None:
        """A bundle that calls itself."""
        depth = countdown(self.own * 0 + 3)
        check("a recursive bundle", depth.data, 3)
        check("its parameters", depth.parameter_dependencies, {self.own})

    def _streamed(self, items: list[Any]) -> None:
        """The items of a generator, or an async one."""
        check("a stream", [i.data for i in items], [self.number + i for i in range(3)])
        for item in items:
            check("the parameters of an item", item.parameter_dependencies, {self.own})

    def _evaluation(self) -> None:
        """A pass that is only looked at leaves nothing behind."""
        with stop_tracing():
            value = combined(self.own, self.shared.offset)
        check("an evaluation", (value.data, value.parents), (self.number + OFFSET, []))

    def _items(self) -> None:
        """Iterating yields nodes that know where they are from."""
        items = list(node([self.number, 1, 2]))
        check("the items of a list", [i.data for i in items], [self.number, 1, 2])
