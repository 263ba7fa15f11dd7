"""What Elasticsearch and OpenSearch share: the settings of a node that is alone, and the search API."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.components import _servers
from pytest_obscheck.components._documents import TIME, line, passes
from pytest_obscheck.components._http import Http, parsed
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.protocols import Launch, Place
from pytest_obscheck.signals import LogFilter, LogLine

PAGE = 5000
"""Documents that are asked for at once; an index gives no more than 10,000 unless it is told to."""

BEFORE = '{"query": {"bool": {"must": ['
"""What stands before the user's query, on the same line: a position in an error counts it."""


LOGGING = """\
# Written by the harness: everything to the member's own log.
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


def launch(place: Place, program: str, prefix: str, settings: Mapping[str, str], *options: str) -> Launch:
    """Return how to start a node; ``prefix`` begins its environment variables, ``options`` are further ones of its Java.

    Its configuration is in its folder, too: a node writes a keystore beside it, and that of this machine is not the stack's.
    """
    files = {f"config/{program}.yml": "", "config/jvm.options": "", "config/log4j2.properties": LOGGING}
    java = ("-Xms512m", "-Xmx512m", f"-Djava.io.tmpdir={place.folder / 'tmp'}", *options)
    environment = {f"{prefix}_PATH_CONF": f"{place.folder}/config", f"{prefix}_JAVA_OPTS": " ".join(java)}
    argv = alone(program, node_flags(place, settings))
    return Launch(argv, place.folder, environment=environment, files=files)


def node_flags(place: Place, more: Mapping[str, str]) -> tuple[str, ...]:
    """Return the flags of a node that is alone, listens where it is told, and keeps its data in its folder."""
    (host, http), (_, transport) = (place.addresses[port].rsplit(":", 1) for port in ("http", "transport"))
    settings = {
        "discovery.type": "single-node",
        "network.host": host,
        "http.port": http,
        "transport.port": transport,
        "path.data": f"{place.folder}/data",
        "path.logs": f"{place.folder}/logs",
        **{name: place.fill(value) for name, value in more.items()},
    }
    return tuple(f"-E{name}={value}" for name, value in settings.items())


def alone(program: str, flags: tuple[str, ...]) -> tuple[str, ...]:
    """Return how to run a node, which refuses to be run by root: in a user namespace it is not. ``ProgramMissing``."""
    found = _servers.find(program, (f"/usr/share/{program}/bin",), (), f"unpack a release of it, and put {program}/bin on PATH")
    root = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--") if os.geteuid() == 0 else ()
    return (*root, str(found), *flags)


@dataclass
class SearchClient:
    """Asks one search engine about the lines in ``index`` (a pattern); every method but ``ready`` raises ``LookFailed``."""

    http: Http
    index: str

    def ready(self) -> bool:
        """Whether all its primary shards take and give documents now."""
        try:
            return self.http.json("/_cluster/health").get("status") in ("green", "yellow")
        except (LookFailed, AttributeError):
            return False

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()

    def query_lines(self, query: str, start: float, end: float) -> list[LogLine]:
        """Return the lines that a query finds: its query DSL as JSON (``{"match": …}``), or the syntax of ``query_string``."""
        return list(self._found(_written(query), start, end))

    def find_lines(self, wanted: LogFilter, start: float, end: float) -> list[LogLine]:
        """Return the lines that a filter lets pass, likewise."""
        return [each for each in self._found('{"match_all": {}}', start, end) if passes(wanted, each)]

    def _found(self, query: str, start: float, end: float) -> Iterator[LogLine]:
        span = {"gt": _milliseconds(start), "lte": _milliseconds(end), "format": "epoch_millis"}
        page: dict[str, Any] = {
            "size": PAGE,
            "sort": [{TIME: {"order": "asc", "unmapped_type": "date"}}, {"_doc": "asc"}],
        }
        while True:
            hits = self._hits(
                f'{BEFORE}{query}], "filter": [{json.dumps({"range": {TIME: span}})}]}}}}, {json.dumps(page)[1:]}'
            )
            yield from (self._line(hit) for hit in hits)
            if len(hits) < PAGE:
                return
            page["search_after"] = hits[-1]["sort"]

    def _hits(self, body: str) -> list[Mapping[str, Any]]:
        # What was written is found after a refresh, each second by default: that is too late for a look.
        path = f"/{self.index}/_search?ignore_unavailable=true"
        self.http.get(f"/{self.index}/_refresh", {"ignore_unavailable": "true"})
        answer = self.http.post(path, body)
        told = parsed(self.http.name, path, answer.text)
        if answer.status_code != 200:
            raise LookFailed(f"{self.http.name} refused the query with {answer.status_code}: {_reason(told)}")
        try:
            if not told["_shards"]["total"]:
                # Where nothing was ever written, nobody knows what was not.
                raise LookFailed(f"{self.http.name} has no index {self.index!r} yet: nothing has reached it")
            return list(told["hits"]["hits"])
        except (LookupError, TypeError):
            raise LookFailed(f"{self.http.name} answered the query with something that is not its JSON") from None

    def _line(self, hit: Mapping[str, Any]) -> LogLine:
        try:
            return line(hit["_source"])
        except (LookupError, TypeError, ValueError):
            raise LookFailed(f"{self.http.name} found a document without a {TIME} that can be read") from None


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _written(query: str) -> str:
    """Return a query as JSON: as the user wrote it, so that positions in it stay."""
    if not query.lstrip().startswith("{"):
        return json.dumps({"query_string": {"query": query}})
    try:
        json.loads(query)
    except ValueError:
        like = 'write JSON like {"match": {"message": "sold"}}, or message:sold'
        raise LookFailed(f"{query!r} is no query of a search engine, perhaps LogQL; {like}") from None
    return query


def _reason(told: Any) -> str:
    """Return why a query was refused, and where in it."""
    error = told.get("error", told) if isinstance(told, Mapping) else told
    if not isinstance(error, Mapping):
        return str(error)[:300]
    causes = [*error.get("root_cause", ()), error]
    cause = next((cause for cause in causes if cause.get("reason")), {"reason": error})
    return f"{cause['reason']}{_where(cause) or _deepest(error, str(cause['reason']))}"[:300]


def _where(cause: Mapping[str, Any]) -> str:
    line, column = cause.get("line"), cause.get("col")
    if not (isinstance(line, int) and isinstance(column, int)):
        return ""
    return f" (line {line}, column {column - len(BEFORE) if line == 1 else column} of the query)"


def _deepest(error: Mapping[str, Any], said: str) -> str:
    """Return what the innermost cause adds in its first line: of a ``query_string``, the position."""
    shards = error.get("failed_shards") or [{}]
    cause = shards[0].get("reason", {})
    while isinstance(cause.get("caused_by"), Mapping):
        cause = cause["caused_by"]
    inner = str(cause.get("reason", "")).partition("\n")[0].rstrip(".")
    return "" if inner in said else f": {inner}"
