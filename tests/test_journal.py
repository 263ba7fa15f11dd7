"""Journals: found by kind and facts, and the same after a file."""

from __future__ import annotations

import json
import math
from hashlib import sha256

import pytest

from pytest_obscheck.journal import LARGE, Event, Journal, dump, header, parse, stem


def a_story() -> Journal:
    journal = Journal()
    journal.write("run", 999.5, obscheck="1")
    journal.write("zero", 1000.0, speed=1.0)
    journal.write("look", 1000.2, key="alerts", data={"now": [1.0, math.inf]})
    journal.write("look", 1000.4, key="up", error="refused")
    journal.write("look", 1000.6, key="alerts", data={"now": []})
    return journal


def test_events_are_found_by_kind_and_facts_in_order() -> None:
    journal = a_story()

    assert [event.wall for event in journal.of("look", key="alerts")] == [1000.2, 1000.6]
    assert [event.wall for event in journal.of("look", error="refused")] == [1000.4]
    assert journal.of("look", key="alerts", error="refused") == []
    assert journal.of("fault") == []


def test_the_newest_event_is_found_and_nothing_where_there_is_none() -> None:
    journal = a_story()

    assert Event("look", 1000.6, {"key": "alerts", "data": {"now": []}}) == journal.last("look", key="alerts")
    assert journal.last("fault") is None


def test_story_time_begins_at_zero_and_runs_at_its_speed() -> None:
    journal = Journal()
    before = journal.story(999.0)
    journal.write("zero", 1000.0, speed=50)

    assert (before, *(journal.story(wall) for wall in (999.0, 1000.0, 1000.1))) == (0.0, -50.0, 0.0, 5.0)


def test_story_time_has_no_noise_of_subtracting_large_numbers() -> None:
    journal = Journal()
    journal.write("zero", 1_764_000_000.1)

    assert journal.story(1_764_000_000.3) == 0.2


def test_events_are_dated_to_the_microsecond_in_memory_as_in_a_file() -> None:
    assert Journal().write("run", 1000.123456789).wall == 1000.123457


def test_a_fact_may_have_any_name_even_those_that_python_uses() -> None:
    journal = Journal()
    journal.write("logs", 1.0, kind=["a"], wall=["b"], self=["c"])

    assert journal.events[0].data == {"kind": ["a"], "wall": ["b"], "self": ["c"]}


def test_a_journal_that_was_saved_and_read_is_the_same() -> None:
    journal = a_story()
    journal.write("files", 1000.123456789, files={"a.yml": "x" * (LARGE + 1), "b.yml": "x" * (LARGE + 1)})

    again = parse(dump(journal))

    assert journal.events == again.events
    assert (journal.zero, journal.speed) == (again.zero, again.speed)


def test_large_text_is_written_once() -> None:
    journal = Journal()
    journal.write("files", 1.0, files=["y" * (LARGE + 1), "y" * (LARGE + 1), "y" * LARGE])

    kinds = [json.loads(line)["kind"] for line in dump(journal).splitlines()]

    assert kinds == ["journal", "blob", "files"]


def test_listeners_hear_of_each_event() -> None:
    heard: list[str] = []
    journal = Journal(on_write=lambda event: heard.append(event.kind))
    journal.write("run", 1.0)
    journal.write("zero", 2.0)

    assert heard == ["run", "zero"]


def test_events_that_are_there_from_the_beginning_are_found_too() -> None:
    assert [Event("run", 1.0, {})] == Journal([Event("run", 1.0, {})]).of("run")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "this journal has schema None; this version reads schema 3"),
        ('{"kind":"journal","schema":1}', "this journal has schema 1; this version reads schema 3"),
        (f'{header()}\n{{"kind":', "line 2 is not JSON (Expecting value); the journal is cut short or not one"),
        (f"{header()}\n[1]", "line 2 is not an event; an event is an object with a kind"),
        (
            f'{header()}\n{{"kind":"files","wall":1,"data":{{"a":{{"$digest":"0123456789abcdef"}}}}}}',
            "the text with the digest 0123456789ab… is missing; the journal is cut short or was edited",
        ),
    ],
)
def test_what_is_no_journal_says_so_with_its_line(text: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse(text)

    assert wanted == str(caught.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("scenarios/slow.obs.yaml", "scenarios-slow"),
        ("tests/test_a.py::test_x[a b/ü]", "tests-test_a.py-test_x-a-b-ü"),
        ("///", "story"),
        ("x" * 200, f"{'x' * 111}-{sha256(b'x' * 200).hexdigest()[:8]}"),
    ],
)
def test_a_story_has_a_file_name(text: str, wanted: str) -> None:
    assert stem(text) == wanted
