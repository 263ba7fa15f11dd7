"""The texts of a new stack: stack.yaml, where there is none a prometheus.yml, and stories."""

from __future__ import annotations

import json
import math
import os
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_obscheck.scaffold.exporters import WORLD, Cast
from pytest_obscheck.scaffold.finding import Files
from pytest_obscheck.scaffold.plots import STEP, Line, Plot
from pytest_obscheck.scaffold.services import offers
from pytest_obscheck.when import seconds

OWN = "prometheus.yml"
LONG = 3600.0
"""Seconds of a range that a story which only shows quiet does not wait for."""
SHARE = "share: true # it may be played at the same time as others\n"


def quoted(text: str) -> str:
    """Return a text as YAML between single quotes."""
    return "'" + text.replace("'", "''") + "'"


def stack_text(files: Files, cast: Cast, folder: Path) -> str:
    """Return a commented stack.yaml for the folder."""
    return "\n".join(_stack(files, cast, folder)) + "\n"


def _stack(files: Files, cast: Cast, folder: Path) -> Iterator[str]:
    yield "# What runs when `pytest --obs-stack` plays stories. Paths are relative to this file; your files are never edited."
    yield "components:"
    yield "  prometheus:"
    yield f"    config: {_from(folder, files.prometheus.path) if files.prometheus else OWN}"
    if files.resources:
        named = [_from(folder, path) for path in files.resources]
        yield f"    rules: {json.dumps(named)} # resources, which prometheus.yml cannot name"
    if cast.real.get("prometheus"):
        yield f"    hosts: {json.dumps(cast.real['prometheus'])} # the names by which it scrapes itself"
    if cast.finding:
        yield "    # TODO: what discovery finds in production, with the __meta_* labels that relabelling reads. At once:"
        yield "    #   obscheck targets http://YOUR-PROMETHEUS:9090 > stack/targets.yaml, then `targets: targets.yaml`"
        yield "    targets:"
        yield from (f"      {json.dumps(job, ensure_ascii=False)}: [] # by {kind}" for job, kind in cast.finding)
    if files.alertmanager:
        yield "  alertmanager:"
        yield f"    config: {_from(folder, files.alertmanager.path)}"
        yield f"    hosts: {json.dumps(cast.real.get('alertmanager', ['alertmanager:9093']))} # what prometheus.yml calls it"
    for exporter in cast.exporters:
        if exporter.series or exporter.job:
            yield from _exporter(exporter.name, exporter.job, exporter.hosts, list(exporter.series.values()))
    yield from _services(files)


def _exporter(name: str, job: str, hosts: tuple[str, ...], lines: list[Line]) -> Iterator[str]:
    yield ""
    who = f"job {job!r}" if job else "every target"
    yield f"  # Stands for {who}: series that are calm, and that stories let misbehave. Their names and labels are those of the"
    yield "  # rules: what is misspelt there is so here. `obscheck lint RULES --against URL` compares with what is there."
    yield f"  {name}:"
    yield "    type: synthetic"
    yield f"    hosts: {json.dumps(list(hosts))}"
    yield f"    interval: {STEP}s"
    yield "    series:"
    for line in lines or [Line("obscheck_calm", {}, "0x1")]:
        # Before a story begins time stands still: a counter that is there already would not rise, and a rule may say so.
        values, kind = (f"_ {line.calm}", "counter") if line.counter else (line.calm, "gauge")
        yield f"      - {{series: {quoted(line.selector())}, values: '{values}', type: {kind}}}"


def _services(files: Files) -> Iterator[str]:
    """Yield the services that could run for real, commented out: nobody knows what starts them on this machine."""
    found = offers(files.services.value if files.services else None, files.manifests)
    if found:
        yield ""
        yield "# TODO: services that are to run for real. Take those that you can start here; the ways between them can then be"
        yield "# slowed or cut, where the components have a `toxiproxy: {}`."
        yield "# services:"
        yield from (f"# {line}" for offer in found for line in offer.lines())


def prometheus_text(files: Files, cast: Cast, folder: Path) -> str:
    """Return a prometheus.yml that loads rules for which there is no other, and scrapes the made-up targets."""
    rules = "".join(f"  - {json.dumps(_from(folder, path))}\n" for path in files.rules)
    alerting = (
        "alerting:\n  alertmanagers: [{static_configs: [{targets: ['alertmanager:9093']}]}]\n" if files.alertmanager else ""
    )
    return (
        "# Only rules were given. Production's own prometheus.yml should stand in stack.yaml instead of this one.\n"
        f"global: {{scrape_interval: {STEP}s, evaluation_interval: {STEP}s}}\nrule_files:\n{rules}{alerting}"
        "scrape_configs:\n"
    ) + "".join(
        f"  - job_name: {json.dumps(each.job or WORLD)}\n    honor_labels: true # the rules name jobs that are not here\n"
        f"    static_configs: [{{targets: {json.dumps(list(each.hosts))}}}]\n"
        for each in cast.exporters
    )


def _from(folder: Path, path: Path) -> str:
    return os.path.relpath(path.resolve(), folder.resolve())


def beat(files: Files) -> float:
    """Return how many seconds one scrape and one evaluation take together."""
    settings = (files.prometheus.value.get("global") or {}) if files.prometheus else {"scrape_interval": f"{STEP}s"}
    usual = f"{STEP}s" if files.prometheus is None else "1m"
    every = [str(settings.get(name) or usual) for name in ("scrape_interval", "evaluation_interval")]
    return sum(seconds(text) for text in every)


def story_text(plot: Plot, pace: float, wrong: Sequence[str] = ()) -> str:
    """Return the story of one alert; ``pace``: the seconds of one scrape and one evaluation; ``wrong``: against its rule."""
    rule = plot.rule
    said = f"# Written by `obscheck init` for {rule.file}:{rule.lines['alert']}; change it as you like."
    said += "".join(f"\n# TODO: the rule asks for what is not exposed, and so does this story: {what}" for what in wrong)
    if plot.unclear:
        expr = textwrap.indent(rule.expr, "#   ")
        todo = f"# TODO: what makes it fire is not plain ({plot.unclear}). Until then it is only shown to be quiet.\n{expr}"
        quiet = _quiet(rule.name, 2 * pace, warm=plot.range <= LONG)
        return f"{said}\n{todo}\nname: {quoted(f'{rule.name} is quiet')}\n{SHARE}\nexpect:\n{quiet}"
    calm, long = math.ceil(2 * pace), math.ceil(firing(plot, pace))
    fault = _kill(plot) if plot.down else _script(plot)
    window = f"    from: {_span(calm)}\n    until: {_span(calm + long)}\n"
    name, after = f"{rule.name} fires and resolves", "kill" if plot.down else "script"
    expect = _quiet(rule.name, calm) + _within("alert", rule.name, long, after)
    expect += _within("resolved", rule.name, plot.range + 3 * pace, f"cure of {after}")
    return f"{said}\nname: {quoted(name)}\n{SHARE}\nfaults:\n{fault}{window}\nexpect:\n{expect}"


def firing(plot: Plot, pace: float) -> float:
    """Return the seconds within which an alert fires for certain."""
    return plot.range + plot.rule.hold + 3 * pace


def _span(span: float) -> str:
    return f"{math.ceil(span)}s"


def _quiet(alert: str, until: float, *, warm: bool = True) -> str:
    words = "" if warm else "    warm: false # its range is long: it begins half empty, and not with minutes of waiting\n"
    return f"  - alert: {{name: {quoted(alert)}}}\n    never: 0s .. {_span(until)}\n{words}"


def _within(kind: str, alert: str, span: float, after: str) -> str:
    return f"  - {kind}: {{name: {quoted(alert)}}}\n    within: {_span(span)}\n    after: {after}\n"


def _kill(plot: Plot) -> str:
    return f"  - kill: {{component: {plot.down}}}\n"


def _script(plot: Plot) -> str:
    harmed = [line for line in plot.lines if line.harm]
    series = "".join(f"        {quoted(line.selector())}: '{line.harm}'\n" for line in harmed)
    return f"  - script:\n      component: {harmed[0].member}\n      interval: {STEP}s\n      series:\n{series}"
