"""What exporters have in common: they listen where they are told, and say that they are there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from pytest_obscheck.components._flags import kept
from pytest_obscheck.components._http import Http
from pytest_obscheck.errors import ProgramMissing
from pytest_obscheck.protocols import Place

_OURS = ("web.listen-address", "web.config.file")


def flags(place: Place, args: tuple[str, ...], ours: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the flag for the address, and production's own; ``ours`` are further ones that the harness gives itself."""
    own = kept(tuple(place.fill(arg) for arg in args), (*_OURS, *ours))
    return (f"--web.listen-address={place.addresses['http']}", *own)


def program(*names: str, advice: str) -> str:
    """Return the path of an exporter by the first of its names that is on PATH; ``ProgramMissing`` ends with ``advice``."""
    found = next((path for name in names if (path := shutil.which(name))), "")
    if not found:
        raise ProgramMissing(f"{names[0]}: not found on PATH; {advice}")
    return found


@dataclass
class ExporterClient:
    """Asks one exporter; ``path`` is a page that makes it collect nothing."""

    http: Http
    path: str = "/"

    def ready(self) -> bool:
        """Whether it answers."""
        return self.http.ok(self.path)

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()


def exporter_client(place: Place, path: str = "/") -> ExporterClient:
    """Return a client for the exporter at a place."""
    return ExporterClient(Http(place.name, f"http://{place.addresses['http']}"), path)
