"""How exporters are launched: where they listen, whom they watch, and the modules of probes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_obscheck.components import _exporter, postgres_exporter, redis_exporter
from pytest_obscheck.components.blackbox_exporter import BlackboxExporter
from pytest_obscheck.components.nginx_exporter import NginxExporter
from pytest_obscheck.components.postgres_exporter import PostgresExporter
from pytest_obscheck.components.redis_exporter import RedisExporter
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError, ProgramMissing
from pytest_obscheck.protocols import Launch, Network, Place
from pytest_obscheck.speed import Speed

FILLED = {"${redis.address}": "127.0.0.1:6379", "${postgresql.address}": "127.0.0.1:5432"}
MODULES = """modules:
  page: {prober: http}
  login:
    prober: http
    timeout: 5s
    http:
      basic_auth: {username: shop, password: hunter2} # of the shop
      tls_config: {cert_file: /etc/client.pem, key_file: /etc/client.key}
  port: {prober: tcp, tcp: {tls: true, tls_config: {ca_file: /etc/ca.pem}}}
"""


def a_place(home: Path = Path("/shop"), speed: Speed | None = None) -> Place:
    network = Network(proxy="http://127.0.0.1:8880", ca_file=Path("/run/ca.pem"))

    def fill(text: str) -> str:
        for name, value in FILLED.items():
            text = text.replace(name, value)
        return text

    place = Place("exporter", Path("/run/e"), home, {"http": "127.0.0.1:9115"}, network, fill, Document.open)
    return place if speed is None else Place(**{**vars(place), "speed": speed})


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that alone is on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def a_program(folder: Path, name: str) -> str:
    (folder / name).touch(mode=0o755)
    return str(folder / name)


def test_a_redis_exporter_watches_the_redis_of_the_stack(programs: Path) -> None:
    path = a_program(programs, "prometheus-redis-exporter")

    launch = RedisExporter(args=("--web.listen-address=:9121", "-redis.addr", "redis://x", "--check-keys=a")).launch(a_place())

    argv = (path, "--redis.addr=redis://127.0.0.1:6379", "--web.listen-address=127.0.0.1:9115", "--check-keys=a")
    assert launch == Launch(argv, Path("/run/e"))


def test_a_postgres_exporter_watches_the_postgresql_of_the_stack(programs: Path) -> None:
    a_program(programs, "prometheus-postgres-exporter")
    path = a_program(programs, "postgres_exporter")

    launch = PostgresExporter(user="shop", args=("--config.file=x.yml",)).launch(a_place())

    source = "postgresql://shop@127.0.0.1:5432/postgres?sslmode=disable"
    argv = (path, "--web.listen-address=127.0.0.1:9115")
    assert launch == Launch(argv, Path("/run/e"), environment={"DATA_SOURCE_NAME": source})


def test_an_nginx_exporter_reads_the_page_that_it_is_told() -> None:
    launch = NginxExporter("http://127.0.0.1:80/status").launch(a_place())

    page = "--nginx.scrape-uri=http://127.0.0.1:80/status"
    assert launch.argv == ("nginx-prometheus-exporter", page, "--web.listen-address=127.0.0.1:9115")


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("module", [redis_exporter, postgres_exporter])
def test_an_exporter_that_is_not_there_is_said_with_its_package(module: Any) -> None:
    with pytest.raises(ProgramMissing) as raised:
        _exporter.program(*module.NAMES, advice=module.ADVICE)

    name = module.NAMES[0]
    package = f"prometheus-{name.replace('_', '-')}"
    assert str(raised.value) == (f"{name}: not found on PATH; install the package {package}, or put a release of {name} there")


def test_probes_by_http_go_through_the_proxy_which_knows_their_names(tmp_path: Path) -> None:
    (tmp_path / "blackbox.yml").write_text(MODULES, encoding="utf-8")

    launch = BlackboxExporter("blackbox.yml").launch(a_place(tmp_path))

    modules = yaml.safe_load(launch.files["blackbox.yml"])["modules"]
    way = {
        "proxy_url": "http://127.0.0.1:8880",
        "skip_resolve_phase_with_proxy": True,
        "tls_config": {"ca_file": "/run/ca.pem"},
    }
    assert modules["page"] == {"prober": "http", "http": way}
    assert modules["login"]["http"] == {**way, "basic_auth": {"username": "shop", "password": "<secret>"}}
    assert modules["port"] == {"prober": "tcp", "tcp": {"tls": True, "tls_config": {"ca_file": "/run/ca.pem"}}}
    assert "# of the shop" in launch.files["blackbox.yml"]
    assert launch.argv == (
        "blackbox_exporter",
        "--config.file=/run/e/blackbox.yml",
        "--web.listen-address=127.0.0.1:9115",
    )


@pytest.mark.parametrize(
    ("args", "flags"),
    [((), ("--timeout-offset=0.05",)), (("--timeout-offset=0.1",), ("--timeout-offset=0.1",))],
)
def test_a_probe_of_a_sped_up_scrape_ends_before_the_scrape_does(
    tmp_path: Path, args: tuple[str, ...], flags: tuple[str, ...]
) -> None:
    (tmp_path / "blackbox.yml").write_text(MODULES, encoding="utf-8")

    launch = BlackboxExporter("blackbox.yml", args).launch(a_place(tmp_path, Speed(10)))

    assert launch.argv[3:] == flags


def test_a_file_without_modules_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "blackbox.yml").write_text("http_2xx: {prober: http}\n", encoding="utf-8")

    with pytest.raises(ConfigError) as raised:
        BlackboxExporter("blackbox.yml").facts(a_place(tmp_path))

    assert str(raised.value) == "blackbox.yml:1: it has no modules; write them like modules: {http_2xx: {prober: http}}"
