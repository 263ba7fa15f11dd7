"""PagerDuty: Events API v2, and v1 where a service key is configured.

The protocols: https://developer.pagerduty.com/docs/send-alert-event and https://developer.pagerduty.com/docs/trigger-events-v1
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import KEY_OF, Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import listed

V1 = ("events.pagerduty.com:443", "/generic/2010-04-15/create_event.json")
V2 = "https://events.pagerduty.com/v2/enqueue"
SEVERITIES = ("critical", "warning", "error", "info")
STATUSES = {"trigger": "firing", "acknowledge": "acknowledged", "resolve": "resolved"}


@dataclass(frozen=True)
class PagerDuty:
    """The pretend PagerDuty. Keys are looked at and never kept."""

    name = "pagerduty"
    receiver_key = "pagerduty_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the API: v1 for a service key, whatever the URL says, as Alertmanager does it."""
        if config.get("service_key") or config.get("service_key_file"):
            return V1
        return address(config.get("url") or defaults.get("pagerduty_url") or V2, V1[0])

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take an event: 202 (v1: 200) with its key, 400 with every error."""
        first = path.startswith(V1[1])
        event = _event(body)
        errors = list(_errors(method, event, first=first))
        if errors:
            answer = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
            return 400, json.dumps(answer).encode(), Delivery("pagerduty", "invalid", (), "\n".join(errors))
        key = "incident_key" if first else "dedup_key"
        answer = {"status": "success", "message": "Event processed", key: event.get(key, "")}
        return (200 if first else 202), json.dumps(answer).encode(), _delivery(event, first=first)


def _event(body: bytes) -> Mapping[str, Any]:
    try:
        event = json.loads(body)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _errors(method: str, event: Mapping[str, Any], *, first: bool) -> Iterator[str]:
    if method != "POST" or not event:
        yield "the request is not a POST of a JSON object"
        return
    key, action = ("service_key", "event_type") if first else ("routing_key", "event_action")
    if not event.get(key):
        yield f"'{key}' is missing or blank"
    if event.get(action) not in STATUSES:
        yield f"'{action}' is {event.get(action)!r}; it is one of {', '.join(STATUSES)}"
    if event.get(action) == "trigger":
        yield from _missing(event, first=first)


def _missing(event: Mapping[str, Any], *, first: bool) -> Iterator[str]:
    holder, names = (event, ("description",)) if first else (event.get("payload") or {}, ("summary", "source", "severity"))
    yield from (f"'{name}' is missing or blank" for name in names if not holder.get(name))
    if not first and holder.get("severity") and holder["severity"] not in SEVERITIES:
        yield f"'severity' is {holder['severity']!r}; it is one of {', '.join(SEVERITIES)}"


def _delivery(event: Mapping[str, Any], *, first: bool) -> Delivery:
    payload = event.get("payload") or {}
    details = (event.get("details") if first else payload.get("custom_details")) or {}
    alerts = tuple(alert for status in ("firing", "resolved") for alert in _alerts(details.get(status), status))
    status = STATUSES[event["event_type" if first else "event_action"]]
    group = str(event.get("incident_key" if first else "dedup_key") or "")
    words = "\n".join(_words(event, payload, details))
    receiver = _receiver(str(event["service_key" if first else "routing_key"]))
    return Delivery("pagerduty", status, alerts, words, group, receiver, merges=bool(group))


def _receiver(key: str) -> str:
    """Return whose key it is, where a placeholder says so: at PagerDuty's one address only the key tells."""
    return key.removeprefix(KEY_OF) if key.startswith(KEY_OF) else ""


def _words(event: Mapping[str, Any], payload: Mapping[str, Any], details: Mapping[str, Any]) -> Iterator[str]:
    said = [
        event.get("description"),
        *(payload.get(name) for name in ("summary", "severity", "source", "class", "component", "group")),
    ]
    yield from (str(words) for words in said if words)
    yield from (f"{name}: {value if isinstance(value, str) else json.dumps(value)}" for name, value in details.items() if value)
    yield from (f"{link.get('text', '')} {link.get('href', '')}" for link in event.get("links") or ())


def _alerts(detail: Any, status: str) -> Iterator[dict[str, Any]]:
    """Yield the alerts of ``details.firing`` or ``.resolved``: a list since Alertmanager 0.30, text before."""
    if isinstance(detail, list):
        for alert in detail:
            kept = {key: dict(alert.get(key) or {}) for key in ("labels", "annotations")}
            yield {**kept, "status": str(alert.get("status") or status)}
    else:
        yield from listed(str(detail or ""), status)
