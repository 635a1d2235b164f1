"""What every backend of the journal promises.

A backend's test module inherits `JournalContract` and gives the fixture `opened`: a
function that opens the same journal anew at each call, as another process would.
"""

from __future__ import annotations

import math
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opto.errors import StoreError
from opto.store import KINDS, Claim, Entry
from opto.store.owner import Owner
from opto.trace.encoding import encoded

text = st.text(st.characters(codec=None), max_size=20)
simple = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | text
    | st.binary(max_size=20)
)
plain_values = st.recursive(
    simple,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(text | st.integers(), inner, max_size=4)
        | st.frozensets(st.integers() | text, max_size=4)
    ),
    max_leaves=12,
)
gone = "elsewhere|1|1|token"  # an owner of whom this machine cannot know anything


class JournalContract:
    """The tests; each takes journals from the fixture `opened`."""

    @pytest.fixture
    def journal(self, opened):
        return opened()

    def test_a_new_journal_is_empty(self, journal):
        assert list(journal.events()) == []
        assert journal.find("reply", "k") is None
        assert journal.last("reply") is None

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_event_is_there_when_append_returns(self, opened, kind):
        event = opened().append(kind, {"a": (1, 2.5)}, key="k", run="r")
        assert (event.kind, event.key, event.run, event.data) == (kind, "k", "r", {"a": (1, 2.5)})
        assert list(opened().events()) == [event]

    def test_values_come_back_exactly(self, journal):
        @settings(max_examples=60)
        @given(value=plain_values)
        def check(value):
            event = journal.append("parameter", value, key="p")
            found = journal.last("parameter", "p")
            assert found == event
            assert found.data == value
            assert encoded(found.data, "it") == encoded(value, "it")  # types as well

        check()

    def test_numbers_that_json_does_not_know(self, journal):
        journal.append("evaluation", [math.nan, math.inf, -0.0, 10**5000])
        nan, inf, zero, large = next(journal.events()).data
        assert math.isnan(nan)
        assert (inf, math.copysign(1, zero), large) == (math.inf, -1, 10**5000)

    def test_a_zero_byte_is_a_character(self, journal):
        journal.append("parameter", "a\0b", key="k")
        assert journal.find("parameter", "k").data == "a\0b"

    @pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "\udfff"])
    def test_names_that_no_database_takes_are_refused(self, journal, name):
        for use in (
            lambda: journal.append("parameter", 1, key=name),
            lambda: journal.append("parameter", 1, run=name),
            lambda: journal.find("parameter", name),
            lambda: journal.last("parameter", run=name),
            lambda: list(journal.events(key=name)),
        ):
            with pytest.raises(StoreError, match=r"the key or run .* cannot be written down"):
                use()
        assert list(journal.events()) == []

    @pytest.mark.parametrize("name", ["k'; DROP TABLE event; --", "é😀", "%s :key {0}", "x" * 5000])
    def test_other_names_are_names(self, journal, name):
        event = journal.append("parameter", 1, key=name, run=name)
        assert journal.find("parameter", name, run=name) == event == journal.last("parameter", name)
        assert journal.claim(Claim(name, Owner().name), 60)
        assert not journal.claim(Claim(name, Owner().name), 60)

    def test_what_has_no_exact_form_is_refused_and_nothing_stored(self, journal):
        with pytest.raises(StoreError, match=r"the value of step k holds a builtins\.object"):
            journal.extend([Entry("step", 1), Entry("step", object(), "k")])
        assert list(journal.events()) == []

    def test_an_unknown_kind_is_refused(self, journal):
        with pytest.raises(StoreError, match="'replay'; did you mean 'reply'"):
            journal.append("replay", 1)

    def test_events_keep_their_order(self, journal):
        given = journal.extend([Entry("step", n, run="r") for n in range(1200)])
        assert [event.seq for event in given] == sorted({event.seq for event in given})
        found = list(journal.events())
        assert found == given
        assert list(journal.events(after=found[700].seq)) == given[701:]

    def test_events_are_chosen_by_run_kind_and_key(self, journal):
        made = {
            (run, kind, key): journal.append(kind, [run, kind, key], run=run, key=key)
            for run in ("", "a", "b")
            for kind in ("step", "reply")
            for key in ("", "k")
        }
        for run in (None, "", "a"):
            for kind in (None, "step"):
                for key in (None, "", "k"):
                    wanted = [
                        event
                        for names, event in made.items()
                        if all(w in (None, n) for w, n in zip((run, kind, key), names, strict=True))
                    ]
                    assert list(journal.events(run=run, kind=kind, key=key)) == wanted

    def test_the_first_and_the_last_are_found(self, journal):
        events = [journal.append("reply", n, key="k", run=f"r{n % 2}") for n in range(4)]
        journal.append("reply", 9, key="other")
        assert journal.find("reply", "k") == events[0]
        assert journal.find("reply", "k", run="r1") == events[1]
        assert journal.last("reply", "k") == events[3]
        assert journal.last("reply", "k", run="r0") == events[2]
        assert journal.last("reply").data == 9

    def test_events_can_be_read_while_others_are_written(self, opened):
        reader, writer = opened(), opened()
        writer.append("step", 0)
        seen = []
        for event in reader.events():
            seen.append(event.data)
            if event.data < 20:
                writer.append("step", event.data + 1)
        assert seen == list(range(21))

    def test_threads_write_and_read_at_once(self, opened):
        one, other = opened(), opened()

        def work(n):
            journal = one if n % 2 else other
            return [journal.append("step", [n, i], key=str(n)).seq for i in range(20)]

        with ThreadPoolExecutor(16) as pool:
            places = list(pool.map(work, range(16)))
        assert all(mine == sorted(mine) for mine in places)
        found = {event.seq: event.data for event in one.events()}
        assert found == {seq: [n, i] for n, mine in enumerate(places) for i, seq in enumerate(mine)}

    def test_who_reads_in_order_misses_nothing(self, opened):
        writers, stop, seen = [opened() for _ in range(3)], threading.Event(), []

        def follow():
            journal, last = opened(), 0
            while True:
                ended = stop.is_set()
                for event in journal.events(after=last):
                    seen.append(event.seq)
                    last = event.seq
                if ended:
                    return

        def write(journal):
            return [journal.append("step", n).seq for n in range(60)]

        with ThreadPoolExecutor(4) as pool:
            following = pool.submit(follow)
            places = [seq for made in pool.map(write, writers) for seq in made]
            stop.set()
            following.result()
        assert seen == sorted(places)

    def test_secrets_are_not_stored(self, opened, monkeypatch):
        monkeypatch.setenv("SOME_API_KEY", "correct horse")
        event = opened().append(
            "step",
            {"said": ["correct horse", "hunter2", "sk-abcdefgh1"], "api_key": "battery"},
            key="hunter2",
            run="correct horse",
            secrets=["hunter2"],
        )
        assert event.data == {"said": ["***", "***", "***"], "api_key": "***"}
        assert (event.key, event.run) == ("***", "***")
        assert list(opened().events()) == [event]

    def test_a_question_is_entered_with_a_claim_on_it(self, opened):
        mine, yours, asked = Owner().name, Owner().name, Entry("request", {"n": (1,)}, "k", "r")
        assert opened().enter(asked, mine, 60)
        assert not opened().enter(asked, yours, 60)
        [event] = opened().events()
        assert (event.kind, event.key, event.run, event.data) == ("request", "k", "r", {"n": (1,)})
        assert not opened().claim(Claim("k", yours), 60)
        assert opened().enter(Entry("request", 2, "other"), yours, 60)

    def test_a_question_is_entered_again_when_the_claim_on_it_is_over(self, journal):
        asked = Entry("request", 1, "k")
        assert journal.enter(asked, gone, -1)
        assert journal.enter(asked, Owner().name, 60)
        assert [event.kind for event in journal.events()] == ["request", "request"]

    def test_a_question_of_one_who_failed_is_entered_again(self, journal):
        asked, first = Entry("request", 1, "k"), Owner().name
        assert journal.enter(asked, first, 60)
        journal.append("failure", {"error": "E"}, key="k", release=Claim("k", first))
        assert journal.enter(asked, Owner().name, 60)

    def test_a_question_that_has_a_reply_is_not_entered(self, opened):
        mine, asked = Owner().name, Entry("request", 1, "k")
        assert opened().enter(asked, mine, 60)
        opened().append("reply", "yes", key="k", release=Claim("k", mine))
        for owner in (mine, Owner().name):
            assert not opened().enter(asked, owner, 60)
        assert [event.kind for event in opened().events()] == ["request", "reply"]

    def test_a_question_holds_no_secrets(self, journal):
        entry = Entry("request", "the key is abcd-one-1234", "k")
        assert journal.enter(entry, Owner().name, 60, secrets=["abcd-one-1234"])
        assert journal.last("request").data == "the key is ***"

    def test_only_what_can_be_written_is_entered(self, journal):
        for entry in (Entry("requests", 1, "k"), Entry("request", object(), "k")):
            with pytest.raises(StoreError):
                journal.enter(entry, Owner().name, 60)
        with pytest.raises(StoreError, match="zero character"):
            journal.enter(Entry("request", 1, "a\0b"), Owner().name, 60)
        assert journal.claim(Claim("k", Owner().name), 60)

    def test_of_many_threads_each_question_is_entered_by_one(self, opened):
        journals = [opened(), opened()]

        def enter(n):
            entry = Entry("request", n, f"k{n % 40}")
            return entry.key if journals[n % 2].enter(entry, Owner().name, 60) else None

        with ThreadPoolExecutor(16) as pool:
            entered = [key for key in pool.map(enter, range(400)) if key is not None]
        assert sorted(entered) == sorted(f"k{n}" for n in range(40))
        assert sorted(event.key for event in opened().events()) == sorted(entered)

    def test_threads_that_write_at_once_get_the_places_of_their_own_events(self, journal):
        with ThreadPoolExecutor(16) as pool:
            events = list(pool.map(lambda n: journal.append("step", n, key=str(n)), range(300)))
        stored = {event.seq: (event.key, event.data) for event in journal.events()}
        assert {event.seq: (event.key, event.data) for event in events} == stored
        assert sorted(key for key, _ in stored.values()) == sorted(map(str, range(300)))

    def test_one_owner_has_a_claim(self, opened):
        mine, yours = Owner().name, Owner().name
        assert opened().claim(Claim("k", mine), 60)
        assert not opened().claim(Claim("k", yours), 60)
        assert opened().claim(Claim("k", mine), 60)
        assert opened().claim(Claim("other", yours), 60)

    def test_a_released_claim_is_free(self, opened):
        mine, yours = Owner().name, Owner().name
        journal = opened()
        journal.claim(Claim("k", mine), 60)
        journal.release(Claim("k", yours))  # it is not yours
        assert not journal.claim(Claim("k", yours), 60)
        journal.release(Claim("k", mine))
        assert journal.claim(Claim("k", yours), 60)

    def test_a_claim_ends_with_the_event_that_it_was_for(self, journal):
        mine, yours = Owner().name, Owner().name
        journal.claim(Claim("k", mine), 60)
        journal.append("reply", 1, key="k", release=Claim("k", mine))
        assert journal.claim(Claim("k", yours), 60)

    def test_a_claim_ends_with_its_time(self, journal):
        assert journal.claim(Claim("k", gone), 60)
        assert not journal.claim(Claim("k", Owner().name), 60)
        assert journal.claim(Claim("k", gone), -1)
        assert journal.claim(Claim("k", Owner().name), 60)

    def test_of_many_threads_one_gets_the_claim(self, opened):
        journals = [opened(), opened()]

        def take(n):
            return journals[n % 2].claim(Claim("k", Owner().name), 60)

        with ThreadPoolExecutor(12) as pool:
            assert sum(pool.map(take, range(24))) == 1

    def test_it_can_be_closed_and_goes_on(self, opened):
        with opened() as journal:
            journal.append("step", 1)
        journal.append("step", 2)
        assert [event.data for event in journal.events()] == [1, 2]
        journal.close()

    def test_it_can_be_sent_to_another_process(self, journal):
        journal.append("step", 1)
        again = pickle.loads(pickle.dumps(journal))  # noqa: S301
        again.append("step", 2)
        assert [event.data for event in journal.events()] == [1, 2]
        again.close()

    def test_numbers_are_given_once_each(self, opened):
        journal, other = opened(), opened()
        assert [journal.number("a"), other.number("a"), journal.number("b")] == [0, 1, 0]
        with ThreadPoolExecutor(8) as pool:
            given = list(pool.map(lambda n: (journal, other)[n % 2].number("c"), range(80)))
        assert sorted(given) == list(range(80))
