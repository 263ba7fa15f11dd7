"""Filebeat's working copy: it reads what members log, sends to the member with production's name, and reaches nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_obscheck.components._asking import ServiceClient
from pytest_obscheck.components.filebeat import Filebeat
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.protocols import Network, Place

CONFIG = """\
filebeat.inputs:
  - type: filestream
    id: shop # theirs
    paths: [/var/log/shop/*.log, /var/log/other.log]
    prospector.scanner: {check_interval: 0755s}
    processors: [{add_kubernetes_metadata: ~}, {drop_fields: {fields: [a]}}]
  - {type: tcp, host: "0.0.0.0:9000"}
  - paths: [/mnt/audit.log]
  - {type: log, paths: [/var/log/syslog]}
  - {type: log, enabled: false, paths: [/var/log/mail.log]}
filebeat.config.modules: {path: "${path.config}/modules.d/*.yml"}
path.data: /var/lib/filebeat
processors:
  - add_host_metadata: ~
  - add_cloud_metadata: ~
  - if: {has_fields: [a]}
    then: {dns: {type: reverse}, add_id: ~}
output.elasticsearch:
  hosts: ["https://ES-1.shop.example:9200/es", "es-2.shop.example", "${MORE:http://nobody.example:1}", "${THIRD}"]
  protocol: https
  username: elastic
  password: hunter2
  ssl: {certificate_authorities: [/etc/ca.pem]}
cloud.auth: elastic:hunter2
setup.kibana.host: kibana.shop.example:5601
monitoring: {enabled: true}
logging.level: info
"""
LED = """\
filebeat.inputs:
  - type: filestream
    id: shop # theirs
    paths: ["/run/shop/shop.log"]
    prospector.scanner: {check_interval: "200ms"}
    processors: [{drop_fields: {fields: [a]}}]
    backoff.init: "100ms"
    backoff.max: "200ms"
"""
LOGS = {"/var/log/shop/*.log": "shop"}
HOSTS = {"es-1.shop.example:9200": "127.0.0.1:7", "es-2.shop.example:9200": "127.0.0.1:8"}


def a_place(home: Path, config: str = CONFIG) -> Place:
    (home / "filebeat.yml").write_text(config, encoding="utf-8")
    network = Network(hosts=HOSTS, edges={"filebeat→es": ("127.0.0.1:9", "127.0.0.1:7")})

    def fill(text: str) -> str:
        return text.replace("${es.address}", "127.0.0.1:6")

    def opened(path: Path) -> Any:
        return Document.open(path, path.name)

    mounts = {"/mnt": "mounted"}
    return Place("filebeat", Path("/run/filebeat"), home, {"http": "127.0.0.1:1"}, network, fill, opened, mounts)


def launched(place: Place, **more: Any) -> tuple[str, dict[str, Any]]:
    launch = Filebeat("filebeat.yml", LOGS, {"THIRD": "http://${es.address}"}, **more).launch(place)
    assert (launch.environment, launch.originals) == ({"THIRD": "http://127.0.0.1:6"}, {"filebeat.yml": "filebeat.yml"})
    text = launch.files["filebeat.yml"]
    return text, yaml.safe_load(text)


def test_it_reads_the_logs_of_members_and_mounted_files_at_once_and_nothing_else(tmp_path: Path) -> None:
    text, value = launched(a_place(tmp_path))

    quick = {"scan_frequency": "200ms", "backoff": "100ms", "max_backoff": "200ms"}
    assert text.startswith(LED), text
    assert value["filebeat.inputs"][1:] == [
        {"paths": [f"{tmp_path}/mounted/audit.log"], **quick},
        {"type": "log", "enabled": False, "paths": ["/var/log/mail.log"]},
    ]


def test_it_sends_to_members_by_their_production_names_in_plain_http_through_their_edges(tmp_path: Path) -> None:
    _, value = launched(a_place(tmp_path))

    assert value["output.elasticsearch"] == {"hosts": ["http://127.0.0.1:9/es", "127.0.0.1:8", "http://127.0.0.1:6"]}


def test_what_else_it_would_read_ask_and_tell_is_taken_out(tmp_path: Path) -> None:
    _, value = launched(a_place(tmp_path))

    assert value["processors"] == [{"add_host_metadata": None}, {"if": {"has_fields": ["a"]}, "then": {"add_id": None}}]
    kept = {"filebeat.inputs", "processors", "output.elasticsearch", "logging.level", "queue.mem.flush.timeout"}
    assert set(value) == kept


def test_settings_are_found_however_their_names_are_split(tmp_path: Path) -> None:
    nested = """\
filebeat: {inputs: [{type: log, paths: /var/log/shop/*.log, backoff: 5s}], modules: [{module: system}]}
output: {logstash.hosts: es-2.shop.example:9200, logstash: {ssl.enabled: true}, elasticsearch: {enabled: false, hosts: [x]}}
queue: {mem: {flush: {timeout: 2s}}}
"""
    _, value = launched(a_place(tmp_path, nested))

    quick = {"backoff": "100ms", "scan_frequency": "200ms", "max_backoff": "200ms"}
    assert value["filebeat"] == {"inputs": [{"type": "log", "paths": ["/run/shop/shop.log"], **quick}]}
    assert value["output"] == {
        "logstash.hosts": ["127.0.0.1:8"],
        "logstash": {},
        "elasticsearch": {"enabled": False, "hosts": ["x"]},
    }
    assert value["queue"] == {"mem": {"flush": {"timeout": "100ms"}}}


def test_its_data_is_in_its_folder_and_it_says_how_it_is_where_it_is_told(tmp_path: Path) -> None:
    place = a_place(tmp_path)
    filebeat = Filebeat("filebeat.yml", LOGS, {"THIRD": ""}, {"name": "shop", "http.port": "5066"})
    client = filebeat.connect(place)
    client.close()

    assert (client.path, str(client.pool.base_url)) == ("/stats", "http://127.0.0.1:1")
    assert isinstance(client, ServiceClient)
    assert filebeat.launch(place).argv == (
        *("filebeat", "-e", "--strict.perms=false", "-c", "/run/filebeat/filebeat.yml"),
        *("--path.home", "/run/filebeat", "--path.data", "/run/filebeat/data", "--path.logs", "/run/filebeat/logs"),
        *("-E", "name=shop", "-E", "http.port=1", "-E", "http.enabled=true", "-E", "http.host=127.0.0.1"),
    )


def test_its_secrets_are_in_no_journal(tmp_path: Path) -> None:
    files = Filebeat("filebeat.yml", LOGS).facts(a_place(tmp_path)).files

    assert "hunter2" not in str(files)
    assert 'cloud.auth: "<secret>"' in files["filebeat.yml"]


@pytest.mark.parametrize(
    ("config", "logs", "said"),
    [
        (
            CONFIG,
            {"/var/log/shop/*.txt": "shop"},
            "filebeat.yml:1: no input reads '/var/log/shop/*.txt'; did you mean '/var/log/shop/*.log'?",
        ),
        (
            "output.elasticsearch.hosts: [a]\nfilebeat.inputs: [{type: log, paths: [/var/log/a.log]}]\n",
            {},
            (
                "filebeat.yml:2: no input reads a file of the stack; "
                "say whose log stands at one of its paths: logs: {/var/log/shop/*.log: shop}"
            ),
        ),
        (
            "filebeat.inputs: [{paths: [/var/log/shop/*.log]}]\noutput.kafka: {hosts: [k:9092]}\n",
            LOGS,
            "filebeat.yml:1: no output has hosts that a member could be; write output.elasticsearch.hosts",
        ),
    ],
)
def test_what_would_ship_nothing_is_said_before_anything_starts(
    tmp_path: Path, config: str, logs: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        Filebeat("filebeat.yml", logs).facts(a_place(tmp_path, config))

    assert str(raised.value).splitlines()[0] == said


def test_an_output_that_leads_nowhere_is_said(tmp_path: Path) -> None:
    place = a_place(tmp_path, CONFIG.replace("shop.example", "elsewhere.example"))

    with pytest.raises(ConfigError) as raised:
        Filebeat("filebeat.yml", LOGS).launch(place)

    assert str(raised.value) == (
        "filebeat.yml:19: no host of the output leads to a member of the stack; "
        "give a member the production name of one: hosts: [es.shop.example:9200]"
    )
