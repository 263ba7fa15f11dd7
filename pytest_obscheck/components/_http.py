"""One pooled HTTP client for a member of the stack, whose every failure is a ``LookFailed`` with a short sentence."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_obscheck.errors import LookFailed

if TYPE_CHECKING:
    import httpx

SECONDS = 5
"""How long an answer may take, in seconds of wall time."""


def plain(**more: Any) -> httpx.Client:
    """Return a client for members, which speak plain HTTP on loopback; ``more`` are arguments of ``httpx.Client``."""
    import httpx  # noqa: PLC0415 -- takes 0.1 s that stories which fail to load can spare

    # Loading the machine's CAs would cost 20 ms for nothing.
    return httpx.Client(trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), **more)


@dataclass
class Http:
    """GETs from one member. ``url`` has no slash at its end; ``transport`` replaces the network in tests."""

    name: str
    url: str
    transport: Any = None

    @cached_property
    def _client(self) -> httpx.Client:
        return plain(timeout=SECONDS, transport=self.transport)

    def close(self) -> None:
        """Give up the connections to it."""
        if "_client" in self.__dict__:
            self.__dict__.pop("_client").close()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> httpx.Response:
        """Return the answer to a GET, whatever its status; ``LookFailed`` where there is none."""
        return self._asked("GET", path, params=params)

    def post(self, path: str, body: Any) -> httpx.Response:
        """Return the answer to a POST of JSON, or of a text that is JSON, likewise."""
        text = body if isinstance(body, str) else json.dumps(body)
        return self._asked("POST", path, content=text, headers={"Content-Type": "application/json"})

    def _asked(self, method: str, path: str, **more: Any) -> httpx.Response:
        import httpx  # noqa: PLC0415 -- see above

        try:
            return self._client.request(method, f"{self.url}{path}", **more)
        except httpx.TimeoutException:
            raise LookFailed(f"{self.name} gave no answer to {path} within {SECONDS} s") from None
        except httpx.ConnectError:
            raise LookFailed(f"{self.name} refuses connections") from None
        except httpx.HTTPError as error:
            raise LookFailed(f"{self.name} did not answer {path}: {error or type(error).__name__}") from None

    def text(self, path: str, params: Mapping[str, Any] | None = None) -> str:
        """Return the body of an answer with status 200; ``LookFailed`` for every other."""
        answer = self.get(path, params)
        if answer.status_code != 200:
            raise LookFailed(refused(self.name, path, answer.status_code, answer.text))
        return answer.text

    def json(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON of an answer with status 200; ``LookFailed`` for every other."""
        return parsed(self.name, path, self.text(path, params))

    def ok(self, path: str) -> bool:
        """Whether a GET is answered with 200; never raises."""
        try:
            return self.get(path).status_code == 200
        except LookFailed:
            return False


def parsed(name: str, path: str, text: str) -> Any:
    """Return text as JSON; ``LookFailed`` where it is not."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise LookFailed(f"{name} answered {path} with something that is not JSON: {text[:80]!r}") from None


def refused(name: str, path: str, status: int, text: str) -> str:
    """Return the sentence for an answer that is not 200: the member's own error text where its JSON has one."""
    try:
        said = parsed(name, path, text)["error"]
    except (LookFailed, LookupError, TypeError):
        said = text.strip().partition("\n")[0][:200]
    return f"{name} answered {path} with {status}: {said}" if said else f"{name} answered {path} with {status}"
