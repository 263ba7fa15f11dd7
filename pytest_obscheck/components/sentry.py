"""A pretend Sentry: it takes what real SDKs send, in a small process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_obscheck.components._http import Http
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place
from pytest_obscheck.signals import ErrorReport, ErrorReports


@dataclass(frozen=True)
class Sentry:
    """Takes envelopes and stored events at the DSN ``http://key@${sentry.address}/1``; any key and project will do.

    With ``depends_on: [sentry]`` a service's way to it goes through toxiproxy.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ()

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        return Launch(("python", "-m", "pytest_obscheck.intake", place.addresses["http"]), place.folder)

    def connect(self, place: Place) -> SentryClient:
        """Return a client that knows what was reported."""
        return SentryClient(Http(place.name, f"http://{place.addresses['http']}"))


@dataclass
class SentryClient:
    """Asks one intake."""

    http: Http

    def ready(self) -> bool:
        """Whether it takes reports."""
        return self.http.ok("/reports")

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()

    def error_reports(self, since: float, until: float) -> ErrorReports:
        """Return what arrived after ``since``, up to and with ``until``; ``LookFailed`` where it cannot be asked."""
        told = self.http.json("/reports")
        try:
            reports = [ErrorReport(each["at"], each["kind"], each["event"], each["rate"]) for each in told["events"]]
            return ErrorReports(tuple(r for r in reports if since < r.at <= until), told["counts"], told["lost"])
        except (LookupError, TypeError):
            raise LookFailed(f"{self.http.name} answered /reports with something that are no reports") from None
