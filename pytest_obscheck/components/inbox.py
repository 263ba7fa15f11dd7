"""The inbox: how to launch it, and what to ask it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from pytest_obscheck.components._http import plain
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Delivery, Launch, Place

if TYPE_CHECKING:
    import httpx

CONFIG = "inbox.json"
TIMEOUT = 5.0


@dataclass(frozen=True)
class Inbox:
    """The servers behind all sinks, and the forward proxy that every edge goes through.

    ``door``: an address of 127.0.0.1 at which the sinks also take what comes without a proxy: that of an attached Alertmanager
    with a receiver under ``http://127.0.0.1:28880/...``, for example.
    """

    ports: ClassVar[tuple[str, ...]] = ("control", "proxy", "smtp")
    after: ClassVar[tuple[str, ...]] = ()

    door: str = ""

    def __post_init__(self) -> None:
        """Refuse a door that others could come through."""
        if self.door and not re.fullmatch(r"127\.0\.0\.1:[0-9]{1,5}", self.door):
            raise ValueError(f"door: {self.door!r} is no address of this machine alone; write it like 127.0.0.1:28880")

    def facts(self, place: Place) -> Facts:
        """Return nothing: the inbox has no configuration of the user's."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it; its ``ca.pem`` goes to the folder of the network's ``ca_file``."""
        config = json.dumps(_config(place), indent=2)
        return Launch(("python", "-m", "pytest_obscheck.inbox", CONFIG), place.folder, files={CONFIG: config})

    def connect(self, place: Place) -> InboxClient:
        """Return a client for its control port."""
        return InboxClient(plain(base_url=f"http://{place.addresses['control']}", timeout=TIMEOUT))


def _config(place: Place) -> dict[str, Any]:
    network, own = place.network, place.addresses["control"].rpartition(":")[0]
    return {
        "listen": {**{port: place.addresses[port] for port in Inbox.ports}, **({"door": network.door} if network.door else {})},
        # Beside addresses of this machine alone, members may have some of the run's own network.
        **({} if own == "127.0.0.1" else {"network": f"{own}/24"}),
        "hosts": dict(network.hosts),
        "routes": [asdict(route) for route in network.routes],
        "folder": str(network.ca_file.parent if network.ca_file else place.folder),
    }


@dataclass(frozen=True)
class InboxClient:
    """Asks the inbox; every method but ``ready`` raises ``LookFailed`` where it cannot."""

    http: httpx.Client
    _known: list[Delivery] = field(default_factory=list, repr=False)

    def ready(self) -> bool:
        """Whether all its ports are open."""
        import httpx  # noqa: PLC0415 -- while it is imported, the inbox starts

        try:
            return self.http.get("/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def deliveries(self, since: int) -> tuple[int, list[Delivery]]:
        """Return the deliveries from number ``since`` on, and the number to ask with next."""
        answer = self._asked("GET", f"/deliveries?since={since}").json()
        return answer["next"], [_delivery(raw) for raw in answer["deliveries"]]

    def arrived(self, since: float, until: float) -> list[Delivery]:
        """Return the deliveries that were noted after the Unix second ``since``, up to and with ``until``, in order."""
        _, fresh = self.deliveries(len(self._known))
        self._known.extend(fresh)
        return [delivery for delivery in self._known if since < delivery.noted <= until]

    def refused(self) -> list[Mapping[str, Any]]:
        """Return the hosts that were asked for and are unknown: ``host``, ``by``, ``count``, ``first`` (Unix seconds)."""
        hosts: list[Mapping[str, Any]] = self._asked("GET", "/refused").json()
        return hosts

    def scrapes(self) -> Mapping[str, Mapping[str, int]]:
        """Return per production host ``count``, ``errors``, last ``status`` and ``aborted``: scrapes that timed out."""
        hosts: Mapping[str, Mapping[str, int]] = self._asked("GET", "/scrapes").json()
        return hosts

    def alter(self, key: str, rule: Mapping[str, Any]) -> None:
        """Begin to alter samples; ``rule`` is documented at ``pytest_obscheck.inbox.samples``."""
        self._asked("PUT", _alteration(key), json=dict(rule))

    def restore(self, key: str) -> None:
        """End an alteration; nothing where there is none."""
        self._asked("DELETE", _alteration(key))

    def altered(self, key: str) -> Mapping[str, Any]:
        """Return what an alteration did: ``scrapes``, ``samples`` altered, ``seen`` (nearest series where none matched)."""
        told: Mapping[str, Any] = self._asked("GET", _alteration(key)).json()
        return told

    def shorten(self, name: str, left: float) -> None:
        """Show whoever connects to a production name a certificate that ends in so many seconds, or ended so many ago."""
        self._asked("PUT", _certificate(name), json={"left": left})

    def renew(self, name: str) -> None:
        """Show a certificate that lasts again; nothing where it does."""
        self._asked("DELETE", _certificate(name))

    def lasts(self, name: str) -> float | None:
        """Return in how many seconds the certificate that is shown for a name ends; ``None`` where it lasts."""
        left: float | None = self._asked("GET", _certificate(name)).json()["left"]
        return left

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()

    def _asked(self, method: str, path: str, **more: Any) -> httpx.Response:
        import httpx  # noqa: PLC0415 -- while it is imported, the inbox starts

        try:
            answer = self.http.request(method, path, **more)
        except httpx.HTTPError as error:
            raise LookFailed(f"inbox: {method} {path} got no answer ({error or type(error).__name__})") from None
        if answer.is_error:
            raise LookFailed(f"inbox: {method} {path} got {answer.status_code}: {answer.text.strip()}")
        return answer


def _alteration(key: str) -> str:
    return f"/alterations/{quote(key, safe='')}"


def _certificate(name: str) -> str:
    return f"/certificates/{quote(name, safe='')}"


def _delivery(raw: Mapping[str, Any]) -> Delivery:
    return Delivery(**{**raw, "alerts": tuple(raw["alerts"])})
