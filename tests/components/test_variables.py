from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_obscheck.components.alertmanager import Alertmanager
from pytest_obscheck.components.prometheus import Prometheus
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.plan import Check
from pytest_obscheck.protocols import Network, Place

CONFIG = """\
global: {external_labels: {cluster: "${CLUSTER}"}} # ${CLUSTER}
scrape_configs:
  - job_name: a
    static_configs: [{targets: ["a:${PORT}"]}]
    relabel_configs: [{source_labels: [x], replacement: "${GROUP}", target_label: y}]
"""


def place(home: Path) -> Place:
    def fill(text: str) -> str:
        return text.replace("${db.address}", "127.0.0.1:7")

    return Place("p", Path("/run/p"), home, {"http": "127.0.0.1:1"}, Network(proxy="http://127.0.0.1:2"), fill, Document.open)


def test_variables_are_filled_in_as_the_wrapper_of_production_does(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text(CONFIG)
    component = Prometheus("p.yml", variables={"CLUSTER": "${db.address}", "PORT": "80"})

    facts, launch = component.facts(place(tmp_path)), component.launch(place(tmp_path))

    as_checked = CONFIG.replace("${CLUSTER}", "127.0.0.1:7").replace("${PORT}", "80")
    assert (facts.scraped, facts.checks) == (("a:80",), (Check("promtool", tmp_path / "p.yml", as_checked),))
    assert launch.environment == {"GOGC": "400", "CLUSTER": "127.0.0.1:7", "PORT": "80"}
    expected = CONFIG.replace("${CLUSTER}", "127.0.0.1:7").replace("${PORT}", "80")
    assert launch.files["prometheus.yml"] == f'{expected}    proxy_url: "http://127.0.0.1:2"\n'


@pytest.mark.parametrize(
    "component", [Prometheus("p.yml", variables={"PORT": "80"}), Alertmanager("p.yml", variables={"A": "b"})]
)
def test_a_variable_that_nothing_stands_for_is_named_with_its_line(
    component: Prometheus | Alertmanager, tmp_path: Path
) -> None:
    (tmp_path / "p.yml").write_text(CONFIG)

    with pytest.raises(ConfigError) as caught:
        component.facts(place(tmp_path))

    told = "p.yml:1: nothing says what ${CLUSTER} stands for; give it in stack.yaml, as variables: {CLUSTER: …}"
    assert told in str(caught.value).splitlines()
    assert "GROUP" not in str(caught.value)


def test_before_there_are_addresses_a_tool_reads_some(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text(CONFIG)
    component = Prometheus("p.yml", variables={"CLUSTER": "http://${db.address}", "PORT": "80"})

    (check,) = component.facts(replace(place(tmp_path), addresses={})).checks

    assert check.text == CONFIG.replace("${CLUSTER}", "http://127.0.0.1:1").replace("${PORT}", "80")
