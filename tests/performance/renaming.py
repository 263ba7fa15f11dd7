"""Whether a renamed metric turns exactly its panels red, on dashboards of your own and made-up series that suit them.

Run it: ``python tests/performance/renaming.py DASHBOARD.json…`` (about ten seconds for each). The metric that most panels ask
for is renamed; panels that show nothing with the made-up series are left out.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from figures import Figure, a_session, tell

from pytest_obscheck.capabilities import FollowsStory
from pytest_obscheck.clock import SystemClock
from pytest_obscheck.expectations._behind import Selector, selectors
from pytest_obscheck.expectations._datasources import Sources
from pytest_obscheck.expectations._panelqueries import DATA, EMPTY, ZERO, Ask, Result
from pytest_obscheck.expectations._panels import BoardRun
from pytest_obscheck.expectations.dashboard import Panels
from pytest_obscheck.panel import boards
from pytest_obscheck.panel.times import Range
from pytest_obscheck.protocols import Stack

CLOCK = SystemClock()
SOURCES = "grafana/provisioning/datasources"
MADE_BY_PROMETHEUS = ("up", "ALERTS", "ALERTS_FOR_STATE", "scrape_duration_seconds", "scrape_samples_scraped")
BUCKETS = ("0.1", "1", "+Inf")
PROMETHEUS = """global: {scrape_interval: 200ms}
scrape_configs:
  - {job_name: made-up, honor_labels: true, static_configs: [{targets: ["made-up.example:80"]}]}
"""


@dataclass
class Recorder:
    """Remembers the queries of panels; each variable has the value ``x``."""

    exprs: list[str] = field(default_factory=list)

    def results(self, asks: Sequence[Ask]) -> list[Result]:
        """Remember them."""
        self.exprs.extend(ask.expr for ask in asks)
        return [Result(DATA) for _ in asks]

    def values_of(self, query: str, span: Range) -> list[str]:
        """Return the one value."""
        return ["x"]

    def why_nothing(self, expr: str) -> Result:
        """Return what is never asked for: every query gives data."""
        return Result(EMPTY)


def asked(path: Path) -> dict[str, set[str]]:
    """Return the metrics that each panel of a dashboard asks for, by its number and title."""
    (board,), _ = boards.read(path)
    found: dict[str, set[str]] = {}
    for panel in boards.every(board.panels):
        recorder = Recorder()
        alone = boards.Board(board.title, board.where, (panel,), board.variables, board.start, board.end)
        names = [each.panel for each in BoardRun(alone, Sources(), {"prometheus": recorder}, CLOCK.now()).findings()]
        for name in names:
            found[f"{len(found)} {name}"] = {each.name for expr in recorder.exprs for each in selectors(expr)}
    return found


def series(path: Path, renamed: str) -> Iterator[str]:
    """Yield series that every selector of a dashboard finds, but for those of one metric, which has another name."""
    recorder = Recorder()
    for board in boards.read(path)[0]:
        BoardRun(board, Sources(), {"prometheus": recorder}, CLOCK.now()).findings()
    for selector in dict.fromkeys(each for expr in recorder.exprs for each in selectors(expr)):
        if selector.name in MADE_BY_PROMETHEUS:
            continue
        name = f"{selector.name}_renamed" if selector.name == renamed else selector.name
        labels = {"job": "x", "instance": "x"} | _labels(selector)
        for le in BUCKETS if name.removesuffix("_renamed").endswith("_bucket") else ("",):
            every = labels | ({"le": le} if le else {})
            yield name + "{" + ",".join(f"{key}={json.dumps(value)}" for key, value in sorted(every.items()) if value) + "}"


def _labels(selector: Selector) -> dict[str, str]:
    """Return labels that satisfy the matchers: the first alternative of a regex that it matches itself."""
    found = {}
    for label, text in selector.matchers:
        sign, value = re.match(r'\w+(=~|!=|!~|=)"(.*)"', text).groups()  # type: ignore[union-attr]
        tries = ["x", *re.split(r"[|()]", value), re.sub(r"\.[*+]", "x", value), re.sub(r"\.", "0", value)]
        if sign == "=":
            found[label] = value
        elif sign == "=~":
            found[label] = next((each for each in tries if each and re.fullmatch(value, each)), "x")
    return found


@contextmanager
def made_up(paths: Sequence[Path], renamed: str = "", *, grafana: bool = False) -> Iterator[tuple[Stack, Panels]]:
    """Give a stack with made-up series that suit dashboards, and the look at these, through Grafana if wanted."""
    texts = dict.fromkeys(each for path in paths for each in series(path, renamed))
    rows = "".join(f"      - {{series: {json.dumps(each)}, values: '1+7x1000'}}\n" for each in texts)
    members = f"  made-up:\n    type: synthetic\n    interval: 1s\n    hosts: [made-up.example:80]\n    series:\n{rows}"
    members += "  grafana: {}\n" if grafana else ""
    with tempfile.TemporaryDirectory(prefix="obscheck-renaming-") as folder:
        home = Path(folder) / "stack"
        (home / SOURCES).mkdir(parents=True)
        (home / "boards").mkdir()
        for path in paths:
            shutil.copyfile(path, home / "boards" / f"{path.parent.name}-{path.name}")
        (home / "prometheus.yml").write_text(PROMETHEUS, encoding="utf-8")
        prometheus = "prometheus: {config: prometheus.yml, hosts: [prometheus.example:80]}"
        (home / "stack.yaml").write_text(f"components:\n  {prometheus}\n{members}", encoding="utf-8")
        (home / SOURCES / "made-up.yml").write_text(
            json.dumps({"apiVersion": 1, "datasources": provisioned(paths)}), encoding="utf-8"
        )
        with a_session(Path(folder)) as session:
            stack = session.stack()
            for target in stack.all(FollowsStory).values():
                target.begin(CLOCK.now(), 1.0)
            CLOCK.sleep(4.0)
            known = [board for path in paths for board in boards.read(path)[0]]
            fixed = {each.name: "x" for board in known for each in board.variables if each.type == "query"}
            yield stack, Panels("boards", SOURCES if grafana else "", variables=tuple(sorted(fixed.items())))


def provisioned(paths: Sequence[Path]) -> list[dict[str, object]]:
    """Return the data sources that dashboards call by their uids, all of them the one Prometheus."""
    panels = [panel for path in paths for board in boards.read(path)[0] for panel in boards.every(board.panels)]
    uids = {target.source.uid for panel in panels for target in panel.targets if target.source.type == "prometheus"}
    named = sorted(uid for uid in {*uids, "made-up"} if uid and "$" not in uid)
    return [
        {"name": uid, "uid": uid, "type": "prometheus", "url": "http://prometheus.example", "isDefault": uid == "made-up"}
        for uid in named
    ]


def words(path: Path, renamed: str, *, grafana: bool) -> dict[str, str]:
    """Return the word that each panel gets from the made-up series."""
    with made_up([path], renamed, grafana=grafana) as (stack, look):
        now = CLOCK.now()
        return {f"{number} {each['panel']}": each["word"] for number, each in enumerate(look.look(stack, now, now))}


def figures(paths: Sequence[Path], *, grafana: bool = False) -> Iterator[Figure]:
    """Yield, for each dashboard, how many of its panels a renamed metric turned red, and how many it should have."""
    for path in paths:
        panels = asked(path)
        metric = Counter(name for names in panels.values() for name in names).most_common(1)[0][0]
        before, after = words(path, "", grafana=grafana), words(path, metric, grafana=grafana)
        shown = {panel for panel, word in before.items() if word in (DATA, ZERO)}
        wanted = {panel for panel in shown if metric in panels[panel]}
        red = {panel for panel in shown if after[panel] == EMPTY}
        value = f"{len(red)} red of {len(shown)} that show something"
        yield Figure(f"{path.name}: {metric}"[:58], value, f"the {len(wanted)} that ask for it", bool(wanted) and red == wanted)


if __name__ == "__main__":
    sys.exit(tell(figures([Path(argument) for argument in sys.argv[1:]])))
