"""A process that asks a server with many threads, under a budget or a governor of a file.

    python -m tests.support.callers '{"url": ..., "threads": 8, ...}'

It prints a line when it is ready, begins when it reads one, and prints, as JSON, how its
calls ended.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import openai.resources.chat.completions  # noqa: F401 - half a second, before the clock runs

from opto.errors import BudgetExceeded, ModelError, ModelUnavailable
from opto.llm import (
    LLM,
    Budget,
    Budgeted,
    Governed,
    Governor,
    LiteLLM,
    OpenAILLM,
    Price,
    Reply,
)
from opto.llm.retry import Retry

ROOT = Path(__file__).resolve().parents[2]


class StatusError(Exception):
    """An HTTP error as `opto.llm.failures` reads it."""

    def __init__(self, response):
        super().__init__(f"status {response.status}")
        self.status_code = response.status
        self.response = SimpleNamespace(headers=dict(response.headers.items()))


class LightLLM(LLM):
    """A model without a vendor's client, whose milliseconds would be measured otherwise.

    Its layers try again; it does not.
    """

    model_name = "tiny"

    def __init__(self, url, retries):
        self.address = urlsplit(url)
        self.retry = Retry(retries, base_delay=0.02, patience=60.0)

    def answer(self, request):
        body = json.dumps({"model": self.model_name, **request.arguments()})
        try:
            return Reply.read(self._post(body), request.digest)
        except StatusError as error:
            raise ModelUnavailable(str(error)) from error

    def _post(self, body):
        connection = HTTPConnection(self.address.hostname, self.address.port, timeout=20)
        with closing(connection):
            connection.request("POST", f"{self.address.path}/chat/completions", body)
            response = connection.getresponse()
            if response.status >= 400:
                raise StatusError(response)
            return SimpleNamespace(**json.loads(response.read()))


def model_of(job):
    how = {
        "max_retries": job.get("retries", 0),
        "base_delay": 0.02,
        "timeout": job.get("timeout", 20.0),
    }
    if job.get("light"):
        model = LightLLM(job["url"], how["max_retries"])
    elif job.get("client") == "litellm":
        model = LiteLLM("openai/tiny", api_base=job["url"], api_key="none", **how)
    else:
        model = OpenAILLM("tiny", base_url=job["url"], **how)
    if "governor" in job:
        model = Governed(model, Governor(**job["governor"]))
    if "budget" in job:
        price = Price(*job["price"])
        prices = {"tiny": price, "openai/tiny": price}
        model = Budgeted(model, Budget(**job["budget"]), prices=prices)
    return model


def work(job):
    """Ask with all threads until the time is up, the budget is, or the calls are made."""
    model, ends = model_of(job), Counter()
    if job.get("wait"):
        print("ready", flush=True)  # noqa: T201 - read by `start`
        sys.stdin.readline()
    until = time.monotonic() + job.get("seconds", 3600)

    def ask(_):
        for _ in range(job.get("calls", 10**9)):
            if time.monotonic() > until:
                return
            try:
                model("Say something.", max_tokens=job.get("max_tokens", 100))
                ends["answered"] += 1
            except BudgetExceeded:
                ends["exceeded"] += 1
                return
            except ModelError as error:
                ends[type(error).__name__] += 1

    with ThreadPoolExecutor(job["threads"]) as pool:
        list(pool.map(ask, range(job["threads"])))
    return dict(ends)


def start(*jobs):
    """Processes that begin to work on their jobs at the same moment."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.callers", json.dumps(job | {"wait": True})],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for job in jobs
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    return started


def run(job, processes):
    """The sums of how the calls of some processes ended."""
    total = Counter()
    for process in start(*[job] * processes):
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0, out
        total.update(json.loads(out))
    return total


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))  # noqa: T201 - read by `run`
