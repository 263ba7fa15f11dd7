"""A client for Grafana, through the library grafana-client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from pytest_obscheck.capabilities import Series
from pytest_obscheck.components._http import SECONDS, Http
from pytest_obscheck.components._provisioning import Wanted
from pytest_obscheck.components._ruler import exposed, states
from pytest_obscheck.errors import LookFailed

T = TypeVar("T")
_STATES = {"alerting": "firing", "pending": "pending"}
_SICK = {"error": "err", "nodata": "err"}
_MISSED = "grafana_alerting_schedule_rule_evaluations_missed_total"
_SHORTEST = 10.0
"""The shortest interval of its rules, in seconds, unless its settings say otherwise."""
_MOST = 5000
"""The most dashboards that Grafana lists at once."""


@dataclass
class GrafanaClient:
    """Asks one Grafana at ``host:port``; every method but ``ready`` raises ``LookFailed`` where it cannot.

    ``wanted``: what its provisioning says must be there. ``transport`` replaces the network in tests of what is not in its API.
    """

    name: str
    address: str
    wanted: Wanted = field(default_factory=Wanted)
    transport: Any = None

    @cached_property
    def api(self) -> Any:
        """Return the library's client."""
        from grafana_client import GrafanaApi  # noqa: PLC0415 -- a plugin that is not used must cost nothing

        host, port = self.address.rsplit(":", 1)
        api = GrafanaApi(None, host=host, port=port, timeout=SECONDS)
        api.client.s.trust_env = False
        return api

    def ready(self) -> bool:
        """Whether it runs, its database does, and everything is there that it is provisioned with."""
        try:
            return self._told(self.api.health.check).get("database") == "ok" and not self._lacking()
        except (LookFailed, AttributeError):
            return False

    def why_unready(self) -> str:
        """Return what it was provisioned with and does not have."""
        try:
            lacking = self._lacking()
        except LookFailed as error:
            return str(error)
        return f"it lacks {', '.join(lacking)}, with which it is provisioned" if lacking else "its database is not ready"

    def close(self) -> None:
        """Give up the connections to it."""
        if "api" in self.__dict__:
            self.__dict__.pop("api").client.s.close()
        if "_itself" in self.__dict__:
            self.__dict__.pop("_itself").close()

    def data_sources(self) -> list[Mapping[str, Any]]:
        """Return its data sources as its API names them."""
        return list(self._told(self.api.datasource.list_datasources))

    def run_queries(self, queries: Sequence[Mapping[str, Any]], start: float, end: float) -> list[list[Series] | LookFailed]:
        """Return for each query what it gives, a series for each field of numbers, or why it fails; in one request."""
        named = [{**query, "refId": str(number)} for number, query in enumerate(queries)]
        body = {"queries": named, "from": str(round(start * 1000)), "to": str(round(end * 1000))}
        try:
            results = self._told(lambda: self._results(body))
        except LookFailed as error:
            # A query that cannot even be read spoils the whole request.
            alone = [self.run_queries([query], start, end) for query in queries] if len(queries) > 1 else [[error]]
            return [answer for answers in alone for answer in answers]
        return [_answer(results.get(query["refId"]) or {}) for query in named]

    def _results(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the results by ``refId``, also where some are errors: then the status of the whole is one, too."""
        from grafana_client.client import GrafanaException  # noqa: PLC0415 -- see above

        try:
            return dict(self.api.client.POST("/ds/query", json=body)["results"])
        except GrafanaException as error:
            results = error.response.get("results") if isinstance(error.response, Mapping) else None
            if not results:
                raise
            return dict(results)

    def rules(self) -> list[Mapping[str, Any]]:
        """Return the groups of its own alert rules in Prometheus's words; a rule whose query gives no data is not healthy."""
        answer = self._told(lambda: self.api.client.GET("/prometheus/grafana/api/v1/rules"))
        return [{**group, "rules": [_rule(rule) for rule in group["rules"]]} for group in answer["data"]["groups"]]

    def alert_states(self, since: float, until: float) -> tuple[list[Series], list[Series]]:
        """Return the states of its alerts as ``ALERTS`` series, since a Unix second."""
        # A firing alert of Grafana's says since when it fires, not since when it is active.
        held = [{**group, "rules": [{**rule, "duration": 0} for rule in group["rules"]]} for group in self.rules()]
        return states(held, since)

    def missed(self) -> Mapping[str, float]:
        """Return for how many wall seconds each rule was not evaluated though it should have been, since the start."""
        if not self.wanted.rules:
            return {}
        (counts,) = exposed(self._itself, _MISSED)
        every = {rule["name"]: float(group["interval"]) for group in self.rules() for rule in group["rules"]} if counts else {}
        intervals = {_labels(name): interval for name, interval in every.items()}
        return {labels: count * intervals.get(labels, _SHORTEST) for labels, count in counts.items()}

    @cached_property
    def _itself(self) -> Http:
        """Return who answers what is not in its API: what it exposes of itself."""
        return Http(self.name, f"http://{self.address}", self.transport)

    def _lacking(self) -> list[str]:
        wanted = self.wanted
        there = {
            "the data source": (wanted.sources, self.data_sources, "name"),
            "the dashboard": (wanted.boards, self._boards, "title"),
            "the alert rule": (wanted.rules, self.api.alertingprovisioning.get_alertrules_all, "title"),
            "the contact point": (wanted.points, self.api.alertingprovisioning.get_contactpoints, "name"),
        }
        return [
            f"{kind} {name!r}"
            for kind, (names, ask, key) in there.items()
            if names
            for name in sorted(names - {each[key] for each in self._told(ask)})
        ]

    def _boards(self) -> Any:
        return self.api.search.search_dashboards(type_="dash-db", limit=_MOST)

    def _told(self, ask: Callable[[], T]) -> T:
        """Return what the library returns; its exceptions, and those of the connection, are ``LookFailed``."""
        import requests  # noqa: PLC0415 -- see above
        from grafana_client.client import GrafanaException  # noqa: PLC0415

        try:
            return ask()
        except GrafanaException as error:
            raise LookFailed(_refused(self.name, error.status_code, error.response)) from None
        except requests.Timeout:
            raise LookFailed(f"{self.name} gave no answer within {SECONDS} s") from None
        except requests.RequestException as error:
            raise LookFailed(f"{self.name} did not answer: {type(error).__name__}") from None


def _refused(name: str, status: int, said: Any) -> str:
    words = said.get("message") or said.get("error") if isinstance(said, Mapping) else str(said).strip()[:200]
    return f"{name} answered with {status}: {words}"


def _answer(result: Mapping[str, Any]) -> list[Series] | LookFailed:
    """Return what a query gave, or what its data source said where it refused."""
    if result.get("error"):
        return LookFailed(str(result["error"]))
    return [series for frame in result.get("frames") or () for series in _series(frame)]


def _labels(name: str) -> str:
    """Return the labels of what it counts of a rule, as it exposes them."""
    return f'{{name={json.dumps(name, ensure_ascii=False)},org="1"}}'


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule in Prometheus's words: the alerts that are active, and whether it is healthy."""
    health = rule.get("health")
    said = rule.get("lastError") or ("its query gives no data" if health == "nodata" else "")
    alerts = [{**alert, "state": state} for alert in rule.get("alerts") or () if (state := _state(alert))]
    return {**rule, "health": _SICK.get(str(health), health), "lastError": said, "alerts": alerts}


def _state(alert: Mapping[str, Any]) -> str:
    """Return the state of an alert in Prometheus's words, ``""`` for none: it may be ``Alerting (NoData)``."""
    return _STATES.get(str(alert["state"]).partition(" ")[0].lower(), "")


def _series(frame: Mapping[str, Any]) -> Iterator[Series]:
    """Yield the fields of numbers of a frame, each with the times beside it; a line of a log counts as 1."""
    fields = frame.get("schema", {}).get("fields") or []
    columns: Sequence[Sequence[Any]] = frame.get("data", {}).get("values") or [[] for _ in fields]
    times = next((column for field, column in zip(fields, columns, strict=False) if field.get("type") == "time"), ())
    numbers = [(field, column) for field, column in zip(fields, columns, strict=False) if field.get("type") == "number"]
    for field_, column in numbers:
        at = times or [0] * len(column)
        points = tuple((t / 1000, float(v)) for t, v in zip(at, column, strict=False) if v is not None)
        yield Series(field_.get("labels") or {}, points)
    if not numbers and times:
        yield Series({}, tuple((t / 1000, 1.0) for t in times))
