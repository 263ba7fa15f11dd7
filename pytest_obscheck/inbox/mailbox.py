"""Every message that reached a sink, in the order of arrival."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pytest_obscheck.inbox.wire import Request, Response
from pytest_obscheck.plan import Route
from pytest_obscheck.protocols import Delivery, Sink
from pytest_obscheck.registry import find

SMTP = "smtp"
"""The host of routes that no name leads to: mail goes to the inbox's own SMTP address."""

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s\"]+@")


@dataclass(frozen=True)
class Mailbox:
    """The sinks behind their routes, and what they were given; ``now`` tells the Unix second."""

    routes: tuple[Route, ...]
    now: Callable[[], float]
    _deliveries: list[Delivery] = field(default_factory=list)
    _sinks: dict[str, Sink] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def serves(self, host: str) -> bool:
        """Whether a route leads from this host to a sink."""
        return any(route.host.lower() == host for route in self.routes)

    def routed(self, host: str, path: str) -> tuple[Route, ...]:
        """Return the routes with the longest path that begins ``path``; several receivers may share one address."""
        fit = [route for route in self.routes if route.host.lower() == host and path.startswith(route.path)]
        if not fit:
            return ()
        longest = max(len(route.path) for route in fit)
        return tuple(route for route in fit if len(route.path) == longest)

    def accept(self, routes: tuple[Route, ...], request: Request) -> Response:
        """Let the sink of the routes answer a request (its target is the path), and keep what it understood."""
        status, body = self._give(routes[0].sink, routes, request)
        kind = b"application/json" if body.startswith(b"{") else b"text/plain; charset=utf-8"
        return Response(status, body, ((b"content-type", kind),))

    def mail(self, recipients: Iterable[str], message: bytes) -> str:
        """Let the mail sink take a message, and return its SMTP answer."""
        to = {recipient.lower() for recipient in recipients}
        mails = [route for route in self.routes if route.host == SMTP]
        fit = tuple(route for route in mails if to.intersection(_addresses(route.path))) or tuple(mails)
        request = Request("MAIL", ", ".join(sorted(to)), (), message)
        status, body = self._give(fit[0].sink if fit else "email", fit, request)
        return f"{status} {body.decode()}"

    def since(self, number: int) -> tuple[int, list[dict[str, Any]]]:
        """Return the number to ask with next, and the deliveries from ``number`` on as JSON values."""
        with self._lock:
            found = self._deliveries[number:]
        return number + len(found), [asdict(delivery) for delivery in found]

    def _give(self, sink: str, routes: tuple[Route, ...], request: Request) -> tuple[int, bytes]:
        wall = self.now()
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        status, answer, delivery = self._sink(sink).accept(request.method, request.target, headers, request.body)
        if delivery is None:
            return status, answer
        receiver = delivery.receiver or " or ".join(sorted({route.receiver for route in routes}))
        text = _CREDENTIALS.sub("", delivery.text)
        read = replace(delivery, sink=sink, receiver=receiver, text=text, answered=status, wall=wall)
        # Mail is read in other threads: whoever asks must have it, or be before it was noted.
        with self._lock:
            self._deliveries.append(replace(read, noted=self.now()))
        return status, answer

    def _sink(self, name: str) -> Sink:
        if name not in self._sinks:
            self._sinks[name] = find("sinks", name)()
        return self._sinks[name]


def _addresses(to: str) -> set[str]:
    return set(re.findall(r"[^\s<>,;\"]+@[^\s<>,;\"]+", to.lower()))
