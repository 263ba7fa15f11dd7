"""Runs a service of the user's own, and asks it how it is."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_obscheck.components._asking import ServiceClient, asking
from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place


@dataclass(frozen=True)
class Service:
    """A service of the user's own: the command that starts it, and where it says that it is ready.

    ``command`` is a list of words, or one string as a shell would split it. ``${...}`` is filled in, in it and in the values of
    ``environment``. ``ports`` are names; the first one's port answers HTTP. ``ready`` is a path that answers 2xx.
    ``working_dir``: the folder in which it is started, seen from that of stack.yaml.
    """

    command: tuple[str, ...] | str
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ("http",)
    ready: str = "/"
    working_dir: str = "."

    def __post_init__(self) -> None:
        """Split a command that is one string; refuse what cannot be started."""
        object.__setattr__(self, "command", _words(self.command))
        if not self.command:
            raise ValueError("command: there is none; write it like [python, -m, shop]")
        if not self.ports:
            raise ValueError("ports: there is none; write it like [http]")
        if not self.ready.startswith("/"):
            raise ValueError(f"ready: {self.ready!r} is not a path; write it like '/health'")

    @property
    def after(self) -> tuple[str, ...]:
        """Return nothing: ``depends_on`` says what a service waits for."""
        return ()

    def facts(self, place: Place) -> Facts:
        """Return nothing: a service has no configuration that the harness reads. ``ConfigError`` without its folder."""
        folder = self._folder(place)
        if self.working_dir != "." and not folder.is_dir():
            right = "name the folder in which its command is to run, seen from that of stack.yaml, like .."
            raise ConfigError([Problem(f"{place.name}: working_dir", f"there is no folder {self.working_dir!r}", right)])
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it, with everything filled in."""
        argv = tuple(place.fill(word) for word in self.command)
        environment = {name: place.fill(str(value)) for name, value in self.environment.items()}
        return Launch(argv, place.folder, cwd=self._folder(place), environment=environment)

    def _folder(self, place: Place) -> Path:
        return Path(os.path.normpath(place.home / self.working_dir))

    def connect(self, place: Place) -> ServiceClient:
        """Return a client that asks its main port."""
        return asking(place.name, place.addresses[self.ports[0]], self.ready)


def _words(command: tuple[str, ...] | str) -> tuple[str, ...]:
    if not isinstance(command, str):
        return tuple(str(word) for word in command)
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise ValueError(
            f"command: {command!r} cannot be split into words ({error}); write it like [python, -m, shop]"
        ) from None
