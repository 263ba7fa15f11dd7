"""Removes the containers of a run whose harness was killed: a process of its own, which waits for nothing else.

Run as ``python -I -S _afterwards.py ADDRESS LABEL`` with a pipe on stdin that ends with the harness; ``ADDRESS`` is that of the
Docker daemon, ``LABEL`` what all containers and networks of the run carry. Where it cannot (a daemon that asks for a
certificate, a machine that goes down) the next run removes them.
"""

# It imports nothing of the package: that would take longer than all it does.
from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterable
from http.client import HTTPConnection
from urllib.parse import quote

ANSWER = 30.0
"""Seconds for one answer of the daemon."""
ROUNDS = 20
"""How often it is asked what is left: it may still have been making some when it was asked before."""
Found = list[dict[str, str]]


def main(address: str, label: str) -> None:
    """Wait for the end of the harness, and remove what it left."""
    sys.stdin.buffer.read()
    wanted = quote(json.dumps({"label": [label]}))
    for _ in range(ROUNDS):
        left = found(address, f"/containers/json?all=1&filters={wanted}")
        if not left:
            break
        remove(address, (f"/containers/{each['Id']}?force=1&v=1" for each in left))
    remove(address, (f"/networks/{each['Id']}" for each in found(address, f"/networks?filters={wanted}")))


def found(address: str, path: str) -> Found:
    """Return what the daemon lists."""
    line = asked(address, "GET", path)
    listed: Found = json.loads(line.getresponse().read())
    line.close()
    return listed


def remove(address: str, paths: Iterable[str]) -> None:
    """Remove several things at the same time: the daemon is at work on each while it is asked for the next."""
    for line in [asked(address, "DELETE", path) for path in paths]:
        line.getresponse().read()
        line.close()


def asked(address: str, method: str, path: str) -> HTTPConnection:
    """Send a request to the daemon; the answer is to be read from what is returned."""
    kind, _, place = address.partition("://")
    line = HTTPConnection("docker")
    if kind == "unix":
        line.sock = socket.socket(socket.AF_UNIX)
        line.sock.connect(place)
    else:
        host, _, port = place.rstrip("/").rpartition(":")
        line.sock = socket.create_connection((host, int(port)))
    line.sock.settimeout(ANSWER)
    line.request(method, path)
    return line


if __name__ == "__main__":
    main(*sys.argv[1:])
