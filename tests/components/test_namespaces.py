"""The network in which somebody listens is found among the processes of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from pytest_obscheck.components import _connections
from pytest_obscheck.components._namespaces import inside

LISTENS = (
    "import socket, time\n"
    "server = socket.create_server(('10.98.0.1', 0))\n"
    "with socket.create_connection(server.getsockname()) as caller:\n"
    "    caller.sendall(b'hello')\n"
    "    taken, _ = server.accept()\n"
    "    taken.recv(5)\n"
    "    print(server.getsockname()[1], flush=True)\n"
    "    time.sleep(60)\n"
)
ENTERS = os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip")


@pytest.mark.integration
@pytest.mark.skipif(not ENTERS, reason="only root can enter a network, and make one with unshare and ip")
def test_bytes_of_connections_in_another_network_are_counted_and_this_thread_comes_back() -> None:
    home = Path("/proc/thread-self/ns/net").readlink()
    made = f'ip link set lo up; ip address add 10.98.0.1/32 dev lo; exec python3 -c "{LISTENS}"'
    with subprocess.Popen(["unshare", "--net", "sh", "-c", made], stdout=subprocess.PIPE, text=True) as there:
        assert there.stdout
        port = int(there.stdout.readline())
        counted = _connections.received(f"10.98.0.1:{port}")
        with inside(f"10.98.0.1:{port}"):
            away = Path("/proc/thread-self/ns/net").readlink()
        there.kill()

    assert (counted, away != home, Path("/proc/thread-self/ns/net").readlink()) == (5, True, home)


def test_nothing_is_counted_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(ProcessLookupError) as raised, inside(f"10.98.0.2:{port}"):
        pass

    assert str(raised.value) == f"nobody listens at 10.98.0.2:{port}"
    assert _connections.received(f"10.98.0.2:{port}") == 0
