"""A program that tries to leak what is in its environment, by every way that there is.

Afterwards no secret stands in the journal, logs, exceptions, prints or prompts. The same
program, with the same texts in no variable, shows that each of these ways leads out.
"""

from __future__ import annotations

import json
import logging
import pickle
import traceback
import urllib.parse
import warnings
from dataclasses import dataclass, field

import pytest

import opto
from opto.errors import ModelError
from opto.llm import LiteLLM, OpenAILLM, ReplayLLM, Request
from opto.llm.packages import installed
from opto.llm.redact import _tell
from opto.optimizers import OptoPrime
from opto.store import PostgresJournal, Recorded, SQLiteJournal
from opto.trace import bundle, node
from tests.optimizers.answers import suggests
from tests.support.openai_server import OpenAIServer, Turn, says
from tests.support.postgres import PostgresServer, is_here

pytest.importorskip("openai")

KEY = "Zq8xY2mN4pL6rT0vB3cD5fG7"  # nothing of it looks like a key
VARIABLES = {
    "OPENAI_API_KEY": KEY,
    "MY_DB_PASSWORD": "p(a+s)s*w[o]rd$^|?.9",
    "SERVICE_TOKEN": "tok-77-aaaa",
    "LONG_SERVICE_TOKEN": "tok-77-aaaa-and-more-5678",
    "UNICODE_SECRET": "schlüssel-ß-日本-42",
    "QUOTED_PASSWORD": "quo\"te\\back's1",
    "LINES_SECRET": "first line 1\nsecond line 2",
    "DATABASE_URL": "postgres://app_user1:pg-Pa55word@127.0.0.1/none",
    "SEARCH_URL": "http://127.0.0.1:1/v1?api-key=qq-11-zz-22",
}
SECRETS = (
    *(value for name, value in VARIABLES.items() if not name.endswith("_URL")),
    "pg-Pa55word",
    "qq-11-zz-22",
)
# A short one and a plain word are no secrets: see `opto.llm.environment.is_ordinary`.
ORDINARY = {"PIN_TOKEN": "a1b2", "X_TOKEN": "default", "GITHUB_TOKEN": "none"}
LEAK = " and ".join(SECRETS)
PLAIN = " or ".join(ORDINARY.values())


@dataclass
class Sinks:
    """All places that something got to, by name."""

    texts: dict[str, str] = field(default_factory=dict)

    def take(self, where: str, said: object) -> None:
        text = said if isinstance(said, str) else repr(said)
        self.texts[where] = self.texts.get(where, "") + text

    def leaks(self) -> list[tuple[str, str]]:
        """Which secret stands where, in whatever form."""
        return [
            (where, secret)
            for where, text in self.texts.items()
            for secret in SECRETS
            if any(form in text for form in forms(secret))
        ]


def forms(secret):
    once = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    once |= {repr(secret)[1:-1], repr(secret.encode())[2:-1]}
    return once | {json.dumps(form)[1:-1] for form in once} | {urllib.parse.quote(secret, safe="")}


def echo(asked):
    """A server that says in each answer what it was asked, and by whom."""
    said = f"{asked.headers['authorization']} {LEAK} {json.dumps(dict(asked.body))}"
    prompt = json.dumps(asked.body.get("messages"))
    headers = {"X-Echo": asked.headers["authorization"]}
    if "refuse me" in prompt:
        return Turn(status=401, error={"message": said, "code": said}, headers=headers)
    if "fail me" in prompt:
        return Turn(status=503, error={"message": [said], "detail": {said: said}}, headers=headers)
    if "garble me" in prompt:
        return Turn(error={"message": said}, headers=headers)
    if "x0" in prompt:
        return says(suggests(x0=said), headers=headers)
    return says(said, headers=headers)


@bundle()
def connects(x):
    """Connects to a database that it has no connection to."""
    raise ConnectionError(f"cannot connect with {LEAK}")


def train(model, sinks, path, capsys):
    """Steps of an optimizer, with secrets in values, feedback, and errors of the program."""
    x = node(f"a value with {LEAK}", name="x", trainable=True)
    prompt = node(f"an input with {LEAK}", name="y")
    optimizer = OptoPrime([x], llm=model, memory_size=3, objective=f"Say {PLAIN}, not {LEAK}.")
    for _ in range(2):
        try:
            output = connects(x + prompt)
        except opto.trace.ExecutionError as error:
            output = error.exception_node
        optimizer.zero_feedback()
        optimizer.backward(output, f"It failed with {output.data}; the key is {LEAK}")
        update = optimizer.step(verbose=True)
    optimizer.save(path / "optimizer.json")
    sinks.take("file of the optimizer", (path / "optimizer.json").read_text(encoding="utf-8"))
    sinks.take("log", optimizer.log)
    sinks.take("summary log", optimizer.summary_log)
    sinks.take("pickle of the logs", pickle.dumps([optimizer.log, optimizer.summary_log]))
    sinks.take("update's replies", update.replies)
    sinks.take("prints", capsys.readouterr().out)


def converse(model, sinks):
    """One question with a secret in every part of it."""
    call = {"name": "connect", "arguments": json.dumps({"key": LEAK, "all": json.dumps([LEAK])})}
    messages = [
        {"role": "system", "content": LEAK},
        {"role": "user", "content": [{"type": "text", "text": LEAK}], "name": LEAK[:60]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "1", "content": repr(LEAK)},
    ]
    tool = {"name": "connect", "description": LEAK, "parameters": {"type": "object"}}
    request = Request.of(
        messages,
        user=LEAK,
        stop=[LEAK],
        tools=[{"type": "function", "function": tool}],
        response_format={"type": "json_schema", "json_schema": {"name": "x", "default": LEAK}},
    )
    reply = model.answer(request)
    sinks.take("repr of a request", request)
    sinks.take("repr of a reply", f"{reply!r} {reply} {reply.choices!r}")


def fail(model, sinks):
    """Every kind of failure, and what a program may show of it."""
    for word in ("refuse me", "fail me", "garble me"):
        try:
            model(f"{word}: {LEAK}")
        except ModelError as error:
            told(error, sinks)


def told(error, sinks):
    try:
        raise ValueError("what my program makes of it") from error
    except ValueError as mine:
        sinks.take("traceback", "".join(traceback.format_exception(mine)))
    sinks.take("pickle of an error", pickle.dumps(error))
    while error is not None:
        sinks.take("errors", f"{error} {error!r} {error.args} {vars(error)}")
        error = error.__cause__ or error.__context__


def everything(connect, journal, path, capsys, caplog):
    """Run it all against the server; where what it said got to."""
    sinks = Sinks()
    caplog.set_level(logging.DEBUG, "opto")
    with OpenAIServer(otherwise=echo) as server, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        recording = ReplayLLM(path / "recording.jsonl", connect(server.url))
        for llm in (connect(server.url), Recorded(connect(server.url), journal), recording):
            train(llm, sinks, path, capsys)
            converse(llm, sinks)
            fail(llm, sinks)
        sinks.take("recording", recording.path.read_text(encoding="utf-8"))
        # What a program tells a model by its settings is meant to be sent, and not to be shown.
        sinks.take("repr of a model", connect(server.url, extra_body={"said": LEAK}))
        asked = OpenAILLM("tiny", base_url=server.url)
        asked("hi")
        sinks.take("pickle of a model that was asked", pickle.dumps(asked))
        with opto.run("leaking", journal=journal):
            train(connect(server.url), sinks, path, capsys)
            converse(connect(server.url), sinks)
            fail(connect(server.url), sinks)
        for asked in server.requests:
            sinks.take("prompts", json.dumps(asked.body, ensure_ascii=False))
    sinks.take("the program's log", "".join(
        record.getMessage() + str(record.exc_text) + repr(record.args)
        for record in caplog.records
        if record.name.startswith("opto")
    ))  # fmt: skip
    sinks.take("warnings", "".join(str(warning.message) for warning in warned))
    return sinks


@pytest.fixture(params=["openai", pytest.param("litellm", marks=pytest.mark.litellm)])
def connect(request):
    """Makes a model that asks at an address, with the key of the environment."""
    how = {"max_retries": 1, "base_delay": 0.01}
    if request.param == "openai":
        return lambda url, **more: OpenAILLM("tiny", base_url=url, **how, **more)
    if not installed("litellm"):
        pytest.skip("LiteLLM is not installed")
    how["timeout"] = None  # it may have to be imported first
    return lambda url, **more: LiteLLM("openai/tiny", api_base=url, **how, **more)


@pytest.fixture
def journal(tmp_path):
    made = SQLiteJournal(tmp_path / "journal.sqlite")
    yield made
    made.close()


@pytest.fixture
def _secret(monkeypatch):
    _tell.cache_clear()  # each program says it once
    for name, value in (VARIABLES | ORDINARY).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def _public(monkeypatch):
    """The same texts, and no variable that holds them; but a key is needed."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("opto.llm.environment.environment_secrets", dict)
    monkeypatch.setattr("opto.llm.redact.environment_secrets", dict)
    monkeypatch.setattr("opto.llm.secret.environment_secrets", dict)


def on_disk(path):
    """All bytes of the journal, its log of writes included."""
    files = sorted(path.glob("journal.sqlite*"))
    assert any(file.name.endswith("-wal") for file in files)
    return "".join(file.read_bytes().decode("utf-8", "replace") for file in files)


@pytest.mark.usefixtures("_secret")
def test_no_secret_gets_out(connect, journal, tmp_path, capsys, caplog):
    sinks = everything(connect, journal, tmp_path, capsys, caplog)
    sinks.take("journal", on_disk(tmp_path))
    sinks.take("events", list(journal.events()))
    assert sinks.leaks() == []
    for where in ("prompts", "log", "errors", "journal", "prints", "traceback"):
        assert "***" in sinks.texts[where], where
    assert "a question held the value of the environment variable" in caplog.text
    assert PLAIN in sinks.texts["prompts"]


WAYS = {
    "prompts",
    "log",
    "summary log",
    "prints",
    "file of the optimizer",
    "pickle of the logs",
    "update's replies",
    "repr of a request",
    "repr of a reply",
    "repr of a model",
    "traceback",
    "errors",
    "pickle of an error",
    "journal",
    "events",
    "recording",
}


@pytest.mark.usefixtures("_public")
def test_all_these_ways_lead_out(connect, journal, tmp_path, capsys, caplog):
    """What is no secret of the environment gets everywhere: the test above looks there."""
    sinks = everything(connect, journal, tmp_path, capsys, caplog)
    sinks.take("journal", on_disk(tmp_path))
    sinks.take("events", list(journal.events()))
    assert {where for where, _ in sinks.leaks()} >= WAYS


@pytest.mark.usefixtures("_secret")
@pytest.mark.skipif(not is_here(), reason="PostgreSQL is not on this machine")
def test_no_secret_gets_into_a_database(tmp_path, capsys, caplog):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    pytest.importorskip("psycopg")
    sinks = Sinks()
    with PostgresServer() as server:
        url = server.database()
        journal = PostgresJournal(url)
        try:
            everything(
                lambda url, **more: OpenAILLM("tiny", base_url=url, max_retries=0, **more),
                journal, tmp_path, capsys, caplog,
            )  # fmt: skip
        finally:
            journal.close()
        engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            rows = connection.execute(sqlalchemy.text("SELECT * FROM opto_event")).all()
        engine.dispose()
    assert len(rows) > 10
    sinks.take("rows", rows)
    assert sinks.leaks() == []


@pytest.mark.usefixtures("_secret")
@pytest.mark.parametrize(
    "place", ["user:pg-Pa55word@127.0.0.1:1/v1", "127.0.0.1:1/v1?api-key=qq-11-zz-22"]
)
@pytest.mark.parametrize("kind", ["openai", pytest.param("litellm", marks=pytest.mark.litellm)])
def test_a_key_within_an_address_is_shown_nowhere(kind, place, caplog):
    sinks = Sinks()
    caplog.set_level(logging.DEBUG, "opto")
    how = {"max_retries": 1, "base_delay": 0.01}
    if kind == "openai":
        model = OpenAILLM("tiny", base_url=f"http://{place}", **how)
    else:
        if not installed("litellm"):
            pytest.skip("LiteLLM is not installed")
        model = LiteLLM("openai/tiny", api_base=f"http://{place}", **how)
    with pytest.raises(ModelError) as caught:
        model("hi")
    told(caught.value, sinks)
    sinks.take("repr", model)
    sinks.take("log", caplog.text)
    assert sinks.leaks() == []
