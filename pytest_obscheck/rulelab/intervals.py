"""``obscheck intervals``: which routes of an alertmanager.yml are muted at an instant of the user's choice.

Alertmanager reads the wall clock itself, so its time intervals can be neither sped up nor moved. The format and its meaning:
prometheus.io, "Alertmanager configuration", ``time_interval``. Routes inherit no intervals.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError, Problem, did_you_mean
from pytest_obscheck.speed.alertmanager import receiver_of, routes
from pytest_obscheck.when import instant

DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
Interval = Mapping[str, Any]


def intervals_command(path: Path, at: str, say: Callable[[str], None]) -> int:
    """Run the verb: a line for each route that has time intervals."""
    try:
        moment = datetime.fromtimestamp(instant(at), UTC)
    except ValueError as error:
        what, _, right = str(error).partition("; ")
        raise ConfigError([Problem("--at", what, right)]) from None
    document = Document.open(path)
    try:
        told = list(_told(path, document, moment))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"its time intervals cannot be read ({type(error).__name__}: {error})"
        raise ConfigError([Problem(str(path), what, "`amtool check-config` says where")]) from None
    for line in told:
        say(line)
    say("" if told else "no route has time intervals\n")
    return 0


def _told(path: Path, document: Document, moment: datetime) -> Iterator[str]:
    known = _named(document.value)
    for spot, route in routes(document.value):
        muting, active = (list(route.get(name) or ()) for name in ("mute_time_intervals", "active_time_intervals"))
        where = f"{path}:{document.line(*spot)}"
        unknown = [Problem(where, f"no time interval {each!r}", did_you_mean(each, known)) for each in (*muting, *active)]
        wrong = [problem for problem, each in zip(unknown, (*muting, *active), strict=True) if each not in known]
        if wrong:
            raise ConfigError(wrong)
        if muting or active:
            yield f"{where}: {receiver_of(document.value, spot)} is {_state(muting, active, known, moment)}\n"


def _state(muting: Sequence[str], active: Sequence[str], known: Mapping[str, Sequence[Interval]], moment: datetime) -> str:
    by = [name for name in muting if any(holds(each, moment) for each in known[name])]
    if by:
        return f"muted by {', '.join(by)}"
    on = [name for name in active if any(holds(each, moment) for each in known[name])]
    if active and not on:
        return f"muted outside {', '.join(active)}"
    return f"notified, for it is in {', '.join(on)}" if on else f"notified, for it is not in {', '.join(muting)}"


def _named(value: Any) -> dict[str, Sequence[Interval]]:
    lists = [value.get(key) or () for key in ("time_intervals", "mute_time_intervals")] if isinstance(value, Mapping) else []
    return {str(each["name"]): each.get("time_intervals") or () for named in lists for each in named}


def holds(interval: Interval, moment: datetime) -> bool:
    """Whether a moment lies in one time interval: in one range of every field that it has."""
    there = moment.astimezone(_zone(str(interval.get("location") or "UTC")))
    last = monthrange(there.year, there.month)[1]
    fields: Mapping[str, Callable[[Any], bool]] = {
        "times": lambda each: _minutes(each["start_time"]) <= there.hour * 60 + there.minute < _minutes(each["end_time"]),
        "weekdays": lambda each: _within(each, there.isoweekday() % 7, DAYS.index),
        "days_of_month": lambda each: _within(each, there.day, lambda text: _day(int(text), last)),
        "months": lambda each: _within(each, there.month, _month),
        "years": lambda each: _within(each, there.year, int),
    }
    return all(any(inside(each) for each in interval[name]) for name, inside in fields.items() if interval.get(name))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(
            [Problem("location", f"no time zone {name!r} is known here", "write it like Europe/Berlin")]
        ) from None


def _within(text: object, value: int, read: Callable[[str], int]) -> bool:
    first, _, last = str(text).strip().lower().partition(":")
    return read(first) <= value <= read(last or first)


def _day(number: int, last: int) -> int:
    """Return a day of a month that is counted from its end where it is negative; what the month has not is its last."""
    return max(1, last + 1 + number) if number < 0 else min(number, last)


def _month(text: str) -> int:
    return int(text) if text.isdigit() else MONTHS.index(text) + 1


def _minutes(text: object) -> int:
    """Return the minutes of ``17:00``, which YAML 1.1 takes for the number 1020 where it has no quotes."""
    if isinstance(text, int):
        return text
    hours, _, minutes = str(text).partition(":")
    return int(hours) * 60 + int(minutes or 0)
