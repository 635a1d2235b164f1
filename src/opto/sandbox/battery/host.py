"""The watched host: a program with secrets that runs one foreign text after another.

It reads orders from its standard input and answers on a descriptor of its own, one line each. What
it sees of itself it tells; what must be seen from outside, `yard` sees.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from opto.sandbox.battery import state
from opto.sandbox.engine import engine_for
from opto.sandbox.policy import Policy
from opto.sandbox.task import Names, Task

__all__ = ["grade", "helper", "main"]

HOST_SECRET = ""  # filled by `main`: foreign code must not find it
shared_list: list[int] = [1, 2, 3]

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_SUBREAPER = 36
_HOST_CALLS = 50
_MUCH = 200 << 20  # bytes by which one call may make the host grow
_LONG_TEXT = 8 << 10
_LONG_USE = 2.0  # s that it may take to use a returned value
_CALLS: list[Any] = []


def grade(value: Any) -> float:
    """A grader that foreign code would like to replace."""
    return 1.0 if value == "the right answer" else 0.0


def helper(argument: Any) -> str:
    """The function that foreign code may call; it knows a secret, and tells it in an error."""
    _CALLS.append(type(argument))
    if argument == "raise":
        raise RuntimeError(f"refused with {HOST_SECRET}")
    return f"answer to {argument}"


def main() -> None:
    """Do what the orders say until there are no more."""
    global HOST_SECRET  # noqa: PLW0603 - a secret lies in a global of the program, as they do
    _adopt()
    first = json.loads(sys.stdin.readline())
    HOST_SECRET = first["memory_secret"]
    with os.fdopen(int(sys.argv[1]), "w") as answers:
        policy = Policy(**first["policy"], host={"helper": helper}, host_calls=_HOST_CALLS)
        _warm_up(policy)
        answers.write(json.dumps({"level": engine_for(policy).start(policy).level}) + "\n")
        answers.flush()
        for line in sys.stdin:
            order = json.loads(line)
            did = _expected if "wanted" in order else _watched
            answers.write(json.dumps(did(order, policy)) + "\n")
            answers.flush()


def _adopt() -> None:
    """Be the parent of all that loses its own below, so that it is seen who is left."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def _warm_up(policy: Policy) -> None:
    # Each kind of worker that a text may need is there before the processes are counted.
    for text in ("def f(x):\n    return x", "import numpy\ndef f(x):\n    return x"):
        _run(text, 1, policy)


def _run(text: str, argument: Any, policy: Policy) -> Any:
    names = Names(values={"shared_list": shared_list}, host={"helper": helper})
    return engine_for(policy).call(Task(text, "f", (argument,), names=names), policy)


def _expected(order: dict[str, Any], policy: Policy) -> dict[str, Any]:
    """An ordinary function: is the answer exactly what it must be?"""
    wanted = eval(order["wanted"], {"__builtins__": {"set": set}})  # noqa: S307 - our own literal
    argument = eval(order["argument"], {"__builtins__": {"set": set}})  # noqa: S307 - as above
    outcome = _run(order["text"], argument, policy)
    exact = outcome.ok and repr(outcome.value) == repr(wanted)
    return {"flags": [] if exact else [f"wrong: {outcome.sentence} {outcome.value!r}"[:400]]}


def _watched(order: dict[str, Any], policy: Policy) -> dict[str, Any]:
    """An attack: what did it do to this process?"""
    x = order["x"]
    os.environ["HOSTILE_MARKER"] = x["marker"]
    _CALLS.clear()
    kept, before = json.dumps(x), state.picture()
    with contextlib.suppress(OSError):
        state.reset_peak()
    memory = state.memory_peak()
    start = time.monotonic()
    outcome = _run(order["text"], x, policy)
    took = time.monotonic() - start
    flags = [f"state: {name}" for name in state.changes(before)]
    flags += _unlike_data(outcome.value)
    flags += _use(outcome.value)
    if json.dumps(x) != kept or shared_list != [1, 2, 3]:
        flags.append("state: arguments")
    if grade("wrong answer") != 0.0 or grade.__name__ != "grade":
        flags.append("state: grader")
    if took > policy.total + 2:
        flags.append(f"late: {took:.1f} s")
    if len(_CALLS) > _HOST_CALLS or set(_CALLS) - {str}:
        flags.append(f"host called {len(_CALLS)} times with {set(_CALLS)}"[:100])
    if state.memory_peak() - memory > _MUCH:
        flags.append(f"memory: {state.memory_peak() >> 20} MB")
    if isinstance(outcome.value, str) and outcome.value.startswith("REACHED"):
        flags.append(f"reached: {outcome.value[:60]}")
    said = f"{outcome.message}{outcome.printed}{outcome.error}"
    if len(outcome.message) > _LONG_TEXT or len(outcome.printed) > 2 * policy.output:
        flags.append("text: too long")
    sys.audit("opto.probe")  # a spy that was left in this process would act now
    honest = _run("def f(x):\n    return x + 1", 41, policy)
    if honest.value != 42:
        flags.append(f"next call: {honest.sentence}"[:200])
    told = _cut(outcome.value)
    secrets = [secret for secret in order["secrets"] if secret in said or secret in told]
    flags += ["secret leaked"] * bool(secrets)
    return {
        "flags": flags,
        "status": outcome.status,
        "sentence": outcome.sentence[:300],
        "seconds": round(took, 2),
        "at_rest": _at_rest(policy),
    }


def _at_rest(policy: Policy) -> list[tuple[int, int]] | None:
    """Which processes are the engine's own, if it says."""
    own = getattr(engine_for(policy), "at_rest", None)
    return None if own is None else list(own.items())


def _cut(value: Any) -> str:
    try:
        return repr(value)[: 1 << 20]
    except ValueError:  # an integer of very many digits
        return ""


def _unlike_data(value: Any) -> list[str]:
    """Whether there is anything in it but exact plain types, down to the leaves."""
    left, seen = [value], 0
    while left and seen < 200_000:
        seen += 1
        one = left.pop()
        if type(one) in _PLAIN:
            continue
        if type(one) in {list, tuple, set, frozenset}:
            left += one
        elif type(one) is dict:
            left += [*one.keys(), *one.values()]
        elif type(one).__module__ not in {"numpy", "datetime", "decimal", "fractions"}:
            return [f"value: {type(one).__qualname__} is no plain data"[:100]]
    return []


def _use(value: Any) -> list[str]:
    """Do with a value what programs do with values."""
    start = time.monotonic()
    flags = []
    # Of an array it is told for each of its values.
    if type(value) is not float and (value == object()) is True:
        flags.append("value: lies about what it equals")
    if callable(value):
        flags.append("value: can be called")
    _cut(value)
    if isinstance(value, list | tuple):
        with contextlib.suppress(TypeError):
            set(value)
    if isinstance(value, Mapping):
        dict(value)
    took = time.monotonic() - start
    return [*flags, f"value: {took:.1f} s to use it"] if took > _LONG_USE else flags


if __name__ == "__main__":
    # What is imported from here by name is this very module, as in any program.
    sys.modules["opto.sandbox.battery.host"] = sys.modules["__main__"]
    main()
