"""What a machine lets a fault do is read from its own files, which are made up here."""

from __future__ import annotations

import gzip
import os
import socket
from pathlib import Path

import pytest

from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults import _machine
from pytest_obscheck.faults._cgroup import Cgroup


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A process with CAP_NET_ADMIN (bit 12) alone, in the cgroup /user/app."""
    own = tmp_path / "proc" / "self"
    own.mkdir(parents=True)
    (own / "status").write_text("Name:\tx\nCapEff:\t0000000000001000\n")
    (own / "cgroup").write_text("4:memory:/old\n0::/user/app\n")
    return tmp_path / "proc"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A cgroup v2 hierarchy in which /user may have children with a cpu controller."""
    for folder, enabled in (("", ""), ("user", "cpu"), ("user/app", "")):
        (tmp_path / "cg" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "cg" / folder / "cgroup.subtree_control").write_text(enabled)
        (tmp_path / "cg" / folder / "cgroup.procs").write_text("")
    (tmp_path / "cg" / "cgroup.controllers").write_text("cpu memory")
    return tmp_path / "cg"


def test_rights_are_read_bit_by_bit(proc: Path, tmp_path: Path) -> None:
    held = [_machine.may(bit, proc) for bit in (_machine.NET_ADMIN, _machine.SYS_ADMIN)]

    assert [*held, _machine.may(_machine.NET_ADMIN, tmp_path)] == [True, False, False]


def test_a_kernel_lacks_only_what_it_says_it_lacks(proc: Path) -> None:
    silent = _machine.lacks("NET_SCH_NETEM", proc)
    (proc / "config.gz").write_bytes(gzip.compress(b"# CONFIG_NET_SCH_NETEM is not set\nCONFIG_NET_SCH_PRIO=m\n"))

    assert (silent, _machine.lacks("NET_SCH_NETEM", proc), _machine.lacks("NET_SCH_PRIO", proc)) == (False, True, False)


def test_interfaces_are_named(tmp_path: Path) -> None:
    for name in ("lo", "eth0"):
        (tmp_path / "class" / "net" / name).mkdir(parents=True)

    assert (_machine.interfaces(tmp_path), _machine.interfaces(tmp_path / "none")) == (["eth0", "lo"], [])


def test_the_nearest_cgroup_that_can_be_divided_is_found(root: Path, proc: Path) -> None:
    assert (_machine.nearest_cgroup("cpu", root, proc), _machine.no_cgroup("cpu", root, proc)) == (root / "user", "")


def test_why_no_cgroup_can_be_made_is_said(root: Path, proc: Path, tmp_path: Path) -> None:
    without = "no cgroup above this process is both writable and has 'memory' in its cgroup.subtree_control"

    assert _machine.no_cgroup("memory", root, proc) == without
    assert _machine.no_cgroup("cpu", tmp_path, proc) == f"{tmp_path} is no cgroup v2 hierarchy"
    assert _machine.nearest_cgroup("cpu", root, tmp_path) is None


def test_a_component_is_moved_into_a_cgroup_of_its_own_and_out_again(root: Path, proc: Path) -> None:
    cgroup = Cgroup("cpu", "api", root, proc)
    before = (cgroup.read("cpu.max"), cgroup.holds([7]))

    cgroup.hold([7, 8], {"cpu.max": "25000 100000"})
    folder = root / "user" / f"obscheck-{os.getpid()}-api-cpu"

    assert before == ("", False)
    assert (cgroup.read("cpu.max"), cgroup.holds([7, 8]), cgroup.holds([9]), cgroup.holds([])) == (
        "25000 100000", True, False, False,
    )  # fmt: skip
    # The kernel's own files go with the folder, those of a made-up tree do not.
    with pytest.raises(FaultFailed) as raised:
        cgroup.release()
    assert str(raised.value) == f"{folder}: Directory not empty"
    assert (root / "user" / "app" / "cgroup.procs").read_text() == "7\n8\n"


def test_nothing_is_released_where_nothing_was_held(root: Path, proc: Path) -> None:
    Cgroup("cpu", "api", root, proc).release()

    assert not list((root / "user").glob("obscheck-*"))


def test_a_cgroup_that_cannot_be_made_says_why(root: Path, proc: Path) -> None:
    with pytest.raises(FaultFailed) as raised:
        Cgroup("memory", "api", root, proc).hold([7], {})

    assert str(raised.value) == _machine.no_cgroup("memory", root, proc)


def test_the_ports_of_processes_are_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert server.getsockname()[1] in _machine.listening([os.getpid()])
    assert _machine.listening([]) == []
