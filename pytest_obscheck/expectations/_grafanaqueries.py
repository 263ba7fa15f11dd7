"""The queries of panels, sent through Grafana: what its back end makes of them is what a viewer sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_obscheck.errors import LookFailed
from pytest_obscheck.expectations._datasources import Sources, provisioned
from pytest_obscheck.expectations._panelqueries import EMPTY, ERROR, Ask, Queries, Result, worded
from pytest_obscheck.panel.times import POINTS, Range
from pytest_obscheck.signals import ShowsDashboards


@dataclass(frozen=True)
class GrafanaQueries:
    """Asks for one look. ``direct`` knows what Grafana's back end does not: values of variables, and names of metrics."""

    grafana: ShowsDashboards
    direct: Queries | None = None

    def result(self, ask: Ask) -> Result:
        """Return what a query gives."""
        timing = {"intervalMs": round(ask.step * 1000), "maxDataPoints": POINTS}
        # Grafana aligns both ends of a range to the step: what began less than a step ago is at its end alone.
        ends = {"range": not ask.instant, "instant": True} if ask.type == "prometheus" else {}
        query = {**ask.model, **timing, **ends, "datasource": {"uid": ask.uid, "type": ask.type}}
        try:
            found = self.grafana.run_query(query, ask.span.start, ask.span.end)
        except LookFailed as error:
            return Result(ERROR, f"{error} in {ask.expr!r}")
        return worded(found) or self.why_nothing(ask.expr)

    def why_nothing(self, expr: str) -> Result:
        """Return why a query gives nothing, as its data source itself tells it."""
        return self.direct.why_nothing(expr) if self.direct else Result(EMPTY, f"nothing comes back for {expr!r}")

    def values_of(self, query: str, span: Range) -> list[str]:
        """Return what the query of a variable gives, asked of the data source itself."""
        if self.direct is None:
            raise LookFailed("no member of the stack answers it but Grafana, which leaves that to browsers")
        return self.direct.values_of(query, span)


def through(grafana: ShowsDashboards, direct: Mapping[str, Queries]) -> tuple[Sources, dict[str, Queries]]:
    """Return the data sources that Grafana has, and who answers for each type of them: it does, for all."""
    known = tuple(provisioned(each) for each in grafana.data_sources())
    return Sources(known), {each.type: GrafanaQueries(grafana, direct.get(each.type)) for each in known}
