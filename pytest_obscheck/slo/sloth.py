"""Sloth specs (``version: prometheus/v1``) → objectives.

The format: sloth.dev, "SLO specs, default". A spec for Kubernetes (``apiVersion: sloth.slok.dev/v1``) holds it below ``spec``.
"""

from __future__ import annotations

from pathlib import Path

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.reading import refuse
from pytest_obscheck.slo._spec import Spec, documents
from pytest_obscheck.slo.burning import DAY
from pytest_obscheck.slo.objective import WINDOW, Events, Indicator, Objective, Ratio

PERIOD = 30 * DAY
"""Sloth's period, unless its command line says otherwise."""

KINDS = ("events", "raw")


def read_sloth(path: Path, period: float = PERIOD, name: str = "") -> list[Objective]:
    """Return the objectives of a file; ``ConfigError`` holds every problem in it."""
    reader, specs = documents(path, name)
    found = [objective for spec in specs for objective in _objectives(spec, period)]
    refuse(reader.problems)
    return found


def _objectives(spec: Spec, period: float) -> list[Objective]:
    if spec.text("apiVersion", default="").startswith("sloth.slok.dev/"):
        inner = spec.at("spec")
        return _slos(inner, period) if inner else []
    if spec.text("version") not in ("", "prometheus/v1"):
        spec.problem(f"version {spec.text('version')!r} is not read", "write version: prometheus/v1", "version")
        return []
    return _slos(spec, period)


def _slos(spec: Spec, period: float) -> list[Objective]:
    service = spec.text("service")
    return [objective for slo in spec.each("slos") if (objective := _objective(slo, service, period))]


def _objective(slo: Spec, service: str, period: float) -> Objective | None:
    name, percent = slo.text("name"), slo.number("objective")
    sli = slo.at("sli")
    indicator = _indicator(sli) if sli else None
    if percent is not None and not 0 < percent < 100:
        slo.problem(f"{name}: objective {percent:g} is not between 0 and 100", "write it in percent, like 99.9", "objective")
        return None
    if percent is None or indicator is None:
        return None
    return Objective(name, service, round(percent / 100, 12), period, indicator, slo.where)


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
