"""Asking a member over HTTP what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_obscheck.capabilities import Answer
from pytest_obscheck.clock import SystemClock
from pytest_obscheck.errors import LookFailed

if TYPE_CHECKING:
    import httpx

_READY = 1.0
"""Seconds in which a member must answer that it is ready."""


def asking(name: str, address: str, ready: str) -> ServiceClient:
    """Return a client for the member at an address, which is ready when a path answers 2xx."""
    import httpx  # noqa: PLC0415 - a plugin that is not used must cost nothing

    # Plain HTTP needs no certificates, and reading them takes longer than a service takes to answer.
    return ServiceClient(name, httpx.Client(base_url=f"http://{address}", trust_env=False, verify=False), ready)  # noqa: S501


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

    def why_unready(self) -> str:
        """Return what its path answers instead of 2xx."""
        asked = f"GET {str(self.pool.base_url).rstrip('/')}{self.path}"
        try:
            status = self.ask(self.path, _READY).status
        except LookFailed as error:
            why = str(error).rpartition("was not answered: ")[2]
            return f"{asked} was not answered: {why}; it must listen on the port that ${{port.…}} stands for"
        return f"{asked} was answered with {status}; `ready:` must name a path that answers 2xx"

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
