from __future__ import annotations

import http.server
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.toolchain import machine
from pytest_obscheck.toolchain.machine import (
    Finding,
    cgroups_below,
    docker,
    docker_package,
    go,
    network_namespaces,
    own_cgroup,
    subreaper,
)


class _Daemon(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"Version": "27.1"}' if self.path == "/version" else b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "socket"

    def log_message(self, *_: object) -> None:
        pass


class _OnSocket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def served() -> Iterator[Callable[[Any], Any]]:
    """Return a function that runs a server until the test ends."""
    running = []

    def run(server: Any) -> Any:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return server

    yield run
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_daemon_behind_a_unix_socket_tells_its_version(served: Callable[[Any], Any], tmp_path: Path) -> None:
    served(_OnSocket(str(tmp_path / "docker.sock"), _Daemon))
    place = f"unix://{tmp_path}/docker.sock"

    assert docker({"DOCKER_HOST": place}) == Finding(True, place, "27.1")


def test_a_rootless_daemon_is_found_without_docker_host(served: Callable[[Any], Any], tmp_path: Path) -> None:
    served(_OnSocket(str(tmp_path / "docker.sock"), _Daemon))

    found = docker({"XDG_RUNTIME_DIR": str(tmp_path)}, system=f"{tmp_path}/none.sock")

    assert found == Finding(True, f"unix://{tmp_path}/docker.sock", "27.1")


def test_a_daemon_behind_tcp_tells_its_version(served: Callable[[Any], Any]) -> None:
    server = served(http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Daemon))
    place = f"tcp://127.0.0.1:{server.server_port}"

    assert docker({"DOCKER_HOST": place}) == Finding(True, place, "27.1")


def test_a_socket_that_nobody_listens_on_is_named(tmp_path: Path) -> None:
    place = f"unix://{tmp_path}/docker.sock"

    assert docker({"DOCKER_HOST": place}) == Finding(
        False, f"no Docker daemon answers at {place} ([Errno 2] No such file or directory)"
    )


def test_a_server_that_is_no_daemon_is_named(shop: Any) -> None:
    shop.files["version"] = b"[]"
    place = shop.url.replace("http", "tcp")

    finding = docker({"DOCKER_HOST": place})

    assert (finding.there, finding.words.startswith(f"no Docker daemon answers at {place} (")) == (False, True)


def test_a_kind_of_place_that_cannot_be_asked_is_named() -> None:
    assert docker({"DOCKER_HOST": "ssh://me@there"}) == Finding(
        False, "ssh://me@there was not asked; unix:// and tcp:// are understood"
    )


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("exit 0", Finding(True, "unshare -n")),
        ('[ "$1" = -rn ]', Finding(True, "unshare -rn")),
        (
            "echo 'unshare failed: Operation not permitted' >&2; exit 1",
            Finding(False, "unshare failed: Operation not permitted"),
        ),
        ("exit 7", Finding(False, "unshare -rn ended with 7")),
    ],
)
def test_network_namespaces_are_tried(
    script: Callable[[Path, str], Path], around: dict[str, str], tmp_path: Path, text: str, finding: Finding
) -> None:
    script(tmp_path / "path" / "unshare", f"#!/bin/sh\n{text}\n")

    assert network_namespaces(around) == finding


def test_without_unshare_there_is_no_saying(around: dict[str, str]) -> None:
    assert network_namespaces(around) == Finding(False, "unshare is not on PATH")


def test_a_missing_go_is_told(around: dict[str, str]) -> None:
    assert go(around) == Finding(False, "not found on PATH")


def test_a_go_tells_its_version(around: dict[str, str], script: Callable[[Path, str], Path], tmp_path: Path) -> None:
    path = script(tmp_path / "path" / "go", "#!/bin/sh\necho go version go1.26.8 linux/amd64\n")

    assert go(around) == Finding(True, str(path), "1.26.8")


@pytest.fixture
def cgroup(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a version 2 hierarchy with controllers."""

    def make(controllers: str, own: str = "") -> Path:
        (tmp_path / "v2" / own).mkdir(parents=True, exist_ok=True)
        for folder in {tmp_path / "v2", tmp_path / "v2" / own}:
            (folder / "cgroup.controllers").write_text(controllers)
        return tmp_path / "v2"

    return make


def test_cgroups_with_cpu_and_memory_are_fine(cgroup: Callable[..., Path], tmp_path: Path) -> None:
    root = cgroup("cpuset cpu io memory\n", "user.slice")

    assert cgroups_below([tmp_path / "none", root], "user.slice") == Finding(True, f"{root}/user.slice")


def test_cgroups_without_a_controller_name_it(cgroup: Callable[..., Path]) -> None:
    root = cgroup("hugetlb cpu\n")

    assert cgroups_below([root], "") == Finding(False, f"{root} has no controller for memory")


def test_a_cgroup_of_which_nothing_is_mounted_has_no_controllers(cgroup: Callable[..., Path]) -> None:
    root = cgroup("cpu memory\n")

    assert cgroups_below([root], "gone") == Finding(False, f"{root}/gone has no controller for cpu and memory")


def test_a_machine_without_version_2_is_told(tmp_path: Path) -> None:
    assert cgroups_below([tmp_path, tmp_path / "unified"], "") == Finding(False, f"no cgroups v2 under {tmp_path}")


def test_the_own_cgroup_is_the_one_of_version_2() -> None:
    assert own_cgroup("4:memory:/a\n0::/user.slice/me\n") == "user.slice/me"
    assert own_cgroup("4:memory:/a\n") == ""


def test_linux_lets_a_process_adopt_orphans() -> None:
    assert subreaper({}).there == (sys.platform == "linux")


def test_the_package_through_which_containers_run_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "find_spec", lambda _: None)

    words = "the Python package docker is missing; run: pip install 'pytest-obscheck[containers]'"
    assert docker_package({}) == Finding(False, words)
