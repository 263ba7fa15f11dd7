"""The queries of panels, sent through Grafana: what its back end makes of them is what a viewer sees."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_obscheck.capabilities import Series
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.expectations._datasources import Sources, provisioned
from pytest_obscheck.expectations._panelqueries import EMPTY, ERROR, Ask, Queries, Result, worded
from pytest_obscheck.panel.times import POINTS, Range
from pytest_obscheck.signals import ShowsDashboards

MOST = 10
"""How many queries go into one request: it takes as long as all of them, one after the other."""

_Key = tuple[str, Range, str]
"""A query by its data source, its range and its text: panels that ask the same have the same."""


@dataclass(frozen=True)
class GrafanaQueries:
    """Asks for one look. ``direct`` knows what Grafana's back end does not: values of variables, and names of metrics."""

    grafana: ShowsDashboards
    direct: Queries | None = None

    def results(self, asks: Sequence[Ask]) -> list[Result]:
        """Return what each query gives; a request of its own for each would cost more than most of the answers."""
        keys = [(ask.uid, ask.span, _text(ask)) for ask in asks]
        told: dict[_Key, list[Series] | LookFailed] = {}
        for few in _requests(dict.fromkeys(keys)):
            _, span, _ = few[0]
            answers = self.grafana.run_queries([json.loads(text) for *_, text in few], span.start, span.end)
            told.update(zip(few, answers, strict=True))
        return [self._result(ask, told[key]) for ask, key in zip(asks, keys, strict=True)]

    def _result(self, ask: Ask, answer: list[Series] | LookFailed) -> Result:
        if isinstance(answer, LookFailed):
            return Result(ERROR, f"{answer} in {ask.expr!r}")
        try:
            return worded(answer) or self.why_nothing(ask.expr)
        except LookFailed as error:
            return Result(ERROR, str(error))

    def why_nothing(self, expr: str) -> Result:
        """Return why a query gives nothing, as its data source itself tells it."""
        return self.direct.why_nothing(expr) if self.direct else Result(EMPTY, f"nothing comes back for {expr!r}")

    def values_of(self, query: str, span: Range) -> list[str]:
        """Return what the query of a variable gives, asked of the data source itself."""
        if self.direct is None:
            raise LookFailed("no member of the stack answers it but Grafana, which leaves that to browsers")
        return self.direct.values_of(query, span)


def _text(ask: Ask) -> str:
    """Return the JSON of a query as Grafana takes it, without the letter that only its panel knows it by."""
    timing = {"intervalMs": round(ask.step * 1000), "maxDataPoints": POINTS}
    # Grafana aligns both ends of a range to the step: what began less than a step ago is at its end alone.
    ends = {"range": not ask.instant, "instant": True} if ask.type == "prometheus" else {}
    query = {**ask.model, **timing, **ends, "datasource": {"uid": ask.uid, "type": ask.type}}
    return json.dumps({name: value for name, value in query.items() if name != "refId"}, sort_keys=True)


def _requests(keys: Iterable[_Key]) -> Iterator[list[_Key]]:
    """Yield a few queries at a time, of one data source and one range."""
    alike: dict[tuple[str, Range], list[_Key]] = {}
    for key in keys:
        alike.setdefault(key[:2], []).append(key)
    for every in alike.values():
        yield from (every[at : at + MOST] for at in range(0, len(every), MOST))


def through(grafana: ShowsDashboards, direct: Mapping[str, Queries]) -> tuple[Sources, dict[str, Queries]]:
    """Return the data sources that Grafana has, and who answers for each type of them: it does, for all."""
    known = tuple(provisioned(each) for each in grafana.data_sources())
    return Sources(known), {each.type: GrafanaQueries(grafana, direct.get(each.type)) for each in known}
