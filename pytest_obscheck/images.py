"""Images made of installed programs, for a daemon that cannot pull any."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pytest_obscheck import registry, toolchain
from pytest_obscheck.abilities import MakesImages
from pytest_obscheck.errors import StackError

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
        for image, inside, path, reason in _wanted(names or toolchain.usual_names()):
            if reason:
                say(f"{image}: not made: {reason}\n")
                whole = False
            else:
                runtime.make(image, inside, {inside: path, **_besides()})
                say(f"{image}: made of {path}\n")
    finally:
        runtime.close()
    return 0 if whole else 1


def _besides() -> dict[str, str]:
    clients = {inside: shutil.which(program) for inside, program in CLIENTS.items()}
    return {path: path for path in BESIDES if Path(path).exists()} | {
        inside: str(Path(path).resolve()) for inside, path in clients.items() if path
    }


def _wanted(names: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield for each image its name, the path of its program inside, the one here, and why it cannot be made."""
    for name in names:
        image = toolchain.image_of(name)
        if image is None:
            continue
        gaps = toolchain.missing([name])
        if gaps:
            yield image.name, image.program, "", toolchain.in_words(gaps)
            continue
        found = toolchain.find(name)
        other = "" if found.version == toolchain.pinned(name) else f"{found.path} is {found.version}"
        yield image.name, image.program, str(found.path), other
