"""From the name of a program to where it is: on this machine, and inside an image."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace

from pytest_obscheck import toolchain
from pytest_obscheck.abilities import StandsFor
from pytest_obscheck.errors import ProgramMissing
from pytest_obscheck.protocols import Component, Launch


def asked(name: str, component: Component) -> str:
    """Return what the toolchain calls a program in the version that production runs: ``prometheus@2.53``."""
    version = component.version if isinstance(component, StandsFor) else ""
    return f"{name}@{version}" if version and toolchain.knows(name) else name


def resolved(launch: Launch) -> Launch:
    """Return the launch with its program as a path, and the image that has it."""
    name = launch.argv[0]
    return replace(launch, argv=(program(name), *launch.argv[1:]), image=launch.image or toolchain.image_of(name))


def program(name: str) -> str:
    """Return the path of a program; ``ProgramMissing`` names the command that installs it."""
    if name == "python":
        return sys.executable
    if "/" in name:
        return name
    if toolchain.knows(name):
        return str(toolchain.find(name).path)
    found = shutil.which(name)
    if found is None:
        raise ProgramMissing(f"{name}: not found on PATH; install it or write the path of the program")
    return found
