"""A distribution called lantern, whose programs are shell scripts, for trying the toolchain without any real program."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.toolchain.index import Index, Platform, parse_index, this_platform

LANTERN = """
[lantern]
version = "1.2.0"
minimum = "1.1.0"
module = "lantern.example/lantern v1.2.0"
ldflags = "-X main.version={version}"
archive = "BASE/lantern-{version}.{os}-{arch}.tar.gz"
checksums = "BASE/sha256sums.txt"
asks = "--version"
says = 'version (\\d+\\.\\d+[\\w.+~-]*)'

[lantern.programs.lamp]
package = "lantern.example/lantern/cmd/lamp"
tags = "bright"
member = "lantern-{version}.{os}-{arch}/lamp"
seconds = 30

[lantern.programs.wick]
package = "lantern.example/lantern/cmd/wick"
member = "lantern-{version}.{os}-{arch}/wick"
seconds = 4

[lantern.lines."0.9"]
version = "0.9.3"
minimum = "0.9.0"
module = "lantern.example/lantern v0.9.3"
"""


@dataclass(frozen=True)
class Shop:
    """Files that a local web server hands out by name, and the names that it was asked for."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def publish(self, name: str, content: bytes) -> None:
        """Hand out a file, and list its SHA-256."""
        self.files[name] = content
        line = f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()
        self.files["sha256sums.txt"] = self.files.get("sha256sums.txt", b"") + line


def says(version: str) -> str:
    return f'#!/bin/sh\necho "lamp, version {version} (branch: HEAD)"\n'


@pytest.fixture
def script() -> Callable[[Path, str], Path]:
    """Return a function that writes an executable text."""

    def write(path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def program(script: Callable[[Path, str], Path]) -> Callable[[Path, str], Path]:
    """Return a function that writes a program which tells a version."""
    return lambda path, version: script(path, says(version))


@pytest.fixture
def around(tmp_path: Path) -> dict[str, str]:
    """Return an environment of its own: a cache, and a PATH on which nothing else is."""
    return {"OBSCHECK_CACHE": str(tmp_path / "cache"), "PATH": str(tmp_path / "path"), "HOME": str(tmp_path)}


@pytest.fixture
def index_at(tmp_path: Path) -> Callable[[str], Index]:
    """Return a function that gives the index of lantern, with its release archives under a URL."""
    for name in ("lantern", "lantern-0.9"):
        lock = tmp_path / "locks" / name
        lock.mkdir(parents=True)
        (lock / "go.mod").write_text("module obscheck.invalid/lantern\n\ngo 1.26.8\n")
        (lock / "go.sum").write_text("")
    return lambda base: parse_index(LANTERN.replace("BASE", base), tmp_path / "locks")


@pytest.fixture
def lantern(index_at: Callable[[str], Index]) -> Index:
    """Return the index of lantern, with release archives on a host that does not exist."""
    return index_at("https://lantern.invalid")


@pytest.fixture
def here() -> Platform:
    return this_platform()


@pytest.fixture
def tarball() -> Callable[[Mapping[str, str | tarfile.TarInfo]], bytes]:
    """Return a function that packs texts, or ready-made members, into a tar.gz."""

    def pack(members: Mapping[str, str | tarfile.TarInfo]) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, content in members.items():
                if isinstance(content, tarfile.TarInfo):
                    tar.addfile(content)
                    continue
                member = tarfile.TarInfo(name)
                member.size = len(content.encode())
                tar.addfile(member, io.BytesIO(content.encode()))
        return out.getvalue()

    return pack


@pytest.fixture
def lamp_archive(tarball: Callable[[Mapping[str, str]], bytes], here: Platform) -> tuple[str, bytes]:
    """Return name and content of a good release archive."""
    folder = f"lantern-1.2.0.{here.os}-{here.arch}"
    content = tarball({f"{folder}/LICENSE": "free", f"{folder}/lamp": says("1.2.0"), f"{folder}/wick": says("1.2.0")})
    return f"{folder}.tar.gz", content


@pytest.fixture
def shop(serving: Any) -> Iterator[Shop]:
    """Return a web server on a free port of 127.0.0.1."""
    files: dict[str, bytes] = {}
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rsplit("/", 1)[1]
            asked.append(name)
            content = files.get(name)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            # A file that is published as cut breaks off half-way, as a lost connection would.
            self.wfile.write((content or b"")[: len(content or b"") // 2] if f"{name}.cut" in files else content or b"")

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as server:
        yield Shop(f"http://127.0.0.1:{server.server_port}", files, asked)
