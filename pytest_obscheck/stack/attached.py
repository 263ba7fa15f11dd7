"""Members that already run somewhere: reached through a gateway, never started, and read-only."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace

from pytest_obscheck.errors import Problem
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Client, Component, Launch, Place
from pytest_obscheck.scenario import Scenario

CONFIG = "gateway.json"
PAGES = "service"
"""The component type that may answer with HTML: the user's own."""

UNSAID = {"command": ("attached",)}
"""What a component need not say where it is not started, with what stands in its place."""


@dataclass(frozen=True)
class Attachment:
    """Where something runs, and what lets one in: a bearer token, or a user and a password, from files or the environment."""

    url: str
    ca_file: str = ""
    token_file: str = ""
    token_env: str = ""
    user: str = ""
    password_file: str = ""
    password_env: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no URL, and two ways of being let in at once."""
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"url: {self.url!r} is not one; write it like https://prometheus.example")
        if bool(self.token_file or self.token_env) and self.user:
            raise ValueError("token and user: there can be one of them; remove the other")


@dataclass(frozen=True)
class Attached:
    """A component that is not started: what is launched is the way to it. ``kind``: its component type."""

    component: Component
    attachment: Attachment
    kind: str

    @property
    def ports(self) -> tuple[str, ...]:
        """Return its main port, which is the gateway's."""
        return self.component.ports[:1]

    @property
    def after(self) -> tuple[str, ...]:
        """Return nothing: it already runs."""
        return ()

    def facts(self, place: Place) -> Facts:
        """Return what the component's configuration says; of its routes, those to the door alone end at a sink of this run."""
        facts = self.component.facts(place)
        return replace(facts, routes=tuple(replace(route, seen=route.host == place.network.door) for route in facts.routes))

    def launch(self, place: Place) -> Launch:
        """Return how to start the gateway."""
        said = asdict(self.attachment)
        files = {key: str(place.home / value) for key, value in said.items() if key.endswith("_file") and value}
        config = {**said, **files, "listen": place.addresses[self.ports[0]], "html": self.kind == PAGES}
        given = {name: os.environ[name] for key, name in said.items() if key.endswith("_env") and name in os.environ}
        argv = ("python", "-m", "pytest_obscheck.gateway", CONFIG)
        return Launch(argv, place.folder, environment=given, files={CONFIG: json.dumps(config, indent=2)})

    def connect(self, place: Place) -> Client:
        """Return the component's own client; it asks the gateway."""
        return self.component.connect(place)


def refused(scenario: Scenario, attached: Collection[str], allowed: Collection[str], speed: float) -> Iterator[Problem]:
    """Yield every fault and load of a story that a stack with attached members forbids, by name, and a speed."""
    if attached and speed != 1:
        yield Problem(scenario.where, f"{_are(attached)} attached, and cannot be sped up", "leave --obs-speed out")
    closed = [name for name in attached if name not in allowed]
    if not closed:
        return
    rest = f"leave it out, or allow it with {' '.join(f'--obs-allow-faults {name}' for name in closed)}"
    for part in (*scenario.loads, *scenario.faults):
        yield Problem(part.where or scenario.where, f"{part.what}: {_are(closed)} attached, and read-only", rest)


def _are(names: Collection[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last} are" if others else f"{last} is"
