"""Runs a service of the user's own, and asks it how it is."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_obscheck.capabilities import Answer
from pytest_obscheck.clock import SystemClock
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.protocols import Facts, Launch, Place

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
        return ServiceClient(place.name, f"http://{place.addresses[self.ports[0]]}", self.ready)


def _words(command: tuple[str, ...] | str) -> tuple[str, ...]:
    if not isinstance(command, str):
        return tuple(str(word) for word in command)
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise ValueError(
            f"command: {command!r} cannot be split into words ({error}); write it like [python, -m, shop]"
        ) from None


@dataclass
class ServiceClient:
    """Asks a service over HTTP, keeping its connections."""

    name: str
    url: str
    path: str
    transport: Any = None
    _pool: httpx.Client | None = field(default=None, repr=False)

    def ready(self) -> bool:
        """Whether the path of ``ready`` answers 2xx."""
        try:
            return 200 <= self.ask(self.path, _READY).status < 300
        except LookFailed:
            return False

    def ask(self, path: str, timeout: float) -> Answer:
        """Return its answer to a GET; ``LookFailed`` where nothing answers within ``timeout`` seconds."""
        import httpx  # noqa: PLC0415 - a plugin that is not used must cost nothing

        try:
            return self._get(path, timeout)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # A kept connection may be of a process that has ended since; only a new one tells.
            self._close()
        except httpx.HTTPError as error:
            raise self._failed(path, error) from error
        try:
            return self._get(path, timeout)
        except httpx.HTTPError as error:
            raise self._failed(path, error) from error

    def _get(self, path: str, timeout: float) -> Answer:
        clock = SystemClock()
        start = clock.now()
        answer = self._connected().get(self.url + path, timeout=timeout)
        return Answer(answer.status_code, _json(answer), answer.text, clock.now() - start)

    def _connected(self) -> httpx.Client:
        import httpx  # noqa: PLC0415

        if self._pool is None:
            self._pool = httpx.Client(trust_env=False, transport=self.transport)
        return self._pool

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _failed(self, path: str, error: Exception) -> LookFailed:
        return LookFailed(f"{self.name}: GET {path} was not answered: {str(error) or type(error).__name__}")


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
