"""A forward pass in another process, as a part of the graph here.

`submit` runs a function in any executor; what its future gives is what the function would
have returned here, with its graph: a node whose ancestors are the nodes that were given.

Example:
    >>> from concurrent.futures import ThreadPoolExecutor  # as with a ProcessPoolExecutor
    >>> from operator import mul
    >>> from opto.trace import node, submit
    >>> weight = node(2, name="weight", trainable=True)
    >>> with ThreadPoolExecutor() as pool:
    ...     futures = [submit(pool, mul, weight, case) for case in (3, 4)]
    ...     outputs = [future.result() for future in futures]
    >>> for output in outputs:
    ...     output.backward(f"{output.data} is too small")
    >>> [said[0].user_feedback for said in weight.feedback.values()]
    ['6 is too small', '8 is too small']

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
