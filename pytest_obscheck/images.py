"""Images made of installed programs, for a daemon that cannot pull any."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from pytest_obscheck import registry, toolchain
from pytest_obscheck.abilities import MakesImages
from pytest_obscheck.errors import StackError
from pytest_obscheck.protocols import Image

BESIDES = ("/usr/share/zoneinfo", "/etc/ssl/certs/ca-certificates.crt")
"""What published images have beside their program: without time zones Alertmanager refuses a `location`."""

CLIENTS = {"/bin/wget": "busybox", "/toxiproxy-cli": "toxiproxy-cli"}
"""What health checks of a compose file ask with in published images, and the programs on PATH, linked statically, that do."""


def images_command(names: Sequence[str], say: Callable[[str], None]) -> int:
    """Make an image of each program (default: all usual ones) under the name that stacks look for; 1 where one is missing."""
    runtime = registry.find("runtimes", "container")(Path(tempfile.gettempdir()))
    assert isinstance(runtime, MakesImages)  # noqa: S101 - a protocol, for the type checker
    whole = True
    try:
        reason = runtime.unable([])
        if reason:
            raise StackError(reason)
        for image, path, reason in _wanted(names or toolchain.usual_names()):
            if reason:
                say(f"{image.name}: not made: {reason}\n")
                whole = False
            else:
                runtime.make(image.name, image.program, {**_itself(image, path), **_besides(), **_linked(path)})
                say(f"{image.name}: made of {path}\n")
    finally:
        runtime.close()
    return 0 if whole else 1


def _itself(image: Image, path: Path) -> dict[str, str]:
    """Return the program, with its whole home where it needs that."""
    if not image.home:
        return {image.program: str(path)}
    return {str(PurePosixPath(image.program).parent.parent): str(path.parent.parent)}


def _linked(program: Path) -> dict[str, str]:
    """Return the libraries that a program is linked to: one from PATH need not be linked statically."""
    if not shutil.which("ldd"):
        return {}
    said = subprocess.run(["ldd", program], check=False, capture_output=True, text=True).stdout
    return {path: str(Path(path).resolve()) for path in re.findall(r"(/\S+) \(0x", said)}


def _besides() -> dict[str, str]:
    clients = {inside: shutil.which(program) for inside, program in CLIENTS.items()}
    return {path: path for path in BESIDES if Path(path).exists()} | {
        inside: str(Path(path).resolve()) for inside, path in clients.items() if path
    }


def _wanted(names: Sequence[str]) -> Iterator[tuple[Image, Path, str]]:
    """Yield each image, the path of its program here, and why it cannot be made."""
    for name in names:
        image = toolchain.image_of(name)
        if image is None:
            continue
        gaps = toolchain.missing([name])
        if gaps:
            yield image, Path(), toolchain.in_words(gaps)
            continue
        found = toolchain.find(name)
        other = "" if found.version == toolchain.pinned(name) else f"{found.path} is {found.version}"
        yield image, found.path, other
