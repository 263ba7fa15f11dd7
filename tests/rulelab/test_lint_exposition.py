"""Rules compared with what is really exposed: a page, a Prometheus, a run's journal."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.journal import Journal, dump
from pytest_obscheck.rulelab.lintexposition import Exposition, check, known, page
from pytest_obscheck.rulelab.lintrules import RuleSet, read

PAGE = """\
# HELP http_requests_total Requests answered.
# TYPE http_requests_total counter
http_requests_total{endpoint="/a \\"b\\"",status="200"} 7.0
report_seconds_bucket{le="30.0"} 1.0
report_seconds_bucket{le="+Inf"} 1.0
process_open_fds 12
"""
SERIES = [{"__name__": "http_requests_total", "job": "shop", "status": "200"}, {"__name__": "up", "job": "shop"}]


def found(folder: Path, expr: str, against: Exposition | Journal) -> list[str]:
    file = folder / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "g", "rules": [{"alert": "A", "expr": expr}]}]}), encoding="utf-8")
    rules, _ = read(file, "rules.yml")
    return [str(finding) for finding in check(RuleSet(tuple(rules)), against)]


def lacks(what: str) -> list[str]:
    return [f"rules.yml:1: alert A: {what} (unknown-series)"]


@pytest.mark.parametrize(
    ("expr", "what"),
    [
        (
            'rate(http_requests_total{status_code=~"5.."}[5m]) > 1',
            "no series of http_requests_total has a label 'status_code'; did you mean 'status'?",
        ),
        ("rate(http_request_total[5m]) > 1", "no series is called 'http_request_total'; did you mean 'http_requests_total'?"),
        (
            'rate(report_seconds_bucket{le="30"}[5m]) > 1',
            "no series of report_seconds_bucket has le=\"30\"; it is written '30.0'",
        ),
        ('rate(http_requests_total{status="500"}[5m]) > 1', ""),
        ('rate(http_requests_total{job="shop",status!="200"}[5m]) > 1', ""),
        ('rate(http_requests_total{code=~".*"}[5m]) > 1', ""),
        ("absent(nothing_like_it)", ""),
        ("mysql_up == 0", ""),
        ("up == 0", ""),
    ],
)  # fmt: skip
def test_a_page_shows_what_a_rule_asks_for_in_vain(tmp_path: Path, expr: str, what: str) -> None:
    assert found(tmp_path, expr, page(PAGE, "page")) == (lacks(what) if what else [])


class Answers(BaseHTTPRequestHandler):
    """A Prometheus that knows two series, and a page beside it."""

    def do_GET(self) -> None:
        """Answer what is asked."""
        body = json.dumps({"status": "success", "data": SERIES}) if self.path.startswith("/api/v1/series") else PAGE
        there = self.path.startswith("/api/") or self.path == "/metrics"
        self.send_response(200 if there else 404)
        self.end_headers()
        self.wfile.write(body.encode() if there else b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def test_a_prometheus_knows_all_series_and_all_labels(tmp_path: Path, server: str) -> None:
    against = known(server)

    assert found(tmp_path, "mysql_up == 0", against) == lacks("no series is called 'mysql_up'")
    assert found(tmp_path, 'rate(http_requests_total{team="a"}[5m]) > 1', against) == lacks(
        "no series of http_requests_total has a label 'team'; known are: job, status"
    )


def test_a_page_can_be_asked_for(tmp_path: Path, server: str) -> None:
    assert found(tmp_path, "rate(http_request_total[5m]) > 1", known(f"{server}/metrics")) == lacks(
        "no series is called 'http_request_total'; did you mean 'http_requests_total'?"
    )


def test_an_address_that_nobody_answers_is_a_mistake(server: str) -> None:
    with pytest.raises(ConfigError, match=r"^http://127.0.0.1:\d+/nothing: cannot be read \("):
        known(f"{server}/nothing")


def test_a_page_can_be_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text(PAGE, encoding="utf-8")

    assert known(str(tmp_path / "page.txt")) == page(PAGE, "page")


def test_the_journal_of_a_run_says_what_it_missed(tmp_path: Path) -> None:
    journal = Journal()
    missing = {"A": "no series is called 'a_totl'; did you mean 'a_total'? (rules.yml:1)", "B": "nothing"}
    journal.write("look", 1.0, key="unfireable", data={"until": 1.0, "missing": missing})
    (tmp_path / "run.ndjson").write_text(dump(journal), encoding="utf-8")

    assert found(tmp_path, "rate(a_totl[5m]) > 1", known(str(tmp_path / "run.ndjson"))) == lacks(
        "no series is called 'a_totl'; did you mean 'a_total'?"
    )


def test_a_journal_that_is_cut_short_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    path.write_text('{"kind": "journal", "schema": 3}\n{"kind"', encoding="utf-8")

    with pytest.raises(ConfigError, match="line 2 is not JSON"):
        known(str(path))


def test_a_file_without_samples_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    path.write_text("# nothing\n", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        known(str(path))

    assert str(caught.value) == f"{path}: there is no sample; give a Prometheus, a /metrics page, or a run's journal"
