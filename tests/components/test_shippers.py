"""Logstash, Fluentd and Kibana: how they are launched, and what their documented answers say. None was run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.capabilities import ReportsHealth
from pytest_obscheck.components._asking import ServiceClient
from pytest_obscheck.components.fluentd import Fluentd
from pytest_obscheck.components.kibana import Kibana
from pytest_obscheck.components.logstash import Logstash
from pytest_obscheck.errors import ConfigError, ProgramMissing
from pytest_obscheck.protocols import Network, Place

EVERY: list[Any] = [
    Logstash("shop.conf", {"STORE": "http://${store.address}"}),
    Fluentd("shop.conf", {"STORE": "${store.address}"}),
    Kibana("${store.address}", {"server.name": "shop"}),
]
NAMES = ("logstash", "fluentd", "kibana")
# What each answers when it can do its work, shortened, as its documentation shows it.
LOGSTASH = {"host": "a", "version": "8.15.0", "http_address": "127.0.0.1:9600", "id": "b", "status": "green", "snapshot": False}
FLUENTD = {"plugins": [{"plugin_id": "out", "type": "elasticsearch", "buffer_queue_length": 0, "retry_count": 0}]}
KIBANA = {"name": "a", "version": {"number": "8.15.0"}, "status": {"overall": {"level": "available"}, "core": {}}}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return the place of a member whose program is on PATH and whose file is there."""
    for name in NAMES:
        (tmp_path / name).touch(mode=0o755)
    (tmp_path / "shop.conf").write_text("# the shop's\n", encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path))
    addresses = {"http": "127.0.0.1:9600", "beats": "127.0.0.1:5044", "forward": "127.0.0.1:24224"}

    def fill(text: str) -> str:
        return text.replace("${store.address}", "127.0.0.1:9200")

    return Place("shipper", Path("/run/s"), tmp_path, addresses, Network(), fill, lambda path: path)


def test_logstash_runs_the_users_pipeline_and_is_led_by_its_environment(place: Place) -> None:
    launch = EVERY[0].launch(place)

    assert launch.argv[1:] == (
        *("-f", "/run/s/pipeline.conf", "--path.data", "/run/s/data", "--path.logs", "/run/s/logs"),
        *("--api.http.host", "127.0.0.1", "--api.http.port", "9600"),
    )
    assert launch.environment == {"LS_JAVA_OPTS": "-Xms256m -Xmx512m", "STORE": "http://127.0.0.1:9200"}
    assert launch.files == {"pipeline.conf": "# the shop's\n"}


def test_fluentd_runs_the_users_file_with_a_monitor_that_is_asked(place: Place) -> None:
    launch = EVERY[1].launch(place)

    assert launch.argv[1:] == ("--no-supervisor", "-c", "/run/s/fluent.conf")
    assert launch.environment == {"STORE": "127.0.0.1:9200"}
    assert launch.files["fluent.conf"] == (
        "# the shop's\n\n# Added by the harness: what every plugin has in its buffer, and what it lost.\n"
        "<source>\n  @type monitor_agent\n  bind 127.0.0.1\n  port 9600\n</source>\n"
    )


def test_kibana_listens_where_it_is_told_and_shows_the_store_of_the_stack(place: Place) -> None:
    flags = set(EVERY[2].launch(place).argv[1:])

    assert {"--server.host=127.0.0.1", "--server.port=9600", "--elasticsearch.hosts=http://127.0.0.1:9200"} < flags
    assert {"--path.data=/run/s/data", "--server.name=shop"} < flags


@pytest.mark.parametrize(("component", "name"), list(zip(EVERY, NAMES, strict=True)), ids=NAMES)
def test_a_program_that_is_not_there_is_said(component: Any, name: str, place: Place) -> None:
    (place.home / name).unlink()

    with pytest.raises(ProgramMissing, match=f"^{name}: not found on PATH or in a Python package that carries it; "):
        component.launch(place)


@pytest.mark.parametrize("component", EVERY[:2], ids=NAMES[:2])
def test_a_file_that_is_not_there_is_said(component: Any, place: Place) -> None:
    component.facts(place)
    (place.home / "shop.conf").unlink()

    with pytest.raises(ConfigError) as raised:
        component.facts(place)

    assert str(raised.value) == "shipper: shop.conf: cannot be read (No such file or directory)"


@pytest.mark.parametrize(
    ("component", "path", "answer"),
    list(zip(EVERY, ("/", "/api/plugins.json", "/api/status"), (LOGSTASH, FLUENTD, KIBANA), strict=True)),
    ids=NAMES,
)
def test_it_is_ready_when_its_own_endpoint_says_so_and_can_be_asked(
    component: Any, path: str, answer: Any, place: Place
) -> None:
    asked: list[str] = []

    def answered(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200 if len(asked) > 1 else 503, json=answer)

    made = component.connect(place)
    pool = httpx.Client(base_url="http://127.0.0.1:9600", transport=httpx.MockTransport(answered))
    client = ServiceClient(made.name, pool, made.path)
    made.close()

    assert isinstance(client, ReportsHealth)
    assert [client.ready(), client.ready()] == [False, True]
    assert client.ask(path, 1.0).json == answer
    assert set(asked) == {path}
