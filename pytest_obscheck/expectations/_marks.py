"""What requests leave behind in logs, traces, errors and exemplars, by the ids that correlate them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_obscheck.clock import Clock, SystemClock
from pytest_obscheck.expectations._slalog import Request
from pytest_obscheck.protocols import History, Stack
from pytest_obscheck.signals import AnswersExemplars, AnswersLogs, AnswersTraces, CatchesErrors, LogFilter

SETTLE = 1.0
"""Seconds that a look waits: what was written before it is with its store by then."""

BACK = 10.0
"""Seconds by which a look reaches back, for what comes late."""

LATE = 1.5
"""Seconds after which what a request did not leave behind counts as missing, unless it comes later all the same."""

Signal = Literal["logs", "traces", "errors", "exemplars", "answers"]
KEYS: Mapping[str, str] = {
    "logs": "correlation_id",
    "traces": "correlation.id",
    "errors": "correlation_id",
    "exemplars": "trace_id",
    "answers": "",
}
"""Signal → the field of a JSON line, attribute of a span, tag of an error, or label of an exemplar that holds the id."""


@dataclass(frozen=True)
class Marks:
    """The ids of the requests that one signal knows of, looked for once a second; ``answers`` needs no looking.

    ``series`` is the PromQL selector whose exemplars are meant.
    """

    signal: Signal
    service: str
    key: str = ""
    store: str = ""
    series: str = ""
    clock: Clock = field(default_factory=SystemClock, compare=False)
    every: float = 1.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``since``, ``until`` and ``ids``: each with the id of its trace where the signal tells it, else empty."""
        self.clock.sleep(until + SETTLE - self.clock.now())
        return {"since": since, "until": until, "ids": dict(_READERS[self.signal](self, stack, since - BACK, until + SETTLE))}

    def name(self) -> str:
        """Return what holds the id: ``correlation_id``."""
        return self.key or KEYS[self.signal]

    def none(self) -> str:
        """Return in words that an id is not there."""
        said = {
            "logs": f"no line of {self.service} has its {self.name()}",
            "traces": f"no span of {self.service} has its {self.name()}",
            "errors": f"no error was reported with its {self.name()}",
            "exemplars": f"no exemplar of {self.series} has its {self.name()}",
        }
        return said[self.signal]

    def __str__(self) -> str:
        """Return the key."""
        return " ".join(filter(None, ["marks", self.signal, self.service, self.key, self.store, self.series]))


@dataclass(frozen=True)
class AllMarks:
    """The same ids, looked for once more in the whole story when it is over: an outage may outlast what a look reaches back."""

    marks: Marks

    @property
    def every(self) -> float:
        """Return the interval of the looks that it completes, in seconds."""
        return self.marks.every

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``ids``, as ``Marks`` does."""
        return {"ids": dict(_READERS[self.marks.signal](self.marks, stack, since, until))}

    def __str__(self) -> str:
        """Return the key."""
        return f"all {self.marks}"


Found = Iterator[tuple[str, str]]


def _in_logs(marks: Marks, stack: Stack, start: float, end: float) -> Found:
    wanted = LogFilter({"service_name": marks.service}, {marks.name(): "~.+"})
    for line in stack.that(AnswersLogs, named=marks.store or None).find_lines(wanted, start, end):
        # A shipper may have taken the JSON apart, as Filebeat's parsers do.
        if found := _in_json(line.text, marks.name()) or line.labels.get(marks.name(), ""):
            yield found, ""


def _in_json(text: str, path: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return ""
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return str(value or "")


def _in_traces(marks: Marks, stack: Stack, start: float, end: float) -> Found:
    for span in stack.that(AnswersTraces, named=marks.store or None).find_spans(marks.service, start, end):
        if span.service.lower() == marks.service.lower() and (found := span.attributes.get(marks.name())):
            yield found, span.trace


def _in_errors(marks: Marks, stack: Stack, start: float, end: float) -> Found:
    for report in stack.that(CatchesErrors, named=marks.store or None).error_reports(start, end).reports:
        found = dict(report.event.get("tags") or {}).get(marks.name()) if report.kind == "event" else ""
        if found:
            yield str(found), ""


def _in_exemplars(marks: Marks, stack: Stack, start: float, end: float) -> Found:
    for each in stack.that(AnswersExemplars, named=marks.store or None).exemplars(marks.series, start, end):
        if found := each.labels.get(marks.name()):
            yield found, found


_READERS: Mapping[str, Callable[[Marks, Stack, float, float], Found]] = {
    "logs": _in_logs,
    "traces": _in_traces,
    "errors": _in_errors,
    "exemplars": _in_exemplars,
    "answers": lambda *_: iter(()),
}


@dataclass(frozen=True)
class Seen:
    """What all looks at one signal found: id → trace id, how far they go (Unix seconds), and why some of them failed."""

    ids: Mapping[str, str]
    until: float
    trouble: str = ""


def seen(history: History, marks: Marks) -> Seen:
    """Return what the looks at a signal found, wherever in the journal they are."""
    ids: dict[str, str] = {}
    until, trouble = 0.0, ""
    for event in history.journal.of("look", key=str(marks)):
        if "error" in event.data:
            trouble = str(event.data["error"])
        else:
            ids.update(event.data["data"]["ids"])
            until = max(until, event.data["data"]["until"])
    for event in history.journal.of("autopsy", key=str(AllMarks(marks))):
        ids.update(event.data.get("data", {}).get("ids", {}))
    return Seen(ids, until, trouble if event_failed_last(history, marks) else "")


def event_failed_last(history: History, marks: Marks) -> bool:
    """Whether the last look at a signal failed: those before it may have missed what a later one would have found."""
    last = history.journal.last("look", key=str(marks))
    return last is not None and "error" in last.data


def failed(requests: Iterable[Request]) -> list[Request]:
    """Return the requests that were answered with a 5xx."""
    return [request for request in requests if request.status >= 500]


def unfollowed(requests: Iterable[Request]) -> str:
    """Return why answered requests cannot be followed: some have no id; ``""`` where all have one."""
    answered = [request for request in requests if request.answered]
    without = sum(not request.id for request in answered)
    if not without:
        return ""
    return f"{without} of {len(answered)} answers have no X-Correlation-ID: what they left behind cannot be found"
