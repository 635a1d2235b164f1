"""The real model, where its weights are in the cache. Nothing here downloads anything.

What a model says is never asserted, only that it answers and keeps to the form.
"""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys

import pytest

from opto.errors import ModelRefused
from opto.llm import OpenAILLM
from opto.llm.local import MODELS, LocalLLM, find
from opto.llm.local.server import Setup, running, stop

pytestmark = pytest.mark.local_llm


@pytest.fixture(scope="module")
def name():
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    for name in sorted(MODELS, key=lambda name: MODELS[name].size):
        if find(name):
            return name
    pytest.skip("no weights in the cache: `python -m opto quickstart` downloads them")


@pytest.fixture(scope="module")
def llm(name):
    yield LocalLLM(name, context=1024, max_tokens=60, temperature=0.3)
    stop()


def setup_of(llm) -> Setup:
    return Setup(find(llm.model_name).path, llm.model_name, 1, llm.context, 0)


def test_it_answers(llm) -> None:
    reply = llm(messages=[{"role": "user", "content": "Say hello in Spanish."}])
    assert reply.choices[0].message.content.strip()
    assert reply.model == llm.model_name
    assert 0 < reply.usage.completion_tokens <= 60


def test_a_schema_holds_whatever_the_model_would_say(llm) -> None:
    schema = {
        "type": "object",
        "properties": {"x": {"type": "integer"}, "colour": {"enum": ["teal", "ochre"]}},
        "required": ["x", "colour"],
        "additionalProperties": False,
    }
    shape = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    reply = llm(messages="Tell me a joke about cats.", response_format=shape)
    answer = json.loads(reply.text)
    assert set(answer) == {"x", "colour"}
    assert isinstance(answer["x"], int)
    assert answer["colour"] in {"teal", "ochre"}


def test_a_prompt_that_is_too_long_is_told_in_numbers(llm) -> None:
    with pytest.raises(ModelRefused, match=r"The prompt has \d{4} tokens.*context of 1024"):
        llm(messages="word " * 2000)


def test_instances_share_one_server(llm, name) -> None:
    llm(messages="hi", max_tokens=1)
    assert running(setup_of(llm)) is running(setup_of(LocalLLM(name, context=1024)))


def test_nobody_else_may_ask(llm) -> None:
    llm(messages="hi", max_tokens=1)
    stranger = OpenAILLM(llm.model_name, base_url=running(setup_of(llm)).url, api_key="guess")
    with pytest.raises(ModelRefused, match="key"):
        stranger(messages="hi")


def test_it_starts_again_after_a_stop(llm) -> None:
    llm(messages="hi", max_tokens=1)
    stop()
    assert llm(messages="hi", max_tokens=2).text


def _ask(llm, answers) -> None:
    answers.put(llm(messages="hi", max_tokens=2).text)


def test_a_spawned_process_has_a_server_of_its_own(llm) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    child = context.Process(target=_ask, args=(llm, answers))
    child.start()
    assert answers.get(timeout=120)
    child.join()
    assert child.exitcode == 0


def test_a_program_ends_by_itself_and_prints_nothing_of_its_own(llm) -> None:
    program = (
        "from opto.llm import LLM\n"
        f"llm = LLM({llm.model_name!r}, backend='Local', context=512)\n"
        "assert llm(messages='hi', max_tokens=2).text\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=120, check=True
    )
    assert done.stdout == b""
    assert done.stderr == b""
