"""What a real Prometheus makes of a synthetic target: native histograms, exemplars, and when counters were created."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.capture import targets_command
from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.components._exposition import saved
from pytest_obscheck.components._http import plain
from pytest_obscheck.components.synthetic import TYPES
from pytest_obscheck.synthetic.notation import samples

pytestmark = pytest.mark.integration

GROWS = "{{schema:1 sum:20 count:10 z_bucket:1 z_bucket_w:0.001 buckets:[2 0 3 4] offset:-1}}"
TOOK = {"series": 'took_seconds{shop="a"}', "values": f"{GROWS}+{GROWS}x100000", "exemplar": '{trace_id="native"} 0.7'}
BATCH = {
    "series": "batch",
    "values": "{{schema:-1 sum:1 count:4 buckets:[1 0 0 2] n_buckets:[1] n_offset:3 counter_reset_hint:gauge}}x100000",
}
JOBS = {"series": "jobs_total", "values": "1000x100000", "type": "counter", "created": "1s"}
ASKED = {
    "series": 'asked_bucket{le="1"}',
    "values": "3x100000",
    "type": "histogram",
    "exemplar": '{trace_id="classic"} 0.25',
}
REST = [
    {"series": 'asked_bucket{le="+Inf"}', "values": "4x100000", "type": "histogram"},
    {"series": "asked_count", "values": "4x100000", "type": "histogram"},
    {"series": "asked_sum", "values": "5.5x100000", "type": "histogram"},
    {"series": 'slow{quantile="0.5"}', "values": "0.5x100000", "type": "summary"},
    {"series": "slow_count", "values": "7x100000", "type": "summary"},
    {"series": "slow_sum", "values": "9x100000", "type": "summary"},
    {"series": 'alone_bucket{le="1"}', "values": "3x100000", "type": "histogram"},
    {"series": '{"queue.depth","host.name"="a"}', "values": "3x100000", "type": "gauge"},
]


@dataclass(frozen=True)
class Asked:
    """A Prometheus that scrapes the target ten times a second."""

    http: httpx.Client

    def value(self, query: str) -> Any:
        """Return the value of the one series that comes of a query, ``None`` while there is none."""
        found = self.http.get("/api/v1/query", params={"query": query}).json()["data"]["result"]
        return found[0].get("histogram", found[0].get("value"))[1] if found else None

    def soon(self, query: str) -> Any:
        """Return it as soon as there is one."""
        until(SystemClock(), lambda: self.value(query) is not None, 20.0)
        return self.value(query)


@pytest.fixture
def prometheus(obs_program: Callable[[str], Path], beginner: Any, tmp_path: Path) -> Iterator[Callable[..., Asked]]:
    """Start a Prometheus that scrapes a target."""
    program = obs_program("prometheus")
    with ExitStack() as opened:

        def start(target: Any, features: str = "", **scraping: Any) -> Asked:
            (address,) = beginner.free(1)
            jobs = [{"job_name": "shop", "static_configs": [{"targets": [target.http.base_url.netloc.decode()]}], **scraping}]
            made = {"global": {"scrape_interval": "100ms", "scrape_timeout": "100ms"}, "scrape_configs": jobs}
            (tmp_path / "prometheus.yml").write_text(json.dumps(made), encoding="utf-8")
            argv = [
                program, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                f"--web.listen-address={address}", "--scrape.discovery-reload-interval=100ms",
                *([f"--enable-feature={features}"] if features else []),
            ]  # fmt: skip
            process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            opened.callback(process.wait)
            opened.callback(process.terminate)
            asked = Asked(opened.enter_context(plain(base_url=f"http://{address}")))
            until(SystemClock(), lambda: _ready(asked), 20.0)
            return asked

        yield start


def _ready(asked: Asked) -> bool:
    try:
        return asked.http.get("/-/ready").status_code == 200
    except httpx.HTTPError:
        return False


def begin(target: Any, ago: float) -> None:
    """Let the story have begun that many seconds ago."""
    target.control.put("/story", json={"zero": SystemClock().now() - ago, "speed": 1})


def test_native_histograms_and_all_that_comes_with_them_are_stored(
    prometheus: Callable[..., Asked], target: Callable[..., Any], obs_program: Callable[[str], Path], tmp_path: Path
) -> None:
    shown = target(TOOK, BATCH, JOBS, ASKED, *REST, interval=0.1)
    begin(shown, 2)
    asked = prometheus(shown, "exemplar-storage", scrape_native_histograms=True)

    quantile = asked.soon("histogram_quantile(0.9, took_seconds)")
    rates = {'took_seconds{shop="a"}': f"{GROWS}x3", "batch": BATCH["values"][: -len("100000")] + "3"}
    tests = [("histogram_quantile(0.9, took_seconds)", quantile)]
    tests += [(query, asked.soon(query)) for query in ("histogram_stddev(batch)", "histogram_fraction(-1, 2, batch)")]
    _agree(obs_program("promtool"), tmp_path / "same.yml", rates, tests)

    rate = "histogram_count(rate(took_seconds[2s]))"
    until(SystemClock(), lambda: 90 < float(asked.value(rate) or 0) < 110, 20.0)
    assert float(asked.value(rate)) == pytest.approx(100, rel=0.15)
    stored = ('asked_bucket{le="1.0"}', "asked_sum", 'slow{quantile="0.5"}', "alone_bucket")
    assert [asked.value(query) for query in stored] == [
        "3", "5.5", "0.5", "3",
    ]  # fmt: skip
    assert asked.value('{"queue.depth","host.name"="a"}') == "3"
    assert (asked.value("took_seconds_count"), asked.value("alone_count")) == (None, None)
    assert _traces(asked) == {'took_seconds{shop="a"}': "native", 'asked_bucket{le="1.0"}': "classic"}

    captured = _captured(asked, tmp_path / "samples")
    assert captured["batch"] == {"type": "gauge", "values": f"{BATCH['values'].partition(' counter')[0]}}}}}x4000"}
    assert captured['took_seconds{shop="a"}']["exemplar"] == TOOK["exemplar"]
    assert captured['took_seconds{shop="a"}']["values"].startswith("{{schema:1 sum:")
    assert captured['asked_bucket{le="1.0"}'] == {"type": "histogram", "values": "3x4000", "exemplar": ASKED["exemplar"]}
    assert captured["jobs_total"] == {"type": "counter", "values": "1000x4000"}
    assert captured['{"queue.depth","host.name"="a"}'] == {"type": "gauge", "values": "3x4000"}


def _captured(asked: Asked, folder: Path) -> dict[str, dict[str, str]]:
    """Return what a synthetic target makes of all that is captured from a Prometheus."""
    targets_command(str(asked.http.base_url), folder, lambda _: None)
    (file,) = folder.iterdir()
    made = [dict(each) for each in saved(file.read_text(encoding="utf-8"), TYPES)]
    for each in made:
        samples(each["values"])
    return {each.pop("series"): each for each in made}


def _agree(program: Path, path: Path, series: dict[str, str], tests: list[tuple[str, str]]) -> None:
    """Let promtool say that it comes to the same numbers."""
    expected = [
        {"expr": f"sum({query} == {value})", "eval_time": "3m", "exp_samples": [{"labels": "{}", "value": float(value)}]}
        for query, value in tests
    ]
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    made = {"tests": [{"interval": "1m", "input_series": inputs, "promql_expr_test": expected}]}
    path.write_text(json.dumps(made), encoding="utf-8")
    said = subprocess.run([program, "test", "rules", path], check=False, capture_output=True, text=True)
    assert said.returncode == 0, (tests, said.stdout, said.stderr)


def _traces(asked: Asked) -> dict[str, str]:
    query = {"query": '{job="shop"}', "start": 0, "end": SystemClock().now() + 60}
    found = asked.http.get("/api/v1/query_exemplars", params=query).json()["data"]
    traces = {}
    for each in found:
        labels = {name: value for name, value in each["seriesLabels"].items() if name not in ("job", "instance", "__name__")}
        inside = ",".join(f'{name}="{value}"' for name, value in labels.items())
        traces[f"{each['seriesLabels']['__name__']}{{{inside}}}"] = each["exemplars"][-1]["labels"]["trace_id"]
    return traces


def test_in_text_there_is_of_a_native_histogram_what_client_libraries_show(
    prometheus: Callable[..., Asked], target: Callable[..., Any]
) -> None:
    shown = target(BATCH, ASKED, interval=0.1)
    begin(shown, 2)
    asked = prometheus(shown, "exemplar-storage")

    assert (asked.soon("batch_count"), asked.value('batch_bucket{le="+Inf"}'), asked.value("batch")) == ("4", "4", None)
    assert _traces(asked) == {'asked_bucket{le="1.0"}': "classic"}


@pytest.mark.parametrize("native", [False, True])
def test_a_counter_begins_at_zero_when_it_was_created(
    native: bool, prometheus: Callable[..., Asked], target: Callable[..., Any]
) -> None:
    shown = target({**JOBS, "values": "_x40 1000x100000", "created": "3900ms"}, TOOK if native else ASKED, interval=0.1)
    asked = prometheus(shown, "created-timestamp-zero-ingestion", scrape_native_histograms=native)
    begin(shown, -0.5)

    asked.soon("jobs_total")

    values = [asked.value(query) for query in ("min_over_time(jobs_total[30s])", "jobs_total", "jobs_created")]
    assert values == ["0", "1000", None]
    assert float(asked.value("increase(jobs_total[30s])")) >= 1000
