"""One small job, worked on by OptoPrime of whichever `opto` this environment has.

Usage: python -m benchmarks.attempt ours|original JOB SEED

The model is a server that speaks OpenAI's chat API; where it is, comes in the environment
(`SERVER`). Prints what came of it as one line of JSON: program, loop and model are the same on
both sides, and only the optimizer and its client are not.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import warnings
from importlib import import_module
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any

from benchmarks.sides import StandIn

if TYPE_CHECKING:
    from collections.abc import Callable

# The original's own names of where a server is.
SERVER = ("TRACE_CUSTOMLLM_URL", "TRACE_CUSTOMLLM_API_KEY", "TRACE_CUSTOMLLM_MODEL")
MEMORY = 4 << 30  # bytes, with what code of a model may use


class SpentError(Exception):
    """All questions are asked."""


class Asked:
    """Counts questions and tokens, and keeps the answers.

    Args:
        model: whom the questions are put to.
        most: how many there may be.
    """

    def __init__(self, model: Callable[..., Any], most: int) -> None:
        self.model = model
        self.most = most
        self.answers: list[str | None] = []
        self.tokens = [0, 0]

    @property
    def spent(self) -> bool:
        return len(self.answers) >= self.most

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.spent:
            raise SpentError
        # Counted before it is answered: what the server refuses was asked, too.
        self.answers.append(None)
        reply = self.model(*args, **kwargs)
        self.answers[-1] = reply.choices[0].message.content
        self.tokens[0] += reply.usage.prompt_tokens
        self.tokens[1] += reply.usage.completion_tokens
        return reply


def ours(most: int) -> tuple[Asked, Any]:
    """The server behind our client, as `LocalLLM` has it."""
    llm = import_module("opto.llm")
    url, key, model = (os.environ[name] for name in SERVER)
    client = llm.OpenAILLM(model, base_url=url, api_key=key, timeout=None, max_retries=0)
    asked = Asked(client.answer, most)

    class Counted(llm.LLM):
        enforces_schema = True

        def answer(self, request):
            return asked(request)

    return asked, Counted()


def original(most: int) -> tuple[Asked, Any]:
    """The server behind the original's client for servers of one's own."""
    sys.modules["litellm"] = StandIn("litellm")
    os.environ["TRACE_DEFAULT_LLM_BACKEND"] = "CustomLLM"
    asked = Asked(import_module("opto.utils.llm").CustomLLM(), most)
    return asked, asked


SIDES = {"ours": ours, "original": original}


def attempt(side: str, name: str, seed: int) -> dict[str, Any]:
    """Work on a job until it is solved or all questions are asked; what came of it."""
    jobs = import_module("benchmarks.smalljobs").JOBS
    job, random = jobs[name], Random(seed)  # noqa: S311 - it draws examples, not secrets
    asked, llm = SIDES[side](job.calls)
    optimizers = import_module("opto.optimizers")
    task = job.make(random)
    optimizer = optimizers.OptoPrime(task.parameters, llm=llm, max_tokens=job.tokens)
    began, steps, unchanged, errors = monotonic(), 0, 0, []
    judged = task.judged()
    while not judged.solved and not asked.spent:
        before = [p.data for p in task.parameters]
        optimizer.zero_feedback()
        optimizer.backward(judged.output, judged.feedback)
        try:
            optimizer.step()
        except SpentError:
            pass
        except Exception as error:  # noqa: BLE001 - a step that fails is one that changes nothing
            errors.append(f"{type(error).__name__}: {error}"[:300])
        steps += 1
        unchanged += before == [p.data for p in task.parameters]
        judged = task.judged()
    return {
        "side": side,
        "job": name,
        "seed": seed,
        "solved": judged.solved,
        "calls": len(asked.answers),
        "steps": steps,
        "unchanged": unchanged,
        "seconds": round(monotonic() - began, 1),
        "tokens": asked.tokens,
        "errors": errors,
        "answers": asked.answers,
    }


def main(side: str, name: str, seed: str) -> None:
    """Print what came of one job."""
    # The answer goes out on a line of its own, whatever a library or a model's code prints.
    answers, sys.stdout = sys.stdout, sys.stderr
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    print(json.dumps(attempt(side, name, int(seed))), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
