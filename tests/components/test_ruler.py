"""What a ruler that keeps no `ALERTS` series tells of its alerts, as Loki 3.7 answers."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck.capabilities import Series
from pytest_obscheck.components._ruler import states

SINCE = 1795296861.5


def groups(state: str, last: str, hold: float = 3.0) -> list[dict[str, Any]]:
    """Return an answer of which the one alert is active since 21:34:21.5."""
    alert = {"labels": {"alertname": "Sold", "a": "b"}, "state": state, "activeAt": "2026-11-21T21:34:21.5Z", "value": "1e+00"}
    rule = {"name": "Sold", "duration": hold, "alerts": [alert], "lastEvaluation": f"2026-11-21T21:34:{last}Z"}
    return [{"interval": 1, "rules": [rule, {"name": "r", "lastEvaluation": "0001-01-01T00:00:00Z"}]}]


def series(state: str, *seconds: float) -> Series:
    labels = {"__name__": "ALERTS", "alertname": "Sold", "a": "b", "alertstate": state}
    return Series(labels, tuple((SINCE + second, 1.0) for second in seconds))


@pytest.mark.parametrize(
    ("state", "last", "since", "wanted"),
    [
        ("pending", "21.500785176", -9.0, [series("pending", 0.0)]),
        ("pending", "23.508", -9.0, [series("pending", 0.0, 1.0, 2.0)]),
        ("firing", "25.508", -9.0, [series("pending", 0.0, 1.0, 2.0), series("firing", 3.0, 4.0)]),
        ("firing", "25.508", 3.2, [series("firing", 4.0)]),
        ("firing", "25.508", 4.5, []),
    ],
)
def test_each_evaluation_that_found_an_alert_active_is_a_sample(
    state: str, last: str, since: float, wanted: list[Series]
) -> None:
    samples, now = states(groups(state, last), SINCE + since)

    assert samples == wanted
    assert [(each.labels["alertstate"], len(each.points)) for each in now] == [(state, 1)]


def test_without_a_hold_it_fires_from_the_first_evaluation_on() -> None:
    assert states(groups("firing", "22.501", hold=0.0), SINCE - 1.0)[0] == [series("firing", 0.0, 1.0)]
