"""A client for Prometheus: PromQL through prometheus-api-client, everything else through its HTTP API."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from http.client import HTTPException
from json import JSONDecodeError
from typing import Any

from pytest_obscheck.capabilities import Series
from pytest_obscheck.components._http import SECONDS, Http, refused
from pytest_obscheck.components._kept import Answer, Kept
from pytest_obscheck.components._ruler import missed
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.signals import Exemplar


@dataclass
class PrometheusClient:
    """Asks one Prometheus; every method but ``ready`` raises ``LookFailed`` where it cannot.

    ``at_zero``: writes its rules anew for a story that begins at a Unix second, and says whether it did.
    """

    http: Http
    at_zero: Callable[[float], bool] = lambda _: False

    def ready(self) -> bool:
        """Whether it serves queries now."""
        return self.http.ok("/-/ready")

    def begin(self, zero: float, speed: float) -> None:
        """Let the clock that its rules ask begin at the Unix second ``zero``, where that is for the user to choose."""
        if self.at_zero(zero):
            answer = self.http.post("/-/reload", "")
            if answer.status_code != 200:
                raise LookFailed(refused(self.http.name, "/-/reload", answer.status_code, answer.text))

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()
        if "_library" in self.__dict__:
            self.__dict__.pop("_library").close()

    def time(self) -> float:
        """Return the Unix second that its clock shows."""
        return float(self._data("/api/v1/query", {"query": "time()"})["result"][0])

    def query(self, expr: str, at: float) -> list[Series]:
        """Evaluate at one Unix second; a range selector gives every raw sample with its own timestamp."""
        return _series(self._asked("custom_query", expr, params={"time": f"{at:.3f}"}), expr)

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """Evaluate every ``step`` seconds from ``start`` to ``end``, both Unix seconds to the millisecond."""
        # The library rounds both ends to whole seconds; its ``params`` come last and win.
        ends = {"start": f"{start:.3f}", "end": f"{end:.3f}"}
        first, last = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
        return _series(self._asked("custom_query_range", expr, first, last, f"{step:.3f}", params=ends), expr)

    def metric_names(self) -> list[str]:
        """Return the names of all metrics that have a series."""
        return list(self._data("/api/v1/label/__name__/values"))

    def label_names(self, selector: str) -> list[str]:
        """Return the label names that the series of a selector have."""
        return list(self._data("/api/v1/labels", {"match[]": selector}))

    def exemplars(self, query: str, start: float, end: float) -> list[Exemplar]:
        """Return those of the series that a query names; none unless Prometheus runs with exemplar storage."""
        rows = self._data("/api/v1/query_exemplars", {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}"})
        return [
            Exemplar(float(each["timestamp"]), row["seriesLabels"], each["labels"]) for row in rows for each in row["exemplars"]
        ]

    def targets(self) -> list[Mapping[str, Any]]:
        """Return the active targets as Prometheus's API names them."""
        return list(self._data("/api/v1/targets", {"state": "active"})["activeTargets"])

    def rules(self) -> list[Mapping[str, Any]]:
        """Return the rule groups with their rules, health, last evaluation, and active alerts."""
        return list(self._data("/api/v1/rules")["groups"])

    def alert_states(self, since: float, until: float) -> tuple[list[Series], list[Series]]:
        """Return the ``ALERTS`` series of all alerts: raw samples between two Unix seconds, and those active at the second."""
        return self.query(f"ALERTS[{max(1, math.ceil((until - since) * 1000))}ms]", until), self.query("ALERTS", until)

    def missed(self) -> dict[str, float]:
        """Return for how many wall seconds each rule group was not evaluated though it should have been, since the start."""
        return missed(self.http)

    def _data(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        answer = self.http.json(path, params)
        try:
            return answer["data"]
        except (LookupError, TypeError):
            raise LookFailed(f"{self.http.name} answered {path} without data") from None

    @cached_property
    def _library(self) -> Any:
        from prometheus_api_client.prometheus_connect import PrometheusConnect  # noqa: PLC0415 -- takes 0.1 s

        session: Any = Kept(self.http.url, SECONDS, self._refuse)
        return PrometheusConnect(self.http.url, session=session, timeout=SECONDS)

    def _refuse(self, answer: Answer) -> None:
        """Raise with Prometheus's own words; the library's exception holds the whole body as bytes."""
        raise LookFailed(refused(self.http.name, "the query", answer.status_code, answer.text))

    def _asked(self, method: str, *args: Any, **more: Any) -> Any:
        name = self.http.name
        try:
            return getattr(self._library, method)(*args, **more)
        except TimeoutError:
            raise LookFailed(f"{name} gave no answer to the query within {SECONDS} s") from None
        except ConnectionError:
            raise LookFailed(f"{name} refuses connections") from None
        except JSONDecodeError:
            raise LookFailed(f"{name} answered the query with something that is not JSON") from None
        except (OSError, HTTPException, LookupError) as error:
            raise LookFailed(f"{name} did not answer the query: {error or type(error).__name__}") from None


def _series(result: Any, expr: str) -> list[Series]:
    if result and not isinstance(result[0], Mapping):  # a scalar or a string is one bare pair
        return [Series({}, (_point(result, expr),))]
    return [Series(row["metric"], tuple(_point(pair, expr) for pair in _pairs(row))) for row in result]


def _pairs(row: Mapping[str, Any]) -> list[Any]:
    """Return the samples of a row; native histograms are no numbers and have none."""
    if "value" in row:
        return [row["value"]]
    return list(row.get("values", ()))


def _point(pair: Any, expr: str) -> tuple[float, float]:
    """Return time and value; NaN and both infinities are written as Python reads them."""
    try:
        return float(pair[0]), float(pair[1])
    except ValueError:
        raise LookFailed(f"{expr!r} gives the text {pair[1]!r}, not a number") from None
