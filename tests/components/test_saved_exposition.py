from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_obscheck.components.synthetic import Synthetic
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.protocols import Network, Place

SAVED = """\
# HELP x Some words.
# TYPE requests_total counter
requests_total{code="500",path="a } b \\" c"} 5 1700000000000
# TYPE latency_seconds histogram
latency_seconds_bucket{le="+Inf"} 7 # {trace_id="x"} 0.1
temperature -1.5e-3
# TYPE "queue.depth" gauge
{"queue.depth","queue.name"="mail",kind="x"} 3
# TYPE orders counter
orders_total 5 # {trace_id="y"} 1 1700000000
orders_created 1700000000
broken NaN
up 1
scrape_duration_seconds 0.1
"""


def place(home: Path) -> Place:
    addresses = {"http": "127.0.0.1:1", "control": "127.0.0.1:2"}
    return Place("node", home / "run", home, addresses, Network(), lambda text: text, Document.open)


def test_a_saved_exposition_is_exposed_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "node.prom").write_text(SAVED)
    own = {"series": "temperature", "values": "20x10"}
    component = Synthetic((own,), exposition="node.prom")

    component.facts(place(tmp_path))
    config = json.loads(component.launch(place(tmp_path)).files["synthetic.json"])

    assert config["series"] == [
        own,
        {"series": 'requests_total{code="500",path="a } b \\" c"}', "values": "5x4000", "type": "counter"},
        {
            "series": 'latency_seconds_bucket{le="+Inf"}',
            "values": "7x4000",
            "type": "histogram",
            "exemplar": '{trace_id="x"} 0.1',
        },
        {"series": '{"queue.depth","queue.name"="mail",kind="x"}', "values": "3x4000", "type": "gauge"},
        {"series": "orders_total", "values": "5x4000", "type": "counter", "exemplar": '{trace_id="y"} 1'},
        {"series": "orders_created", "values": "1700000000x4000", "type": "untyped"},
    ]


OPEN = """\
# TYPE orders counter
orders_total{shop="a"} 5
orders_created{shop="a"} 1700000000.5
# TYPE took histogram
took_bucket{le="1"} 1
took_bucket{le="+Inf"} 2
took_count 2
took_sum 3
took_created 1700000001
# TYPE age gauge
age_created 7
# TYPE native histogram
native{shop="a"} {{schema:1 sum:5 count:3 buckets:[1 2]}} # {trace_id="z"} 0.5
# EOF
"""


def test_what_openmetrics_says_about_series_stays_with_them(tmp_path: Path) -> None:
    (tmp_path / "shop.prom").write_text(OPEN)
    component = Synthetic(exposition="shop.prom")

    component.facts(place(tmp_path))
    config = json.loads(component.launch(place(tmp_path)).files["synthetic.json"])

    assert [(each["series"], each["type"], each.get("created"), each.get("exemplar")) for each in config["series"]] == [
        ('orders_total{shop="a"}', "counter", "1700000000.5", None),
        ('took_bucket{le="1"}', "histogram", "1700000001", None),
        ('took_bucket{le="+Inf"}', "histogram", None, None),
        ("took_count", "histogram", None, None),
        ("took_sum", "histogram", None, None),
        ("age_created", "gauge", None, None),
        ('native{shop="a"}', "histogram", None, '{trace_id="z"} 0.5'),
    ]
    assert config["series"][-1]["values"] == "{{schema:1 sum:5 count:3 buckets:[1 2]}}x4000"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "node.prom: cannot be read (No such file or directory)"),
        ("{a} 1\n", "node.prom: line 1: '{a} 1' is no sample; write it like 'x{a=\"b\"} 1'"),
        ("a 1\n<html>\n", "node.prom: line 2: '<html>' is no sample; write it like 'x{a=\"b\"} 1'"),
    ],
)
def test_what_is_no_exposition_is_named(text: str | None, told: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "node.prom").write_text(text)

    with pytest.raises(ConfigError) as caught:
        Synthetic(exposition="node.prom").facts(place(tmp_path))

    assert str(caught.value) == told
