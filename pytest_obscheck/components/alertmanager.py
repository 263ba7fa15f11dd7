"""Alertmanager: the user's own alertmanager.yml, with every receiver leading to a sink and no secret in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from pytest_obscheck.components._files import SECRET, Reader, Spot, local, names, redacted, rows
from pytest_obscheck.components._flags import given, kept, prefix
from pytest_obscheck.components._http import Http
from pytest_obscheck.components._httpconfig import through_proxy, trust, without_secrets
from pytest_obscheck.components._mixing import branches, inhibitions
from pytest_obscheck.components._secretfiles import check_secret_files
from pytest_obscheck.components._variables import filled, note_unfilled, sampled
from pytest_obscheck.document import Document
from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.plan import Check, Facts, Route
from pytest_obscheck.protocols import KEY_OF, Launch, Place
from pytest_obscheck.speed import (
    Timing,
    alertmanager_fixed,
    alertmanager_flag_spans,
    alertmanager_flags,
    alertmanager_spans,
    known_flags,
    speed_alertmanager,
)

CONFIG = "alertmanager.yml"
_OURS = ("config.file", "storage.path", "web.listen-address", "web.config.file")
_KEYS = ("routing_key", "service_key")
_URL_FILES = ("url_file", "api_url_file", "webhook_url_file")
_SILENT_AT_THE_END = frozenset({"email_configs", "slack_configs", "rocketchat_configs", "wechat_configs"})
"""Integrations whose ``send_resolved`` is false where the file says nothing."""


@dataclass(frozen=True)
class Alertmanager:
    """Groups, routes, silences and inhibits alerts, and notifies.

    ``config``: the user's alertmanager.yml, relative to stack.yaml. ``args``: production's flags; those that say where things
    are or listen give way to the harness's own. ``version``: what production runs.
    ``variables``: what each ``${NAME}`` in the file stands for. ``routes``: AlertmanagerConfig resources, whose routes and
    receivers are added as the operator adds them. Members of one cluster gossip at their ports ``cluster``, where their
    ``args`` say so: ``--cluster.listen-address=${host}:${port.cluster}`` and ``--cluster.peer=${am-1.cluster}``.
    """

    ports: ClassVar[tuple[str, ...]] = ("http", "cluster")
    after: ClassVar[tuple[str, ...]] = ("inbox",)

    config: str
    args: tuple[str, ...] = ()
    version: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    routes: tuple[str, ...] = ()

    def facts(self, place: Place) -> Facts:
        """Return the ways out of every receiver; ``ConfigError`` with every one for which there is no sink."""
        reader = Reader(place, variables=filled(self.variables, place))
        document = self._opened(reader)
        routes = tuple(_routes(reader, document)) if document else ()
        if document is None:
            reader.done()
            return Facts()
        note_unfilled(reader, document)
        check_secret_files(reader, document)
        list(reader.paths(document, "templates"))
        reader.done()
        name = reader.name(document)
        tree = tuple(branches(document.value, lambda spot: f"{name}:{document.line(*spot)}"))
        muting = tuple(inhibitions(document.value, lambda spot: f"{name}:{document.line(*spot)}"))
        said = Facts(files=reader.files, notes=tuple(reader.notes), secrets=tuple(reader.hidden))
        check = Check("amtool", document.path, self._as_production_reads_it(document.path, place))
        return replace(said, routes=routes, branches=tree, inhibitions=muting, checks=(check,))

    def _as_production_reads_it(self, path: Path, place: Place) -> str:
        """Return the text with its variables and with its templates where they are."""
        document = place.open(path, variables=filled(self.variables, place))
        for number, text in names(document.value, "templates"):
            document.set(("templates", number), str(local(place, document.path.parent, text)))
        return sampled(document.text())

    def timing(self, place: Place) -> Timing:
        """Return every wait and interval, and the receivers whose notifications hang on the wall clock."""
        reader = Reader(place, variables=filled(self.variables, place))
        document = self._opened(reader)
        reader.done()
        flags = tuple(alertmanager_flag_spans(self.args))
        if document is None:
            return Timing(flags)
        name = reader.name(document)
        return Timing((*flags, *alertmanager_spans(document, name)), fixed=dict(alertmanager_fixed(document, name)))

    def launch(self, place: Place) -> Launch:
        """Return how to start it on the working copy of its configuration; ``ConfigError`` as in ``facts``."""
        reader = Reader(place, variables=filled(self.variables, place))
        document = self._opened(reader)
        files = _derive(reader, document) if document else {}
        reader.done()
        originals = {CONFIG: reader.name(document)} if document else {}
        return Launch(("alertmanager", *self._flags(place)), place.folder, files=files, originals=originals)

    def connect(self, place: Place) -> AlertmanagerClient:
        """Return a client that knows its alerts and silences."""
        return AlertmanagerClient(Http(place.name, f"http://{place.addresses['http']}{prefix(self._args(place))}"))

    def _opened(self, reader: Reader) -> Document | None:
        routes = [path for text in self.routes for path in reader.globbed("routes", text)]
        return reader.open(local(reader.place, reader.place.home, self.config), **({"routes": routes} if routes else {}))

    def _args(self, place: Place) -> tuple[str, ...]:
        return tuple(place.fill(arg) for arg in self.args)

    def _flags(self, place: Place) -> Iterator[str]:
        yield f"--config.file={place.folder}/{CONFIG}"
        yield f"--storage.path={place.folder}/data"
        yield f"--web.listen-address={place.addresses['http']}"
        if not given(self._args(place), "cluster.listen-address"):
            # Its default is a wildcard address, for TCP and UDP.
            yield "--cluster.listen-address="
        args = kept(self._args(place), _OURS)
        known = known_flags(place.fill("${alertmanager.version}"))
        yield from alertmanager_flags(args, place.speed, known) if place.speed.changes else args


@dataclass
class AlertmanagerClient:
    """Asks one Alertmanager; every method but ``ready`` raises ``LookFailed`` where it cannot."""

    http: Http

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()

    def ready(self) -> bool:
        """Whether it takes alerts now."""
        return self.http.ok("/-/ready")

    def alerts(self) -> list[Mapping[str, Any]]:
        """Return the alerts it holds, as version 2 of its API names them; ``mutedBy``: receiver → time intervals."""
        muted = _muted(self.http.json("/api/v2/alerts/groups"))
        return [{**alert, "mutedBy": muted.get(alert.get("fingerprint", ""), {})} for alert in self.http.json("/api/v2/alerts")]

    def silences(self) -> list[Mapping[str, Any]]:
        """Return its silences, the expired ones too."""
        return list(self.http.json("/api/v2/silences"))

    def status(self) -> Mapping[str, Any]:
        """Return its status: cluster, version, the configuration it runs on, and since when."""
        answer: Mapping[str, Any] = self.http.json("/api/v2/status")
        return answer


def _muted(groups: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """Return fingerprint → receiver → the time intervals by which it hears nothing: only groups know them."""
    found: dict[str, dict[str, list[str]]] = {}
    for group in groups:
        for alert in group["alerts"]:
            names = alert["status"].get("mutedBy")
            if names:
                found.setdefault(alert["fingerprint"], {})[group["receiver"]["name"]] = names
    return found


@dataclass(frozen=True)
class _Integration:
    """One way in which one receiver notifies: where it is configured, and what it says without its secrets."""

    receiver: str
    spot: Spot
    config: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Return Alertmanager's name for the kind: ``slack_configs``."""
        return str(self.spot[-2])


def _integrations(value: Any) -> Iterator[_Integration]:
    for number, receiver in rows(value, "receivers"):
        for key in receiver:
            for place, config in rows(receiver, key) if key.endswith("_configs") else ():
                yield _Integration(str(receiver.get("name", "")), ("receivers", number, key, place), redacted(config))


def _defaults(value: Any) -> Mapping[str, Any]:
    found = value.get("global") if isinstance(value, Mapping) else None
    return redacted(found) if isinstance(found, Mapping) else {}


def _routes(reader: Reader, document: Document) -> Iterator[Route]:
    for integration in _integrations(document.value):
        route = _route(reader, document, integration)
        if route:
            yield route


def _route(reader: Reader, document: Document, integration: _Integration) -> Route | None:
    sinks = reader.place.network.sinks
    if integration.key not in sinks:
        what = f"receiver {integration.receiver!r} uses {integration.key}, for which there is no sink yet"
        reader.problem(document, integration.spot[:-1], what, did_you_mean("", sinks))
        return None
    sink = sinks[integration.key]()
    host, path = sink.route(integration.config, _defaults(document.value))
    if any(name in integration.config for name in _URL_FILES):
        # The real URL is a secret that nobody reads: a path of its own tells whose it was.
        path = "/" + "/".join(str(step) for step in integration.spot)
    where = reader.where(document, integration.spot)
    resolved = integration.config.get("send_resolved", integration.key not in _SILENT_AT_THE_END)
    return Route(host, path, sink.name, integration.receiver, where, resolved is not False)


def _derive(reader: Reader, document: Document) -> dict[str, str]:
    place, value = reader.place, document.value
    defaults, integrations = _defaults(value), list(_integrations(value))
    files = without_secrets(document, dict(_contents(reader, document)), str(place.folder))
    if isinstance(value, Mapping) and "tracing" in value:
        document.remove(("tracing",))
    through_proxy(document, ("global", "http_config"), defaults.get("http_config"), place.network, https=True)
    if defaults.get("smtp_smarthost"):
        document.set(("global", "smtp_smarthost"), place.network.smtp)
    if "smtp_force_implicit_tls" in defaults:
        document.remove(("global", "smtp_force_implicit_tls"))
    for integration in integrations:
        _derive_integration(document, integration, place)
    for number, text in names(value, "templates"):
        document.set(("templates", number), str(local(place, document.path.parent, text)))
    if place.speed.changes:
        speed_alertmanager(document, place.speed)
    return {**files, CONFIG: document.text()}


def _contents(reader: Reader, document: Document) -> Iterator[tuple[Spot, str]]:
    """Yield the files whose placeholder says something, with where they are named: a URL, a number, whose key it is."""
    for route, integration in zip(_routes(reader, document), _integrations(document.value), strict=False):
        yield from (((*integration.spot, name), _url(route)) for name in _URL_FILES if name in integration.config)
        if "chat_id_file" in integration.config:
            yield (*integration.spot, "chat_id_file"), "1"
        keys = (name for name in integration.config if name.endswith("_key_file"))
        yield from (((*integration.spot, name), f"{KEY_OF}{integration.receiver}") for name in keys)
    slack = reader.place.network.sinks.get("slack_configs")
    if slack and "slack_api_url_file" in _defaults(document.value):
        host, path = slack().route({}, _defaults(document.value))
        yield ("global", "slack_api_url_file"), _url(Route(host, path, "", ""))


def _url(route: Route) -> str:
    host, _, port = route.host.rpartition(":")
    scheme = "https" if port == "443" else "http"
    shown = host if port in ("80", "443") else route.host
    return f"{scheme}://{shown}{route.path or '/'}"


def _derive_integration(document: Document, integration: _Integration, place: Place) -> None:
    config, spot = integration.config, integration.spot
    if integration.key == "sns_configs":
        _derive_signature(document, (*spot, "sigv4"), config.get("sigv4"))
    for name in _KEYS if integration.key == "pagerduty_configs" else ():
        if name in config:
            # Its sink tells receivers of one address apart by it.
            document.set((*spot, name), f"{KEY_OF}{integration.receiver}")
    if integration.key == "email_configs":
        _derive_email(document, integration, place)
    elif isinstance(config.get("http_config"), Mapping):
        # An http_config of its own inherits nothing from the global one.
        through_proxy(document, (*spot, "http_config"), config["http_config"], place.network, https=True)


def _derive_signature(document: Document, spot: Spot, config: Any) -> None:
    """Sign with keys of nobody: profiles and roles are asked for elsewhere, which is not part of the stack."""
    config = config if isinstance(config, Mapping) else {}
    for name in ("profile", "role_arn", "external_id"):
        if name in config:
            document.remove((*spot, name))
    for name, value in {"region": "us-east-1", "access_key": SECRET, "secret_key": SECRET}.items():
        if name not in config:
            document.set((*spot, name), value)


def _derive_email(document: Document, integration: _Integration, place: Place) -> None:
    """Lead mail to the mail sink: SMTP knows no proxy. ``require_tls`` stays as the user has it."""
    config, spot = integration.config, integration.spot
    if config.get("smarthost"):
        document.set((*spot, "smarthost"), place.network.smtp)
    if "force_implicit_tls" in config:
        document.remove((*spot, "force_implicit_tls"))
    trust(document, (*spot, "tls_config"), config.get("tls_config"), place.network, https=True)
    document.set((*spot, "tls_config", "server_name"), "localhost")
