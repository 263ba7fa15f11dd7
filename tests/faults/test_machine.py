"""What a machine lets a fault do is read from its own files, which are made up here."""

from __future__ import annotations

import gzip
import math
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
    silent = _machine.lacks("NETFILTER_XT_MATCH_STATISTIC", proc)
    (proc / "config.gz").write_bytes(gzip.compress(b"# CONFIG_NETFILTER_XT_MATCH_STATISTIC is not set\nCONFIG_MEMCG=m\n"))

    assert (silent, _machine.lacks("NETFILTER_XT_MATCH_STATISTIC", proc), _machine.lacks("MEMCG", proc)) == (False, True, False)


def test_the_nearest_cgroup_that_can_be_divided_is_found(root: Path, proc: Path) -> None:
    assert (_machine.nearest_cgroup("cpu", root, proc), _machine.no_cgroup("cpu", root, proc)) == (root / "user", "")


def test_why_no_cgroup_can_be_made_is_said(root: Path, proc: Path, tmp_path: Path) -> None:
    without = "no cgroup above this process is both writable and has 'memory' in its cgroup.subtree_control"

    assert _machine.no_cgroup("memory", root, proc) == without
    assert _machine.no_cgroup("cpu", tmp_path, proc) == f"{tmp_path} is no cgroup v2 hierarchy"
    assert _machine.nearest_cgroup("cpu", root, tmp_path) is None


def test_a_component_is_moved_into_a_cgroup_of_its_own_and_out_again(root: Path, proc: Path) -> None:
    cgroup = Cgroup("api", [7, 8], root, proc)
    before = cgroup.limited("cpu")

    cgroup.limit("cpu", 0.25)
    folder = root / "user" / f"obscheck-{os.getpid()}-api-cpu"

    assert (before, cgroup.limited("cpu"), (folder / "cpu.max").read_text()) == (math.inf, 0.25, "25000 100000")
    assert [Cgroup("api", pids, root, proc).limited("cpu") for pids in ([7, 9], [])] == [math.inf, math.inf]
    # The kernel's own files go with the folder, those of a made-up tree do not.
    with pytest.raises(FaultFailed) as raised:
        cgroup.limit("cpu", math.inf)
    assert str(raised.value) == f"{folder}: Directory not empty"
    assert (root / "user" / "app" / "cgroup.procs").read_text() == "7\n8\n"


def test_memory_is_limited_in_bytes(root: Path, proc: Path) -> None:
    (root / "user" / "cgroup.subtree_control").write_text("memory")
    cgroup = Cgroup("api", [7], root, proc)

    cgroup.limit("memory", 4096)

    assert cgroup.limited("memory") == 4096
    (root / "user" / f"obscheck-{os.getpid()}-api-memory" / "memory.max").write_text("max")
    assert cgroup.limited("memory") == math.inf


def test_nothing_is_given_back_where_nothing_was_limited(root: Path, proc: Path) -> None:
    Cgroup("api", [7], root, proc).limit("cpu", math.inf)

    assert not list((root / "user").glob("obscheck-*"))


def test_a_cgroup_that_cannot_be_made_says_why(root: Path, proc: Path) -> None:
    with pytest.raises(FaultFailed) as raised:
        Cgroup("api", [7], root, proc).limit("memory", 4096)

    assert str(raised.value) == _machine.no_cgroup("memory", root, proc)


def test_the_ports_of_processes_are_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert server.getsockname()[1] in _machine.listening([os.getpid()])
    assert _machine.listening([]) == []
