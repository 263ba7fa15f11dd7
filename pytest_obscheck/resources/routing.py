"""AlertmanagerConfig resources → routes, receivers, inhibitions and time intervals in an alertmanager.yml."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_obscheck.resources.fields import Resource, held, listed, name, namespace, picked, plainly, snake

ROUTINGS = ("AlertmanagerConfig", "Alertmanager")
"""The kinds of resources that bear on routes; of an Alertmanager its strategy for namespaces."""

_INTERVALS = ("muteTimeIntervals", "activeTimeIntervals")
_PAIRS = ("details", "headers", "custom_fields")
_OTHER_NAMES = {"pager_duty_link_configs": "links", "pager_duty_image_configs": "images"}
_OF_DISCORD = {"api_url_file": "webhook_url_file"}


def routed(resources: Sequence[Resource]) -> dict[str, list[Any]]:
    """Return what the operator adds to an alertmanager.yml: by key, in its order.

    ``routes`` come before those of the file, each going on to the next; the others after what the file has. Routes and
    inhibitions see alerts of their own namespace only, unless an Alertmanager resource says otherwise.
    """
    alertmanagers = [each for each in resources if each.get("kind") == "Alertmanager"]
    made: dict[str, list[Any]] = {"routes": [], "receivers": [], "inhibit_rules": [], "time_intervals": []}
    for each in sorted((each for each in resources if each.get("kind") == "AlertmanagerConfig"), key=_full):
        spec, own = held(each, "spec"), _own(each, alertmanagers)
        made["inhibit_rules"].extend(_inhibition(rule, own) for rule in listed(spec, "inhibitRules"))
        if held(spec, "route"):
            route = _route(held(spec, "route"), each)
            made["routes"].append(route | {"matchers": [*route.get("matchers", []), *own], "continue": True})
            made["receivers"].extend(_receiver(receiver, each) for receiver in listed(spec, "receivers"))
            intervals = [*listed(spec, "muteTimeIntervals"), *listed(spec, "timeIntervals")]
            made["time_intervals"].extend(_interval(interval, each) for interval in intervals)
    return {key: found for key, found in made.items() if found}


def _full(resource: Resource) -> str:
    return f"{namespace(resource)}/{name(resource)}"


def _own(resource: Resource, alertmanagers: Sequence[Resource]) -> list[str]:
    """Return the matchers that keep a resource to its own namespace."""
    for each in alertmanagers:
        strategy = held(each, "spec", "alertmanagerConfigMatcherStrategy").get("type")
        excepted = strategy == "OnNamespaceExceptForAlertmanagerNamespace" and namespace(each) == namespace(resource)
        if strategy == "None" or excepted:
            return []
    return [_quoted("namespace", "=", namespace(resource))]


def _quoted(label: str, sign: str, value: str) -> str:
    return f"{label}{sign}{json.dumps(value, ensure_ascii=False)}"


def _matchers(found: Sequence[Any]) -> list[str]:
    """Return matchers as Alertmanager writes them."""
    kept = [each for each in found if isinstance(each, Mapping)]
    signs = [each.get("matchType") or ("=~" if each.get("regex") is True else "=") for each in kept]
    return [_quoted(str(each.get("name")), sign, str(each.get("value", ""))) for each, sign in zip(kept, signs, strict=True)]


def _route(spec: Mapping[str, Any], resource: Resource) -> dict[str, Any]:
    """Return a route with its children; receivers and intervals have the resource's name before theirs."""
    made = picked(spec, ["groupBy", "groupWait", "groupInterval", "repeatInterval", "continue"])
    if spec.get("receiver"):
        made["receiver"] = f"{_full(resource)}/{spec['receiver']}"
    if listed(spec, "matchers"):
        made["matchers"] = _matchers(listed(spec, "matchers"))
    for field in _INTERVALS:
        if listed(spec, field):
            made[snake(field)] = [f"{_full(resource)}/{each}" for each in listed(spec, field)]
    if listed(spec, "routes"):
        made["routes"] = [_route(each, resource) for each in listed(spec, "routes")]
    return made


def _inhibition(rule: Mapping[str, Any], own: list[str]) -> dict[str, Any]:
    sides = {side: _matchers(listed(rule, f"{side}Match")) for side in ("source", "target")}
    made = {f"{side}_matchers": list(dict.fromkeys([*found, *own])) for side, found in sides.items()}
    return made | picked(rule, ["equal"])


def _receiver(receiver: Mapping[str, Any], resource: Resource) -> dict[str, Any]:
    made: dict[str, Any] = {"name": f"{_full(resource)}/{receiver.get('name', '')}"}
    for kind in receiver:
        if kind.endswith("Configs"):
            names = _OTHER_NAMES | (_OF_DISCORD if kind == "discordConfigs" else {})
            made[snake(kind)] = [_integration(each, namespace(resource), names) for each in listed(receiver, kind)]
    return made


def _integration(spec: Mapping[str, Any], where: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Return one way of notifying: lists of pairs as mappings, what is in Secrets as files."""
    made = {names.get(key, key): value for key, value in plainly(spec, where).items() if value not in ("", None)}
    for key in _PAIRS:
        if isinstance(made.get(key), list):
            made[key] = {str(pair.get("key")): pair.get("value") for pair in made[key]}
    if "http_config" in made:
        made["http_config"] = _client(held(spec, "httpConfig"), made["http_config"])
    if "tls_config" in made:
        made["tls_config"] = _tls(made["tls_config"])
    return made


def _client(spec: Mapping[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in made.items() if key not in ("oauth2", "proxy_connect_header")}
    if "bearer_token_file" in kept:
        kept["authorization"] = {"credentials_file": kept.pop("bearer_token_file")}
    if "proxyURL" in spec or "proxyUrl" in spec:
        kept["proxy_url"] = spec.get("proxyURL") or spec.get("proxyUrl")
    return kept | ({"tls_config": _tls(kept["tls_config"])} if "tls_config" in kept else {})


def _tls(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is no certificate: those of a cluster are not here."""
    return {key: value for key, value in made.items() if not isinstance(value, Mapping) and not key.endswith("_file")}


def _interval(interval: Mapping[str, Any], resource: Resource) -> dict[str, Any]:
    inner = [dict(_spans(each)) for each in listed(interval, "timeIntervals")]
    return {"name": f"{_full(resource)}/{interval.get('name', '')}", "time_intervals": inner}


def _spans(span: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yield one kind of days or hours after the other, in Alertmanager's words."""
    for field, found in span.items():
        if field == "times":
            yield "times", [plainly(each, "") for each in found]
        elif field == "daysOfMonth":
            yield "days_of_month", [f"{each.get('start')}:{each.get('end') or each.get('start')}" for each in found]
        elif isinstance(found, list):
            yield snake(field), [str(each).lower() for each in found]
