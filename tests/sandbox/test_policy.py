"""Policies: what they allow, what both of two allow, and which one is in force."""

from __future__ import annotations

import threading
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ArgumentError, SandboxError
from opto.sandbox.policy import LEVELS, Policy, bytes_of, policy_here, use


def test_defaults_are_those_of_the_page():
    policy = Policy()
    assert (policy.level, policy.time, policy.total) == ("auto", 5.0, 60.0)
    assert (policy.memory_bytes, policy.output, policy.result) == (1 << 30, 1 << 16, 1 << 24)
    assert (policy.read, policy.host, policy.host_calls) == ((), {}, 100)


def test_a_policy_is_frozen_and_knows_its_folders(tmp_path):
    policy = Policy(read=[tmp_path])
    assert policy.read == (str(tmp_path),)
    with pytest.raises(FrozenInstanceError):
        policy.time = 9
    assert hash(policy) == hash(Policy(read=[str(tmp_path)]))


def test_granted_functions_are_those_of_the_moment():
    granted = {"size": len}
    policy = Policy(host=granted)
    granted["more"] = print
    assert list(policy.host) == ["size"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"level": "isolate"}, "did you mean 'isolated'"),
        ({"time": 0}, "time=0"),
        ({"time": float("nan")}, "time=nan"),
        ({"total": "9"}, "total='9'"),
        ({"host_calls": True}, "host_calls=True"),
        ({"memory": "much"}, "'much' is no size"),
        ({"memory": 1000}, "megabyte"),
        ({"read": "data"}, "read='data'"),
        ({"host": {"a b": len}}, "'a b'"),
    ],
)
def test_a_limit_that_makes_no_sense_is_named(wrong, said):
    with pytest.raises(SandboxError, match=said):
        Policy(**wrong)


@pytest.mark.parametrize(
    ("size", "expected"),
    [("1GB", 1 << 30), ("64 kb", 1 << 16), ("1MiB", 1 << 20), ("7", 7), ("0.5M", 1 << 19)],
)
def test_sizes(size, expected):
    assert bytes_of(size) == expected


numbers = st.fixed_dictionaries(
    {},
    optional={
        "level": st.sampled_from(LEVELS),
        "time": st.floats(0.1, 100),
        "memory": st.integers(1 << 20, 1 << 33) | st.sampled_from(["64MB", "2GB"]),
        "host_calls": st.integers(0, 500),
        "read": st.lists(st.sampled_from(["/a", "/a/b", "/c"]), unique=True),
        "host": st.dictionaries(st.sampled_from(["f", "g"]), st.just(len)),
    },
)


@given(numbers, numbers)
def test_two_policies_allow_what_each_allows(one, other):
    one, other = Policy(**one), Policy(**other)
    both = one.within(other)
    for each in (one, other):
        assert LEVELS.index(both.level) >= LEVELS.index(each.level)
        assert both.time <= each.time
        assert both.memory_bytes <= each.memory_bytes
        assert both.host_calls <= each.host_calls
        assert both.host.keys() <= each.host.keys()
        assert all(any((f + "/").startswith(g + "/") for g in each.read) for f in both.read)
    assert both.within(other) == both == both.within(both)


def test_the_nearest_use_counts_and_ends():
    with use("process", time=3) as outer:
        assert policy_here() == outer
        with use(time=1):
            assert (policy_here().level, policy_here().time) == ("process", 1)
            assert policy_here("isolated") == Policy(level="isolated", time=1)
        assert policy_here().time == 3
    assert policy_here() == Policy()


def test_a_functions_own_policy_stands_above_use():
    own = Policy(level="process", time=9)
    with use("isolated", time=1):
        assert policy_here(own) == own


def test_use_is_of_this_thread():
    seen = []
    with use("isolated"):
        thread = threading.Thread(target=lambda: seen.append(policy_here().level))
        thread.start()
        thread.join()
    assert seen == ["auto"]


def test_an_unknown_field_is_named():
    with pytest.raises(ArgumentError, match="did you mean 'time'"), use(tiem=3):
        pass
    assert policy_here() == Policy()


@pytest.mark.parametrize(
    ("said", "own", "expected"),
    [
        ("isolated", None, {"level": "isolated"}),
        ("none", None, {"level": "auto"}),
        ("process", "isolated", {"level": "isolated"}),
        ("process", "none", {"level": "process"}),
        ("auto,time=2,memory=64MB", None, {"time": 2.0, "memory": "64MB"}),
        ("auto,time=200,host_calls=5", None, {"time": 5.0, "host_calls": 5}),
        (" isolated , output = 1KB", None, {"level": "isolated", "output": 1024}),
    ],
)
def test_the_environment_only_tightens(said, own, expected, monkeypatch):
    monkeypatch.setenv("OPTO_SANDBOX", said)
    policy = policy_here(own)
    assert {name: getattr(policy, name) for name in expected} == expected
    untouched = {f.name for f in fields(Policy)} - {*expected, "level"}
    assert all(getattr(policy, name) == getattr(Policy(), name) for name in untouched)


@pytest.mark.parametrize("said", ["strict", "time=3", "isolated,speed=3", "isolated,time=soon"])
def test_an_environment_that_cannot_be_read_stops_everything(said, monkeypatch):
    monkeypatch.setenv("OPTO_SANDBOX", said)
    with pytest.raises(SandboxError, match="OPTO_SANDBOX"):
        policy_here()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"host": [len]}, "functions by name were expected"),
        ({"host": {"a": 3}}, "'a' is 3, which is no function"),
        ({"host": {"a b": len}}, "'a b' is no name of a function"),
    ],
)
def test_what_is_granted_are_functions_by_name(wrong, said):
    with pytest.raises(SandboxError, match=said):
        Policy(**wrong)


def test_folders_are_those_of_where_the_policy_was_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert Policy(read=("data", Path("more"), "~/x", "/y/")).read == (
        *(str(tmp_path / "data"), str(tmp_path / "more"), "/home/me/x", "/y"),
    )
