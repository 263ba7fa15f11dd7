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
    """Asks for one look. ``variables`` resolves what only a browser would: Grafana's back end does not."""

    grafana: ShowsDashboards
    variables: Queries | None = None

    def result(self, ask: Ask) -> Result:
        """Return what a query gives."""
        timing = {"intervalMs": round(ask.step * 1000), "maxDataPoints": POINTS}
        query = {**ask.model, **timing, "datasource": {"uid": ask.uid, "type": ask.type}}
        try:
            found = self.grafana.run_query(query, ask.span.start, ask.span.end)
        except LookFailed as error:
            return Result(ERROR, f"{error} in {ask.expr!r}")
        return worded(found) or Result(EMPTY, f"nothing comes back for {ask.expr!r}")

    def values_of(self, query: str, span: Range) -> list[str]:
        """Return what the query of a variable gives, asked of the data source itself."""
        if self.variables is None:
            raise LookFailed("no member of the stack answers it but Grafana, which leaves that to browsers")
        return self.variables.values_of(query, span)


def through(grafana: ShowsDashboards, direct: Mapping[str, Queries]) -> tuple[Sources, dict[str, Queries]]:
    """Return the data sources that Grafana has, and who answers for each type of them: it does, for all."""
    known = tuple(provisioned(each) for each in grafana.data_sources())
    return Sources(known), {each.type: GrafanaQueries(grafana, direct.get(each.type)) for each in known}
