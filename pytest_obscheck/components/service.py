"""Runs a service of the user's own, and asks it how it is."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_obscheck.capabilities import Answer
from pytest_obscheck.clock import SystemClock
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

if TYPE_CHECKING:
    import httpx

_READY = 1.0
"""Seconds in which a service must answer that it is ready."""


@dataclass(frozen=True)
class Service:
    """A service of the user's own: the command that starts it in the folder of stack.yaml, and where it says that it is ready.

    ``command`` is a list of words, or one string as a shell would split it. ``${...}`` is filled in, in it and in the values of
    ``environment``. ``ports`` are names; the first one's port answers HTTP. ``ready`` is a path that answers 2xx.
    """

    command: tuple[str, ...] | str
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ("http",)
    ready: str = "/"

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
        """Return nothing: a service has no configuration that the harness reads."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it, with everything filled in."""
        argv = tuple(place.fill(word) for word in self.command)
        environment = {name: place.fill(str(value)) for name, value in self.environment.items()}
        return Launch(argv, place.folder, cwd=place.home, environment=environment)

    def connect(self, place: Place) -> ServiceClient:
        """Return a client that asks its main port."""
        import httpx  # noqa: PLC0415 - a plugin that is not used must cost nothing

        base = f"http://{place.addresses[self.ports[0]]}"
        # Plain HTTP needs no certificates, and reading them takes longer than a service takes to answer.
        return ServiceClient(place.name, httpx.Client(base_url=base, trust_env=False, verify=False), self.ready)  # noqa: S501


def _words(command: tuple[str, ...] | str) -> tuple[str, ...]:
    if not isinstance(command, str):
        return tuple(str(word) for word in command)
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise ValueError(
            f"command: {command!r} cannot be split into words ({error}); write it like [python, -m, shop]"
        ) from None


@dataclass(frozen=True)
class ServiceClient:
    """Asks a service over HTTP, keeping its connections; ``path`` is where it says that it is ready."""

    name: str
    pool: httpx.Client
    path: str

    def ready(self) -> bool:
        """Whether the path of ``ready`` answers 2xx."""
        try:
            return 200 <= self.ask(self.path, _READY).status < 300
        except LookFailed:
            return False

    def ask(self, path: str, timeout: float) -> Answer:
        """Return its answer to a GET; ``LookFailed`` where nothing answers within ``timeout`` seconds."""
        import httpx  # noqa: PLC0415

        stale = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
        try:
            try:
                return self._get(path, timeout)
            except stale:
                # The kept connection was of a process that has ended since; the pool drops it and connects anew.
                return self._get(path, timeout)
        except httpx.HTTPError as error:
            raise LookFailed(f"{self.name}: GET {path} was not answered: {_why(error)}") from error

    def _get(self, path: str, timeout: float) -> Answer:
        clock = SystemClock()
        start = clock.now()
        answer = self.pool.get(path, timeout=timeout)
        return Answer(answer.status_code, _json(answer), answer.text, clock.now() - start)

    def send(self, method: str, path: str, body: str, count: int) -> None:
        """Send the same request one time after another; ``LookFailed`` where it is not answered, or with 400 and more."""
        import httpx  # noqa: PLC0415

        headers = {"Content-Type": "application/json"} if body else {}
        try:
            for _ in range(count):
                answer = self.pool.request(method, path, content=body, headers=headers)
                if answer.is_error:
                    raise LookFailed(f"{self.name}: {method} {path} was answered with {answer.status_code}")
        except httpx.HTTPError as error:
            raise LookFailed(f"{self.name}: {method} {path} was not answered: {_why(error)}") from error

    def close(self) -> None:
        """Let the kept connections go."""
        self.pool.close()


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
