"""LogQL for filters, and a client for Loki's HTTP API."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.capabilities import Series
from pytest_obscheck.components._http import Http
from pytest_obscheck.components._ruler import missed, states
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.signals import LogFilter, LogLine

LIMIT = 5000
"""The most lines that Loki gives at once."""

ANY_STREAM = '{service_name=~".+"}'
"""Loki gives every stream this label, and refuses queries that name none."""


def logql(wanted: LogFilter) -> str:
    """Return a filter as a LogQL query: streams, then text, then fields of JSON."""
    streams = ", ".join(_matcher(name, value) for name, value in wanted.labels.items())
    parts = [f"{{{streams}}}" if streams else ANY_STREAM]
    if wanted.contains:
        parts.append(f"|= {_quoted(wanted.contains)}")
    if wanted.matches:
        parts.append(f"|~ {_quoted(wanted.matches)}")
    if wanted.fields:
        names = {path: f"field_{number}" for number, path in enumerate(wanted.fields)}
        parts.append("| json " + ", ".join(f"{name}={_quoted(_path(path))}" for path, name in names.items()))
        parts += [f"| {_matcher(names[path], value)}" for path, value in wanted.fields.items()]
    return " ".join(parts)


def _matcher(name: str, value: str) -> str:
    return f"{name}=~{_quoted(value[1:])}" if value.startswith("~") else f"{name}={_quoted(value)}"


def _quoted(text: str) -> str:
    # JSON's escapes are among Go's; what is not ASCII stays as it is.
    return json.dumps(text, ensure_ascii=False)


def _path(path: str) -> str:
    """Return ``user.id`` in the notation of LogQL's json stage, which knows no other sign in a name without brackets."""
    first, *rest = path.split(".")
    return f"[{_quoted(first)}]" + "".join(f"[{part}]" if part.isdigit() else f"[{_quoted(part)}]" for part in rest)


@dataclass
class LokiClient:
    """Asks one Loki; every method but ``ready`` raises ``LookFailed`` where it cannot. ``ruled``: it has rules."""

    http: Http
    ruled: bool = False

    def ready(self) -> bool:
        """Whether it takes and gives lines now."""
        return self.http.ok("/ready")

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()

    def query_lines(self, query: str, start: float, end: float) -> list[LogLine]:
        """Return the lines that a LogQL query finds after ``start``, up to and with ``end``, in order."""
        if _is_json(query):
            like = '{service_name="shop"} |= "sold"'
            raise LookFailed(f"{query!r} is a search engine's query; {self.http.name} is asked in LogQL, like {like}")
        found: dict[tuple[float, str, str], LogLine] = {}
        while True:
            page = self._page(query, start, end)
            before = len(found)
            found |= {(line.at, line.text, str(line.labels)): line for line in page}
            # The next page begins where this one ends: other lines of that moment may have found no place on it.
            if len(page) < LIMIT or len(found) == before:
                return list(found.values())
            start = page[-1].at - 1e-6

    def find_lines(self, wanted: LogFilter, start: float, end: float) -> list[LogLine]:
        """Return the lines that a filter lets pass, likewise."""
        return self.query_lines(logql(wanted), start, end)

    def query_logql(self, query: str, start: float, end: float, step: float) -> list[Series]:
        """Return the series of a metric query; of a query for lines, one series for each stream, with a 1 for each line."""
        result = self._data({**_ends(start, end), "query": query, "step": f"{step:.3f}", "limit": str(LIMIT)})
        if result.get("resultType") == "streams":
            return [Series(row["stream"], tuple((int(at) / 1e9, 1.0) for at, *_ in row["values"])) for row in result["result"]]
        rows = result.get("result", [])
        return [Series(row["metric"], tuple((float(at), float(value)) for at, value in row["values"])) for row in rows]

    def stream_labels(self, label: str, selector: str, start: float, end: float) -> list[str]:
        """Return the values of a label in the streams of a selector (``""``: all); without a label, the names of labels."""
        path = f"/loki/api/v1/label/{label}/values" if label else "/loki/api/v1/labels"
        answer = self.http.json(path, {**_ends(start, end), **({"query": selector} if selector else {})})
        return list(answer.get("data") or [])

    def rules(self) -> list[Mapping[str, Any]]:
        """Return the groups of its rules with their health, last evaluation, and active alerts; none where it has no rules."""
        return list(self.http.json("/prometheus/api/v1/rules")["data"]["groups"]) if self.ruled else []

    def alert_states(self, since: float, until: float) -> tuple[list[Series], list[Series]]:
        """Return the states of its alerts as ``ALERTS`` series, since a Unix second."""
        return states(self.rules(), since)

    def missed(self) -> Mapping[str, float]:
        """Return for how many wall seconds each rule group was not evaluated though it should have been, since the start."""
        return missed(self.http, "loki_") if self.ruled else {}

    def _page(self, query: str, start: float, end: float) -> list[LogLine]:
        params = {
            **_ends(start, end),
            "query": query,
            "limit": str(LIMIT),
            "direction": "forward",
        }
        result = self._data(params)
        if result.get("resultType") != "streams":
            raise LookFailed(f"{query!r} gives numbers, not lines; leave the function around it out")
        return sorted(_lines(result["result"]), key=lambda line: line.at)

    def _data(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = self.http.get("/loki/api/v1/query_range", params)
        if answer.status_code != 200:
            said = answer.text.strip().partition("\n")[0][:300]
            raise LookFailed(f"{self.http.name} answered {params['query']!r} with {answer.status_code}: {said}")
        try:
            data: Mapping[str, Any] = answer.json()["data"]
        except (ValueError, LookupError, TypeError):
            raise LookFailed(f"{self.http.name} answered the query with something that is not its JSON") from None
        return data


def _is_json(query: str) -> bool:
    try:
        found = json.loads(query)
    except ValueError:
        return False
    return isinstance(found, dict) and bool(found)


def _ends(start: float, end: float) -> dict[str, str]:
    """Return a range as Loki takes it, which holds its start and not its end, as one that holds its end and not its start."""
    return {"start": str(math.floor(start * 1e9) + 1), "end": str(math.floor(end * 1e9) + 1)}


def _lines(streams: list[Mapping[str, Any]]) -> Iterator[LogLine]:
    for stream in streams:
        for at, text, *_ in stream["values"]:
            yield LogLine(int(at) / 1e9, text, stream["stream"])
