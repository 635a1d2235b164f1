from __future__ import annotations

import copy
import functools
import pickle
from types import SimpleNamespace

import pytest

from opto.llm import AbstractModel, Request, renewed


def make():
    return answer


def answer(*args, **kwargs):
    message = SimpleNamespace(content=repr((args, sorted(kwargs))))
    return SimpleNamespace(choices=[SimpleNamespace(message=message)])


def test_arguments_go_to_the_model_as_they_are():
    said = AbstractModel(make)(1, b=2).choices[0].message.content
    assert said == "((1,), ['b'])"


def test_the_factory_is_asked_again_when_the_model_is_old(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(renewed, "monotonic", lambda: now[0])
    made = []

    def factory():
        made.append(now[0])
        return lambda **_: str(len(made))

    model = AbstractModel(factory, reset_freq=60)
    assert model(messages="?").text == "1"
    now[0] = 59
    assert model(messages="?").text == "1"
    now[0] = 61
    assert model(messages="?").text == "2"
    assert made == [0.0, 61]


def test_a_subclass_may_override_how_its_model_is_called():
    class Client(AbstractModel):
        def __init__(self):
            super().__init__(lambda: SimpleNamespace(create=answer), None)

        @property
        def model(self):
            return lambda *args, **kwargs: self._model.create(*args, temperature=0, **kwargs)

    assert Client()(messages=[]).text == "((), ['messages', 'temperature'])"


def test_it_can_be_copied_and_pickled_without_what_it_made():
    model = AbstractModel(make, reset_freq=5)
    model(messages="?")
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301
        assert again(1).text == "((1,), [])"
        assert again.reset_freq == 5


REQUEST = Request.of("hi", max_tokens=5)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda messages, **rest: (messages[0]["content"], rest), "('hi', {'max_tokens': 5})"),
        (lambda **rest: sorted(rest), "['max_tokens', 'messages']"),
        (lambda messages: messages[0]["content"], "hi"),
        (lambda prompt: prompt[0]["content"], "hi"),
        (lambda prompt, **rest: (prompt[0]["content"], rest), "('hi', {'max_tokens': 5})"),
        (lambda *args, max_tokens: (len(args), max_tokens), "(1, 5)"),
        (lambda *args, **kwargs: (len(args), sorted(kwargs)), "(0, ['max_tokens', 'messages'])"),
    ],
)
def test_a_request_goes_to_a_function_as_far_as_it_takes_it(function, said):
    model = AbstractModel(lambda: wrapped(function))
    assert model.answer(REQUEST).text == said
    assert model.answer(REQUEST).request == REQUEST.digest


def wrapped(function):
    """`function` with its signature, and a text as its answer."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        return str(function(*args, **kwargs))

    return call
