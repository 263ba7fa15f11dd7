"""What happened, in order: events, to and from NDJSON."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = 3
LARGE = 2048
"""Text longer than this many characters is written once and referred to by its digest."""

LONGEST = 120
"""Bytes that the name of a journal's file may have."""


@dataclass(frozen=True)
class Event:
    """One thing that happened: its kind, when (Unix seconds), and the facts (JSON values)."""

    kind: str
    wall: float
    data: Mapping[str, Any]


@dataclass
class Journal:
    """Events in the order in which they were written; safe to write from several threads.

    ``zero`` is the Unix second at which story time began, ``speed`` how many story seconds pass in a second of wall time.
    ``memory`` is for readers that have worked something out and need not do it again; it is not part of what happened.
    """

    events: list[Event] = field(default_factory=list)
    zero: float | None = None
    speed: float = 1.0
    on_write: Callable[[Event], None] | None = None
    memory: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _shelves: dict[tuple[str, Any], list[Event]] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        """Sort the events that there are already."""
        for event in self.events:
            self._shelve(event)

    def write(self, kind: str, wall: float, /, **data: Any) -> Event:
        """Add an event, dated to the microsecond as in a file; ``zero`` events set the beginning of story time."""
        event = Event(kind, round(wall, 6), data)
        with self._lock:
            self.events.append(event)
            self._shelve(event)
            if kind == "zero":
                self.zero, self.speed = event.wall, float(data.get("speed", 1.0))
            if self.on_write:
                self.on_write(event)
        return event

    def of(self, kind: str, /, **facts: Any) -> list[Event]:
        """Return the events of one kind whose data hold the given facts, in order."""
        with self._lock:
            events = list(self._shelves.get((kind, facts.pop("key", None)), ()))
        return [e for e in events if all(e.data.get(k) == v for k, v in facts.items())] if facts else events

    def last(self, kind: str, /, **facts: Any) -> Event | None:
        """Return the newest such event, or ``None``."""
        found = self.of(kind, **facts)
        return found[-1] if found else None

    def story(self, wall: float) -> float:
        """Return the story second of a Unix second, to the microsecond; 0 for all while the story has not begun."""
        return 0.0 if self.zero is None else round((wall - self.zero) * self.speed, 6)

    def _shelve(self, event: Event) -> None:
        """File an event under its kind and, where it has one, under its kind and key: there are thousands of looks."""
        self._shelves.setdefault((event.kind, None), []).append(event)
        key = event.data.get("key")
        if isinstance(key, str):
            self._shelves.setdefault((event.kind, key), []).append(event)


def alert_exprs(journal: Journal) -> dict[str, list[str]]:
    """Return the expressions of each alert's rules by its name, as planned; none where nothing was planned."""
    plan = journal.last("plan")
    return {name: rule["exprs"] for name, rule in plan.data["alerts"].items()} if plan else {}


def _shrunk(value: Any, keep: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return {"$digest": keep(value)} if len(value) > LARGE else value
    if isinstance(value, Mapping):
        return {key: _shrunk(inner, keep) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shrunk(inner, keep) for inner in value]
    return value


def _grown(value: Any, blobs: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$digest"}:
            return _blob(value["$digest"], blobs)
        return {key: _grown(inner, blobs) for key, inner in value.items()}
    return [_grown(inner, blobs) for inner in value] if isinstance(value, list) else value


def _blob(digest: str, blobs: Mapping[str, str]) -> str:
    if digest not in blobs:
        raise ValueError(f"the text with the digest {digest[:12]}… is missing; the journal is cut short or was edited")
    return blobs[digest]


class Writer:
    """Turns events into NDJSON lines; long text is written once, as a ``blob`` line, and referred to by digest."""

    def __init__(self) -> None:
        """Start with no text written."""
        self._written: set[str] = set()

    def lines(self, event: Event, story: float) -> Iterator[str]:
        """Yield the lines for one event, the blobs it needs first."""
        fresh: list[str] = []

        def keep(text: str) -> str:
            digest = hashlib.sha256(text.encode()).hexdigest()
            if digest not in self._written:
                self._written.add(digest)
                fresh.append(json.dumps({"kind": "blob", "digest": digest, "text": text}))
            return digest

        data = _shrunk(event.data, keep)
        yield from fresh
        line = {"kind": event.kind, "wall": event.wall, "story": story, "data": data}
        yield json.dumps(line, separators=(",", ":"), default=str)


def stem(story: str) -> str:
    """Return the name of the file, without its ending, that holds the journal of a story at that place."""
    name = re.sub(r"[^\w.-]+", "-", story.removesuffix(".obs.yaml")).strip("-") or "story"
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    # A name of 255 bytes is the longest that file systems take, and endings are still to come.
    return name if len(name.encode()) <= LONGEST else f"{name.encode()[: LONGEST - 9].decode(errors='ignore')}-{digest}"


def header() -> str:
    """Return the first line of a journal file: its schema version."""
    return json.dumps({"kind": "journal", "schema": SCHEMA})


def dump(journal: Journal) -> str:
    """Return the whole journal as NDJSON text."""
    writer = Writer()
    lines = [header()]
    for event in journal.events:
        lines.extend(writer.lines(event, journal.story(event.wall)))
    return "\n".join(lines) + "\n"


def _parsed(text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            parsed = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number} is not JSON ({error.msg}); the journal is cut short or not one") from None
        if not isinstance(parsed, dict) or "kind" not in parsed:
            raise ValueError(f"line {number} is not an event; an event is an object with a kind")
        yield parsed


def parse(text: str) -> Journal:
    """Read NDJSON text; ``ValueError`` names the line that is wrong, or the schema that is not ours."""
    rows = _parsed(text)
    first = next(rows, {})
    if first.get("schema") != SCHEMA:
        raise ValueError(f"this journal has schema {first.get('schema')!r}; this version reads schema {SCHEMA}")
    journal, blobs = Journal(), {}
    for row in rows:
        if row["kind"] == "blob":
            blobs[row["digest"]] = row["text"]
        else:
            journal.write(row["kind"], row["wall"], **_grown(row["data"], blobs))
    return journal


def read(path: Path) -> Journal:
    """Read a journal file; ``ValueError`` as in ``parse``, ``OSError`` where it cannot be read."""
    return parse(path.read_text(encoding="utf-8"))
