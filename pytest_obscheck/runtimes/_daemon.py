"""The Docker daemon: reached, or one sentence about why not."""

from __future__ import annotations

import io
import json
import os
import socket
import struct
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_obscheck.errors import StackError

if TYPE_CHECKING:
    import docker

OLDEST = (1, 41)
"""The first API whose daemons (Docker 20.10) know everything that is asked of them here."""
MACHINE = "obscheck/machine:1"
"""An image with nothing in it: a container of it sees this machine's own programs, mounted."""
PATIENCE = 30
"""Seconds for one answer; creating a container on a busy machine takes a few."""
SOCKET = "unix:///var/run/docker.sock"
_BESIDE_IT = (
    "run it beside the daemon, `nsenter -U --preserve-credentials -n -t PID pytest ...` with dockerd's PID, or as processes"
)
_NOBODY = "no Docker daemon answers at {at}; start it, or set DOCKER_HOST"


def reached() -> docker.DockerClient:
    """Return a client of the daemon that ``DOCKER_HOST`` names, else the machine's; ``StackError`` where it is of no use."""
    if find_spec("docker") is None:
        raise StackError("containers: the Python package docker is missing; run: pip install 'pytest-obscheck[containers]'")
    at = address()
    if at.startswith("unix://") and _absent(Path(at.removeprefix("unix://"))):
        raise StackError(f"containers: {_NOBODY.format(at=at)}")
    import docker  # noqa: PLC0415 -- takes 0.2 s that runs without containers can spare

    with in_a_sentence("containers"):
        client = docker.from_env(timeout=PATIENCE)
        refused = of_no_use(client)
    if refused:
        client.close()
        raise StackError(refused)
    return client


def _absent(path: Path) -> bool:
    try:
        return not path.exists()
    except PermissionError:
        # Whoever may not even look is told so when he asks.
        return False


def of_no_use(client: docker.DockerClient) -> str:
    """Return why no stack can run on a daemon that answers; ``""`` where it can."""
    # What its client has asked already, and what the kernel tells, need no answer that takes it as long as a start of its own.
    if tuple(map(int, client.api.api_version.split("."))) < OLDEST:
        old = client.version()["Version"]
        return f"containers: the daemon at {address()} is Docker {old}, too old; at least 20.10 is needed"
    if not _beside_us(address()) and any("rootless" in option for option in client.info().get("SecurityOptions") or ()):
        return f"containers: the daemon at {address()} is rootless, so that its 127.0.0.1 is not ours; {_BESIDE_IT}"
    return ""


def _beside_us(at: str) -> bool:
    """Whether the daemon at a socket has the network and the users that this process has: that of /proc/PID/ns says so."""
    if not at.startswith("unix://"):
        return False
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(at.removeprefix("unix://"))
        pid, _, _ = struct.unpack("3i", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    try:
        return all(Path(f"/proc/{pid}/ns/{kind}").samefile(f"/proc/self/ns/{kind}") for kind in ("net", "user"))
    except OSError:
        return False


def address() -> str:
    """Return where the daemon is looked for."""
    return os.environ.get("DOCKER_HOST") or SOCKET


@contextmanager
def in_a_sentence(who: str) -> Iterator[None]:
    """Turn what the daemon, or the way to it, refuses into a ``StackError`` of one sentence."""
    from docker.errors import DockerException  # noqa: PLC0415 -- see above
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        yield
    except (DockerException, RequestException) as error:
        raise StackError(f"{who}: {why(error)}") from None


@contextmanager
def unless_gone() -> Iterator[None]:
    """Go on where somebody else has removed it first, or is about to."""
    from docker.errors import APIError  # noqa: PLC0415 -- see above

    try:
        yield
    except APIError as error:
        if error.status_code not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            raise


_REASONS = (
    ("PermissionError", "no permission for the Docker daemon at {at}; add your user to its group (docker), and log in again"),
    ("client version", "the daemon at {at} is too old; at least Docker 20.10 is needed"),
    ("no space left", "the disk of the Docker daemon at {at} is full; run: docker system prune"),
    ("bind source path does not exist", "the Docker daemon at {at} does not see the files of this machine; it must run here"),
    ("bind address", "{at} is no address of a Docker daemon; write DOCKER_HOST like unix:///run/docker.sock"),
    ("Error while fetching server API version", _NOBODY),
    ("Connection aborted", "the Docker daemon at {at} does not answer any more; start it again"),
    ("Max retries exceeded", _NOBODY),
    ("Read timed out", "the Docker daemon at {at} gave no answer in time; see its log"),
)


def why(error: Exception) -> str:
    """Return what an error of the library means, and what would be right."""
    said = str(getattr(error, "explanation", None) or error)
    for pattern, reason in _REASONS:
        if pattern.lower() in said.lower():
            return reason.format(at=address())
    return f"the Docker daemon refuses: {' '.join(said.split())[:300]}"


def lacking(client: docker.DockerClient, images: Sequence[str]) -> str:
    """Return which of these images the daemon does not have, in one line; ``""`` where it has all."""
    with in_a_sentence("containers"):
        # The library's own list asks once more for each image.
        known = {tag for image in client.api.images() for tag in image["RepoTags"] or ()}
    gone = [image for image in dict.fromkeys(images) if image not in known]
    if not gone:
        return ""
    rest = "pull them, or make them of installed programs: obscheck images"
    return f"containers: the daemon at {address()} has no image {', '.join(gone)}; {rest}"


def made(client: Any, image: str, files: Mapping[str, str], program: str = "") -> None:
    """Make an image that holds these files and nothing else (path inside → path here), and starts the program, if any."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(folder)
        for inside, here in files.items():
            archive.add(here, inside.lstrip("/"))
    repository, _, tag = image.rpartition(":")
    with in_a_sentence(image):
        starts = [f"ENTRYPOINT {json.dumps([program])}"] if program else []
        client.api.import_image_from_data(data.getvalue(), repository=repository, tag=tag, changes=starts)
