"""Programs that tests of streams have in common."""

from __future__ import annotations

import asyncio
import warnings

from opto.trace import bundle


def data(items):
    return [item.data for item in items]


@bundle()
def count(n):
    """Counts from zero."""
    yield from range(n)


@bundle()
def echo(first):
    """Gives back what it is sent."""
    got = first
    while got != "stop":
        got = yield got
    return "stopped"


@bundle()
async def ticks(n):
    """Ticks."""
    for i in range(n):
        await asyncio.sleep(0)
        yield i


async def drained(stream):
    """The items of an asynchronous stream."""
    return [item async for item in stream]


def run(program):
    """What an asynchronous program gives; nothing may be left that was not awaited."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return asyncio.run(program)
