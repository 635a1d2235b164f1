from __future__ import annotations

import pytest

from opto.llm import Governor, OpenAILLM, Reply
from opto.llm.pace import Pace
from opto.llm.signals import Allowance, Signals, seconds_in
from tests.support.openai_server import says

HEADERS = {
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "1m0.5s",
    "x-ratelimit-limit-tokens": "much",
}


def test_headers_of_an_answer_are_read(server):
    server.script.append(says("ok", headers=HEADERS))
    got = Signals.of_reply(OpenAILLM("tiny", base_url=server.url)("hi"))
    assert got == Signals(answered=True, requests=Allowance(500, 0, 60.5))
    assert Signals.of_reply(Reply("ok")) == Signals(answered=True)


@pytest.mark.parametrize("text", ["", "s", "1x", "1s junk", "-3s", "nan"])
def test_what_is_no_span_is_none(text):
    assert seconds_in(text) is None


def test_a_refusal_slows_down_and_time_speeds_up_again():
    pace = Pace((10.0, None))
    pace.learn(Signals(refused=True), 100.0)
    assert pace.requests == pytest.approx(9.5)
    pace.learn(Signals(refused=True), 100.1)  # under way already
    assert pace.requests == pytest.approx(9.5)
    pace.take(103.0, 0)
    assert 9.5 < pace.requests < 10
    pace.take(110.0, 0)
    assert pace.requests == 10.0


def test_a_limit_of_tokens_is_learned():
    pace = Pace((None, None))
    pace.learn(Signals(answered=True, tokens=Allowance(limit=600)), 0.0)
    assert pace.tokens == pytest.approx(9.5)
    assert pace.take(1.0, 95) == 0
    assert pace.take(1.0, 1) == pytest.approx(10, abs=0.1)
    pace.correct(-95)
    assert pace.take(1.0, 1) == 0


def test_a_pace_of_before_a_restart_of_the_machine_is_forgotten(tmp_path):
    governor = Governor(requests_per_minute=1, path=tmp_path / "pace.db")
    with governor._shared.transaction() as db:
        pace = Pace((None, None), request=1e12)
        pace.write(db, 1e12)
    with governor.turn():
        pass
    assert governor.pace.request < 1e12
