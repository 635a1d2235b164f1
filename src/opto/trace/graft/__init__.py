"""A forward pass in another process, as a part of the graph here.

`submit` runs a function in any executor; what its future gives is what the function would
have returned here: a node whose ancestors are the nodes that were given::

    with ProcessPoolExecutor() as pool:
        futures = [submit(pool, agent, question) for question in questions]
        for future, answer in zip(futures, answers):
            output = future.result()
            output.backward("correct" if output.eq(answer) else "wrong")
    optimizer.step()

In asynchronous programs: ``await asyncio.wrap_future(submit(pool, agent, question))``.
For a transport of your own (HTTP, MPI, a queue), a `Call` has bytes to be sent, `perform`
runs them there, and `Call.result` takes the reply; ``loop.run_in_executor(pool, perform,
call.payload)`` is one. Where the other side answers in JSON, `graft` makes nodes of the
`Graph` that it took.

What holds: functions and classes travel by name, all else by value. A parameter that is
used there is the one here, at its value of the moment of sending, whether it was given,
lies in what was given, or is used by the name of a module. What is changed there in place
stays there.
"""

from opto.trace.graft.call import Call, submit
from opto.trace.graft.grow import graft
from opto.trace.graft.reply import Reply
from opto.trace.graft.run import perform

__all__ = ["Call", "Reply", "graft", "perform", "submit"]
