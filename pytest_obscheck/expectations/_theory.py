"""When an alert must fire in theory, told beside when it did."""

from __future__ import annotations

from pytest_obscheck.journal import Journal
from pytest_obscheck.speed import firing_band
from pytest_obscheck.when import Window, seconds


def theory(journal: Journal, name: str) -> str:
    """Return how long after its expression has come true an alert fires; ``""`` at speed 1, or where intervals are not known.

    A scrape sees the change up to an interval late, an evaluation that scrape up to one more.
    """
    run, plan = journal.last("run"), journal.last("plan")
    rule = plan.data["alerts"].get(name) if plan else None
    if run is None or rule is None or journal.speed == 1 or not run.data.get("scrape"):
        return ""
    band = firing_band(0.0, seconds(rule["for"]), run.data["scrape"], seconds(rule["interval"]))
    return f"; in theory {Window(band.earliest, band.latest)} after its expression comes true"
