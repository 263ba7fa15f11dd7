"""Ports that are one run's: reserved without listening, kept, and given back."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_obscheck.errors import PortTaken
from pytest_obscheck.runtimes import _ports
from pytest_obscheck.runtimes._ports import Ports

RESERVES = """
import sys
from pathlib import Path
from pytest_obscheck.runtimes._ports import Ports

ports = Ports(Path(sys.argv[1]), range(21_000, 21_200))
print(*(ports.reserve("api", str(n)) for n in range(50)), flush=True)
sys.stdin.read()
ports.release()
"""


def free(count: int) -> list[int]:
    """Return port numbers that nobody uses now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    numbers = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return numbers


def test_a_member_keeps_its_ports_and_no_two_are_the_same(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "locks")
    wanted = [("prometheus", "http"), ("alertmanager", "http"), ("alertmanager", "cluster")]

    first = [ports.reserve(*each) for each in wanted]

    assert [ports.reserve(*each) for each in wanted] == first
    assert len(set(first)) == 3
    ports.release()


def test_two_runs_in_one_process_do_not_meet(tmp_path: Path) -> None:
    choice = free(2)
    one, other = Ports(tmp_path, choice), Ports(tmp_path, choice)

    reserved = {one.reserve("api", "http"), other.reserve("api", "http")}

    assert reserved == {f"127.0.0.1:{number}" for number in choice}
    one.release()
    other.release()


@pytest.mark.integration
def test_two_harnesses_at_the_same_time_do_not_meet(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RESERVES, str(tmp_path)]
    harnesses = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    reserved = [harness.stdout.readline().split() for harness in harnesses if harness.stdout]
    for harness in harnesses:
        harness.communicate()

    assert [len(addresses) for addresses in reserved] == [50, 50]
    assert len({*reserved[0], *reserved[1]}) == 100
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_was_given_back_can_be_had_again_and_its_lock_file_is_gone(tmp_path: Path) -> None:
    choice = free(1)
    one, other = Ports(tmp_path, choice), Ports(tmp_path, choice)
    address = one.reserve("api", "http")
    one.release()

    assert list(tmp_path.iterdir()) == []
    assert other.reserve("api", "http") == address
    other.release()


def test_a_lock_on_a_file_that_was_removed_since_it_was_opened_is_none(tmp_path: Path) -> None:
    path = tmp_path / "1.lock"
    early = os.open(path, os.O_RDWR | os.O_CREAT)
    path.unlink()

    assert not _ports.holds(early, path)
    other = _ports.take(path)
    assert other is not None
    assert not _ports.holds(early, path)
    assert _ports.take(path) is None
    _ports.unlock(path, other)
    os.close(early)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_on_which_a_stranger_listens_is_passed_over(tmp_path: Path, kind: socket.SocketKind) -> None:
    number = free(1)[0]
    with socket.socket(socket.AF_INET, kind) as stranger:
        stranger.bind(("", number))
        if kind == socket.SOCK_STREAM:
            stranger.listen()
        with pytest.raises(PortTaken) as raised:
            Ports(tmp_path, [number]).reserve("prometheus", "http")

    assert str(raised.value) == f"prometheus.http: all ports from {number} to {number} are taken; end what uses them"
    assert list(tmp_path.iterdir()) == []


def test_a_reserved_port_is_not_listened_on(tmp_path: Path) -> None:
    ports = Ports(tmp_path)
    host, _, number = ports.reserve("api", "http").partition(":")

    with socket.socket() as server:
        # As servers do: what is left of a connection that somebody closed a minute ago is in nobody's way.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((host, int(number)))
        assert server.getsockname() == (host, int(number))
    ports.release()


@pytest.mark.parametrize(
    ("range_file", "chosen"),
    [
        ("32768\t60999\n", range(20_000, 32_768)),
        ("15000 50000", range(50_001, 65_536)),
        ("1024 65535", range(20_000, 65_536)),
    ],
)
def test_ports_lie_where_the_kernel_gives_none_out_by_itself(tmp_path: Path, range_file: str, chosen: range) -> None:
    told = tmp_path / "ip_local_port_range"
    told.write_text(range_file)

    assert _ports.unassigned(told) == chosen


def test_without_word_from_the_kernel_the_usual_range_is_avoided(tmp_path: Path) -> None:
    assert _ports.unassigned(tmp_path / "missing") == range(20_000, 32_768)


def test_the_folder_of_locks_is_private(tmp_path: Path) -> None:
    _ports.make_private(tmp_path / "locks")

    assert (tmp_path / "locks").stat().st_mode & 0o777 == 0o700


def test_a_folder_of_locks_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    trap = tmp_path / "locks"
    trap.symlink_to(tmp_path)
    with pytest.raises(PortTaken) as raised:
        _ports.make_private(trap)

    assert str(raised.value) == f"{trap}: belongs to somebody else; remove it, or set TMPDIR to a folder of your own"
