"""The request log of a story's loads: what really happened, as the clients saw it, and where the log cannot tell."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.matching import label_matches

COLUMNS = ["end", "method", "name", "status", "seconds", "bytes", "error", "id", "lag"]
BEFORE = (COLUMNS[:-1], COLUMNS[:-2])
"""What journals of before have."""


@dataclass(frozen=True)
class Request:
    """One request as its client saw it, from ``start`` to ``end`` in Unix seconds.

    ``status`` 0 is no answer at all; ``id`` is the one under which the service speaks of it. ``lag``: how many of its seconds
    may be the client's own, which came late to send it or to notice its answer.
    """

    end: float
    method: str
    name: str
    status: int
    seconds: float
    error: str = ""
    id: str = ""
    lag: float = 0.0

    @property
    def start(self) -> float:
        """Return when the client sent it."""
        return self.end - self.seconds

    @property
    def answered(self) -> bool:
        """Whether an answer with a status code came."""
        return self.status != 0


@dataclass(frozen=True)
class Blind:
    """A stretch of Unix seconds in which requests may be missing from the log, and why."""

    start: float
    end: float
    words: str


@dataclass(frozen=True)
class RequestLog:
    """Every logged request by its end, and the stretches in which some may be missing. ``trouble``: it is of no use."""

    requests: tuple[Request, ...] = ()
    blind: tuple[Blind, ...] = ()
    trouble: str = ""

    def gap(self, start: float, end: float) -> str:
        """Return why the log does not tell everything of that window; ``""`` where it does."""
        return next((each.words for each in self.blind if each.start < end and start < each.end), "")


def request_log(journal: Journal) -> RequestLog:
    """Return the logs of all loads of a journal as one.

    A load that is stopped never logs what was still under way. No unlogged request is taken to have lasted longer than the
    longest logged one, ``L``. So everything from ``L`` before the last line until ``L`` after the end of the load (or of its
    users, where it tells that) is blind: this also covers a log that is cut short, however it came to be.
    """
    begun = {event.data["name"] for event in journal.of("load", phase="begun")}
    ended = {event.data["name"]: event for event in journal.of("load", phase="ended")}
    if not begun:
        return RequestLog(trouble="no load has begun: there is no request log to compare with")
    if missing := sorted(begun - set(ended)):
        return RequestLog(trouble=f"the request log of {missing[0]} is not there: it comes when the load ends")
    logs = [_one(event, journal) for name, event in ended.items() if name in begun]
    trouble = next((log.trouble for log in logs if log.trouble), "")
    requests = sorted((request for log in logs for request in log.requests), key=lambda request: request.end)
    return RequestLog(tuple(requests), tuple(blind for log in logs for blind in log.blind), trouble)


def _one(event: Event, journal: Journal) -> RequestLog:
    name, text = event.data["name"], str(event.data.get("requests", ""))
    lines = list(csv.reader(text.splitlines()))
    if not lines or lines[0] not in (COLUMNS, *BEFORE):
        return RequestLog(trouble=f"the request log of {name} has no header line; it begins with {','.join(COLUMNS)!r}")
    whole = text.endswith("\n")
    rows = lines[1:] if whole else lines[1:-1]
    try:
        requests = [_request(row, len(lines[0])) for row in rows if any(row[1:])]
        ended = next((float(row[0]) for row in rows if not any(row[1:])), event.wall)
    except ValueError as error:
        return RequestLog(trouble=f"the request log of {name} cannot be read: {error}")
    return RequestLog(tuple(requests), (_blind(name, requests, ended, journal, whole),))


def _request(row: Sequence[str], columns: int) -> Request:
    if len(row) != columns:
        raise ValueError(f"{','.join(row)!r} has {len(row)} columns instead of {columns}")
    end, method, name, status, seconds, _, error, *later = row
    correlation, lag = [*later, "", ""][:2]
    return Request(float(end), method, name, int(status), float(seconds), error, correlation, float(lag or 0))


def _blind(name: str, requests: Sequence[Request], ended: float, journal: Journal, whole: bool) -> Blind:
    last = max((request.end for request in requests), default=journal.zero or ended)
    longest = max((request.seconds for request in requests), default=0.0)
    cut = "is cut short: it" if not whole else ""
    words = f"the request log of {name} {cut or ''}".rstrip()
    said = f"{words} ends at {_at(journal, last)}; the load ended at {_at(journal, ended)}"
    return Blind(last - longest, ended + longest, f"{said}, and what was under way then is not in it")


def _at(journal: Journal, wall: float) -> str:
    return f"{journal.story(wall):.2f}s"


def matching(requests: Iterable[Request], wanted: str) -> list[Request]:
    """Return the requests of a filter: ``POST /checkout``, ``/checkout``, ``GET ~/orders/.*``; nothing means all."""
    method, name = _filter(wanted)
    return [r for r in requests if method in ("", r.method) and (not name or label_matches(r.name, name))]


def _filter(wanted: str) -> tuple[str, str]:
    method, _, name = wanted.strip().rpartition(" ")
    return (name, "") if not method and name.isalpha() and name.isupper() else (method.strip(), name)
