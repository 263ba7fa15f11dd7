"""Sloth specs (``version: prometheus/v1``) → objectives.

The format: sloth.dev, "SLO specs, default" and "SLO period windows". A spec for Kubernetes (``apiVersion: sloth.slok.dev/v1``)
holds it below ``spec``. Windows of its own (``kind: AlertWindows``) may stand in the same file, as another YAML document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.objective import DAY, PAIRS, WINDOW, Events, Indicator, Objective, Pair, Ratio
from pytest_obscheck.slo._spec import Spec

PERIOD = 30 * DAY
"""Sloth's period, unless its windows say otherwise."""

KINDS = ("events", "raw")


def sloth(specs: Sequence[Spec]) -> list[Objective]:
    """Return the objectives of the documents of a file."""
    windows = [inner for spec in specs if _is_windows(spec) and (inner := spec.at("spec"))]
    period = windows[-1].duration("sloPeriod") if windows else PERIOD
    pairs = tuple(_pairs(windows[-1])) if windows else PAIRS
    return [found for spec in specs if not _is_windows(spec) for found in _objectives(spec, period or PERIOD, pairs)]


def _is_windows(spec: Spec) -> bool:
    return spec.text("kind", default="") == "AlertWindows"


def _pairs(windows: Spec) -> Iterator[Pair]:
    for severity in ("page", "ticket"):
        for speed in ("quick", "slow"):
            each = severe.at(speed) if (severe := windows.at(severity)) else None
            if each is not None:
                long, short = each.duration("longWindow"), each.duration("shortWindow")
                yield Pair(long or 1.0, short or 1.0, (each.number("errorBudgetPercent") or 0.0) / 100, severity)


def _objectives(spec: Spec, period: float, pairs: tuple[Pair, ...]) -> list[Objective]:
    if spec.text("apiVersion", default="").startswith("sloth.slok.dev/"):
        inner = spec.at("spec")
        return _slos(inner, period, pairs) if inner else []
    if spec.text("version") not in ("", "prometheus/v1"):
        spec.problem(f"version {spec.text('version')!r} is not read", "write version: prometheus/v1", "version")
        return []
    return _slos(spec, period, pairs)


def _slos(spec: Spec, period: float, pairs: tuple[Pair, ...]) -> list[Objective]:
    service = spec.text("service")
    return [objective for slo in spec.each("slos") if (objective := _objective(slo, service, period, pairs))]


def _objective(slo: Spec, service: str, period: float, pairs: tuple[Pair, ...]) -> Objective | None:
    name, percent = slo.text("name"), slo.number("objective")
    sli = slo.at("sli")
    indicator = _indicator(sli) if sli else None
    if percent is not None and not 0 < percent < 100:
        slo.problem(f"{name}: objective {percent:g} is not between 0 and 100", "write it in percent, like 99.9", "objective")
        return None
    if percent is None or indicator is None:
        return None
    return Objective(name, service, round(percent / 100, 12), period, indicator, pairs, slo.where)


def _indicator(sli: Spec) -> Indicator | None:
    if sli.has("events"):
        events = sli.at("events")
        return Events(bad=_windowed(events, "error_query"), total=_windowed(events, "total_query")) if events else None
    if sli.has("raw"):
        raw = sli.at("raw")
        return Ratio(_windowed(raw, "error_ratio_query")) if raw else None
    if sli.has("plugin"):
        sli.problem("an SLI plugin is Go code that only Sloth can run", "write its queries under 'events'", "plugin")
    else:
        sli.problem("the sli has neither 'events' nor 'raw'", did_you_mean("", KINDS))
    return None


def _windowed(spec: Spec, key: str) -> str:
    query = spec.text(key)
    if query and WINDOW not in query.replace(" ", ""):
        spec.problem(f"{key} has no {WINDOW}: it would be the same over every window", f"write [{WINDOW}] for its range", key)
    return query.replace("{{ .window }}", WINDOW)
