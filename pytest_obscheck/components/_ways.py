"""Where production's addresses lead in the stack, for programs that know no proxy."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from pytest_obscheck.protocols import Place

WEB = ("http", "https")


def way(text: str, place: Place, ports: Mapping[str, int]) -> str:
    """Return where an address leads here, in the same form and in plain HTTP; ``""`` where nobody here has its name.

    ``ports``: scheme → its port where the address says none; ``""`` for an address without one.
    """
    parts = urlsplit(text if "://" in text else f"//{text}")
    host = parts.netloc.rpartition("@")[2].lower()
    named = host if ":" in host else f"{host}:{ports.get(parts.scheme, ports[''])}"
    here = named if _of_the_run(named, place) else place.network.hosts.get(named, "")
    if not here:
        return ""
    here = _through_the_edge(here, place)
    return f"http://{here}{parts.path}" if parts.scheme in WEB else here


def _of_the_run(named: str, place: Place) -> bool:
    """Whether an address is one that members have: of this machine alone, or in the network of the run."""
    own = next(iter(place.addresses.values())).rpartition(":")[0]
    try:
        return ip_address(named.rpartition(":")[0]) in ip_network(f"{own}/24", strict=False)
    except ValueError:
        return False


def _through_the_edge(here: str, place: Place) -> str:
    edges = (edge for name, edge in place.network.edges.items() if name.startswith(f"{place.name}→"))
    return next((listen for listen, upstream in edges if upstream == here), here)
