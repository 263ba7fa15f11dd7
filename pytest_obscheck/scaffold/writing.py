"""The texts of a new stack: stack.yaml, where there is none a prometheus.yml, and stories."""

from __future__ import annotations

import json
import math
import os
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_obscheck.scaffold.composing import flags
from pytest_obscheck.scaffold.exporters import Cast, Exporter
from pytest_obscheck.scaffold.finding import Files
from pytest_obscheck.scaffold.paging import Page
from pytest_obscheck.scaffold.plots import LONGEST, STEP, Line, Plot
from pytest_obscheck.scaffold.services import offers, plain
from pytest_obscheck.when import seconds

OWN, WORLD, ROUTING = "prometheus.yml", "world.yml", "alertmanager.yml"
"""What is written beside stack.yaml where the user's own is not there."""
ROUTES = """\
# Only AlertmanagerConfig resources were given. TODO: production's own alertmanager.yml should stand in stack.yaml instead.
route: {receiver: nobody}
receivers: [{name: nobody}]
"""
SHARE = "share: true # it may be played at the same time as others\n"


def quoted(text: str) -> str:
    """Return a text as YAML between single quotes."""
    return "'" + text.replace("'", "''") + "'"


def stack_text(files: Files, cast: Cast, folder: Path) -> str:
    """Return a commented stack.yaml for the folder."""
    return "\n".join(_stack(files, cast, folder)) + "\n"


def _stack(files: Files, cast: Cast, folder: Path) -> Iterator[str]:
    yield "# What runs when `pytest --obs-stack` plays stories. Paths are relative to this file; your files are never edited."
    if files.mounts:
        yield "mounts: # where the folders are that your files call by their names in production"
        yield from (f"  {inside}: {_from(folder, outside)}" for inside, outside in files.mounts.items())
    yield "components:"
    yield from _prometheus_member(files, cast, folder)
    if files.alertmanager or files.routes:
        yield "  alertmanager:"
        yield f"    config: {_from(folder, files.alertmanager.path) if files.alertmanager else ROUTING}"
        yield from _flags(files, "alertmanager")
        if files.routes:
            yield f"    routes: {_named(folder, files.routes)} # resources, whose routes and receivers are added"
        yield f"    hosts: {json.dumps(cast.real.get('alertmanager', ['alertmanager:9093']))} # what prometheus.yml calls it"
    if files.loki:
        told = '"http://${alertmanager.address}"' if files.alertmanager or files.routes else '""'
        yield "  # TODO: rules in LogQL. What logs is a service; `shipper: {members: [...]}` brings its lines to Loki. After"
        yield "  # `obscheck install loki`:"
        yield f"  # loki: {{rules: {_named(folder, files.loki)}, alertmanager: {told}}}"
    for exporter in cast.exporters:
        if exporter.exposes():
            yield from _exporter(exporter, "every target that is discovered" if cast.finding else "every target")
    if cast.always:
        yield ""
        yield "# TODO: these are active over the series above, however calm the other alerts are with them. Change the series."
        yield f"always_firing: {json.dumps(list(dict.fromkeys(cast.always)), ensure_ascii=False)}"
    yield from _services(files, cast, folder)


def _prometheus_member(files: Files, cast: Cast, folder: Path) -> Iterator[str]:
    yield "  prometheus:"
    yield f"    config: {_from(folder, files.prometheus.path) if files.prometheus else OWN}"
    yield from _flags(files, "prometheus")
    if files.resources:
        yield f"    rules: {_named(folder, files.resources)} # resources, which prometheus.yml cannot name"
    scrapes = [*files.scrapes, *([folder / WORLD] if files.prometheus and _own(cast) else [])]
    if scrapes:
        yield f"    scrapes: {_named(folder, scrapes)} # what is scraped besides"
    if cast.real.get("prometheus"):
        yield f"    hosts: {json.dumps(cast.real['prometheus'])} # the names by which it scrapes itself"
    if cast.finding:
        yield "    # TODO: what discovery finds in production, with the __meta_* labels that relabelling reads. At once:"
        yield "    #   obscheck targets http://YOUR-PROMETHEUS:9090 > stack/targets.yaml, then `targets: targets.yaml`"
        yield "    targets:"
        yield from (f"      {json.dumps(job, ensure_ascii=False)}: [] # by {kind}" for job, kind in cast.finding)


def _flags(files: Files, program: str) -> Iterator[str]:
    found = flags(files.composed, program)
    if found:
        yield f"    args: {json.dumps([plain(each) for each in found])} # where things are and listen is the harness's to say"


def _named(folder: Path, paths: Sequence[Path]) -> str:
    return json.dumps([_from(folder, path) for path in paths])


def _own(cast: Cast) -> list[Exporter]:
    """Return the targets that no configuration of the user's scrapes."""
    return [each for each in cast.exporters if each.own and each.exposes()]


def _exporter(exporter: Exporter, whole: str) -> Iterator[str]:
    yield ""
    who = f"job {exporter.job!r}" if exporter.job else whole
    yield f"  # Stands for {who}: series that are calm, and that stories let misbehave. Their names and labels are those of the"
    yield "  # rules: what is misspelt there is so here. `obscheck lint RULES --against URL` compares with what is there."
    yield f"  {exporter.name}:"
    yield "    type: synthetic"
    yield f"    hosts: {json.dumps(list(exporter.hosts))}"
    yield f"    interval: {STEP}s"
    yield "    series:"
    for line in exporter.series.values() or [Line("obscheck_calm", {}, "0x1")]:
        # Before a story begins time stands still: a counter that is there already would not rise, and a rule may say so.
        values, kind = (f"_ {line.calm}", "counter") if line.counter else (line.calm, "gauge")
        yield f"      - {{series: {quoted(line.selector())}, values: '{values}', type: {kind}}}"


def _services(files: Files, cast: Cast, folder: Path) -> Iterator[str]:
    """Yield the services that could run for real, commented out: nobody knows what starts them on this machine."""
    found = offers(files.composed, files.manifests)
    if found:
        yield ""
        yield "# TODO: services that are to run for real. Take those that you can start here; the ways between them can then be"
        yield "# slowed or cut, where the components have a `toxiproxy: {}`."
        doubled = [exporter.name for exporter in cast.exporters if exporter.name in {offer.name for offer in found}]
        if doubled:
            yield f"# What stands above for one that runs for real goes: {', '.join(doubled)}."
        yield "# services:"
        base = _from(folder, files.project.folder if files.project else folder.parent)
        yield from (f"# {line}" for offer in found for line in offer.lines(base))


def beside(files: Files, cast: Cast, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of the files that stand beside stack.yaml where the user has none."""
    if files.prometheus is None:
        yield OWN, _prometheus(files, cast, folder)
    elif _own(cast):
        yield WORLD, f"# Scrapes what stands for the targets that production discovers.\n{_scrapes(cast)}"
    if files.routes and files.alertmanager is None:
        yield ROUTING, ROUTES


def _prometheus(files: Files, cast: Cast, folder: Path) -> str:
    """Return a prometheus.yml that loads rules for which there is no other, and scrapes the made-up targets."""
    rules = "".join(f"  - {json.dumps(_from(folder, path))}\n" for path in files.rules)
    routed = files.alertmanager or files.routes
    alerting = "alerting:\n  alertmanagers: [{static_configs: [{targets: ['alertmanager:9093']}]}]\n" if routed else ""
    return (
        "# None was given. Production's own prometheus.yml should stand in stack.yaml instead of this one.\n"
        f"global: {{scrape_interval: {STEP}s, evaluation_interval: {STEP}s}}\nrule_files:\n{rules}{alerting}{_scrapes(cast)}"
    )


def _scrapes(cast: Cast) -> str:
    found = {job for job, _ in cast.finding}
    return "scrape_configs:\n" + "".join(
        f"  - job_name: {json.dumps(f'made-up {each.job}' if each.job in found else each.job or each.name)}\n"
        "    honor_labels: true # the rules name jobs that are not here\n"
        f"    static_configs: [{{targets: {json.dumps(list(each.hosts))}{_label(each.job) if each.job in found else ''}}}]\n"
        for each in _own(cast)
    )


def _label(job: str) -> str:
    return f", labels: {{job: {json.dumps(job)}}}"


def _from(folder: Path, path: Path) -> str:
    return os.path.relpath(path.resolve(), folder.resolve())


def scrape(files: Files) -> float:
    """Return how many seconds are between two scrapes."""
    return beat(files, ("scrape_interval",))


def beat(files: Files, settings: Sequence[str] = ("scrape_interval", "evaluation_interval")) -> float:
    """Return how many seconds one scrape and one evaluation take together."""
    said = (files.prometheus.value.get("global") or {}) if files.prometheus else {}
    usual = f"{STEP}s" if files.prometheus is None else "1m"
    return sum(seconds(str(said.get(name) or usual)) for name in settings)


def story_text(plot: Plot, pace: float, wrong: Sequence[str] = (), pages: Sequence[Page] = (), *, active: bool = False) -> str:
    """Return the story of one alert; ``pace``: the seconds of one scrape and one evaluation.

    ``wrong``: what is against its rule; ``pages``: who is told of it; ``active``: whether it is so over the series of the
    stack, whatever happens.
    """
    rule = plot.rule
    said = f"# Written by `obscheck init` for {rule.file}:{rule.lines['alert']}; change it as you like."
    said += "".join(f"\n# TODO: the rule asks for what is not exposed, and so does this story: {what}" for what in wrong)
    if plot.unclear:
        return said + _open_question(plot, pace, active=active)
    filled, long = math.ceil(plot.filling()), math.ceil(plot.firing(pace))
    calm = filled + math.ceil(2 * pace)
    # An alert that is over before its route has waited is told to nobody.
    waits = max((math.ceil(each.wait + pace) for each in pages), default=0)
    fault = _kill(plot) if plot.down else _script(plot)
    window = f"    from: {_span(calm)}\n    until: {_span(calm + long + waits)}\n"
    name, after = f"{rule.name} fires and resolves", "kill" if plot.down else "script"
    expect = _quiet(rule.name, calm, filled) + _within("alert", rule.name, long, after)
    expect += "".join(_told(each, rule.name, long + math.ceil(each.wait + pace), after) for each in pages)
    expect += _within("resolved", rule.name, plot.quiet(pace), f"cure of {after}")
    return f"{said}\nname: {quoted(name)}\n{SHARE}\nfaults:\n{fault}{window}\nexpect:\n{expect}"


def _open_question(plot: Plot, pace: float, *, active: bool) -> str:
    """Return the rest of a story whose alert nobody knows how to fire: what there is to do, and what can be shown anyway."""
    rule = plot.rule
    if active:
        todo, name = "over the made-up series of stack.yaml it is active all the time; change them", f"{rule.name} is active"
        expect = f"  - alert: {{name: {quoted(rule.name)}}}\n    eventually: 0s .. {_span(plot.firing(pace))}\n"
    else:
        todo = f"what makes it fire is not plain ({plot.unclear}). Until then it is only shown to be quiet"
        name, expect = f"{rule.name} is quiet", _quiet(rule.name, 2 * pace, 0.0, warm=plot.range <= LONGEST)
    expr = textwrap.indent(rule.expr, "#   ")
    return f"\n# TODO: {todo}.\n{expr}\nname: {quoted(name)}\n{SHARE}\nexpect:\n{expect}"


def _span(span: float) -> str:
    return f"{math.ceil(span)}s"


def _quiet(alert: str, until: float, since: float, *, warm: bool = True) -> str:
    words = "" if warm else "    warm: false # its range is long: it begins half empty, and not with minutes of waiting\n"
    return f"  - alert: {{name: {quoted(alert)}}}\n    never: {_span(since)} .. {_span(until)}\n{words}"


def _within(kind: str, alert: str, span: float, after: str) -> str:
    return f"  - {kind}: {{name: {quoted(alert)}}}\n    within: {_span(span)}\n    after: {after}\n"


def _told(page: Page, alert: str, span: float, after: str) -> str:
    labels = f", labels: {{alertname: {quoted(alert)}}}" if page.named else ""
    who = f"sink: {page.sink}, receiver: {quoted(page.receiver)}{labels}"
    return f"  - notification: {{{who}}}\n    within: {_span(span)}\n    after: {after}\n"


def _kill(plot: Plot) -> str:
    return f"  - kill: {{component: {plot.down}}}\n"


def _script(plot: Plot) -> str:
    harmed = [line for line in plot.lines if line.harm]
    series = "".join(f"        {quoted(line.selector())}: '{line.harm}'\n" for line in harmed)
    return f"  - script:\n      component: {harmed[0].member}\n      interval: {STEP}s\n      series:\n{series}"
