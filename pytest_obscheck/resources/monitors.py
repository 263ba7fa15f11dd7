"""ServiceMonitor, PodMonitor, Probe and ScrapeConfig resources → scrape configs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytest_obscheck.resources.fields import Resource, client, held, listed, name, namespace, picked, plainly, snake

Rule = dict[str, Any]
Spot = tuple[str | int, ...]
_ENDPOINT = {
    "honorLabels": "honor_labels", "honorTimestamps": "honor_timestamps", "interval": "scrape_interval",
    "trackTimestampsStaleness": "track_timestamps_staleness", "scrapeTimeout": "scrape_timeout", "path": "metrics_path",
    "params": "params", "followRedirects": "follow_redirects", "enableHttp2": "enable_http2",
}  # fmt: skip
_LIMITS = {
    **{each: snake(each) for each in (
        "sampleLimit", "targetLimit", "labelLimit", "labelNameLengthLimit", "labelValueLengthLimit", "keepDroppedTargets",
        "bodySizeLimit", "scrapeProtocols", "fallbackScrapeProtocol", "nativeHistogramBucketLimit",
        "nativeHistogramMinBucketFactor", "scrapeNativeHistograms",
    )},
    "scrapeClassicHistograms": "always_scrape_classic_histograms",
    "convertClassicHistogramsToNHCB": "convert_classic_histograms_to_nhcb",
}  # fmt: skip
_SCRAPE_CONFIG = {
    **_ENDPOINT, "enableHTTP2": "enable_http2", "scrapeInterval": "scrape_interval", "metricsPath": "metrics_path",
    "enableCompression": "enable_compression",
}  # fmt: skip
_FIRST: Rule = {"source_labels": ["job"], "target_label": "__tmp_prometheus_job_name"}


def jobs(resource: Resource) -> Iterator[tuple[Spot, dict[str, Any]]]:
    """Yield the scrape configs that the operator makes of a resource, each with the path of what it stands for."""
    yield from MONITORS[str(resource["kind"])](resource)


def _service_monitor(resource: Resource) -> Iterator[tuple[Spot, dict[str, Any]]]:
    spec = held(resource, "spec")
    slices = spec.get("serviceDiscoveryRole") == "EndpointSlice"
    role = "endpointslice" if slices else "endpoints"
    for number, endpoint in enumerate(listed(spec, "endpoints")):
        kind = f"__meta_kubernetes_{'endpointslice' if slices else 'endpoint'}"
        rules: list[Rule] = [_FIRST, *_selected(spec, "service")]
        rules += _port(endpoint, {"port": f"{kind}_port_name"})
        rules += _of_service(f"{kind}_address_target")
        rules += [] if endpoint.get("filterRunning") is False else [_running()]
        rules += [_copied("service", label, snaked=True) for label in listed(spec, "targetLabels")]
        rules += [_copied("pod", label, snaked=True) for label in listed(spec, "podTargetLabels")]
        rules += [_relabelled("__meta_kubernetes_service_name", "job") | {"replacement": "${1}"}]
        rules += _named(spec, endpoint, "service")
        yield (
            ("spec", "endpoints", number),
            _job(resource, endpoint, f"serviceMonitor/{_full(resource)}/{number}", role, rules),
        )


def _pod_monitor(resource: Resource) -> Iterator[tuple[Spot, dict[str, Any]]]:
    spec = held(resource, "spec")
    for number, endpoint in enumerate(listed(spec, "podMetricsEndpoints")):
        rules: list[Rule] = [_FIRST] if endpoint.get("filterRunning") is False else [_FIRST, _running()]
        rules += _selected(spec, "pod")
        rules += _port(
            endpoint,
            {"port": "__meta_kubernetes_pod_container_port_name", "portNumber": "__meta_kubernetes_pod_container_port_number"},
        )
        rules += [_relabelled("__meta_kubernetes_namespace", "namespace")]
        rules += [_relabelled("__meta_kubernetes_pod_container_name", "container")]
        rules += [_relabelled("__meta_kubernetes_pod_name", "pod")]
        rules += [_copied("pod", label, snaked=True) for label in listed(spec, "podTargetLabels")]
        rules += [{"target_label": "job", "replacement": _full(resource)}]
        rules += _named(spec, endpoint, "pod")
        yield (
            ("spec", "podMetricsEndpoints", number),
            _job(resource, endpoint, f"podMonitor/{_full(resource)}/{number}", "pod", rules),
        )


def _job(resource: Resource, endpoint: Mapping[str, Any], called: str, role: str, rules: list[Rule]) -> dict[str, Any]:
    """Return the scrape config of an endpoint that Kubernetes discovers."""
    spec = held(resource, "spec")
    made = {"job_name": called, "honor_labels": False, **picked(endpoint, _ENDPOINT), **_scheme(endpoint)}
    made |= client(endpoint, namespace(resource))
    made["kubernetes_sd_configs"] = [_discovery(role, spec, resource)]
    made["relabel_configs"] = [*rules, *_relabelings(endpoint, "relabelings")]
    return made | picked(spec, _LIMITS) | _metric_rules(endpoint, "metricRelabelings")


def _probe(resource: Resource) -> Iterator[tuple[Spot, dict[str, Any]]]:
    spec, prober = held(resource, "spec"), held(resource, "spec", "prober")
    made = {"job_name": f"probe/{_full(resource)}", "honor_timestamps": True, "metrics_path": prober.get("path") or "/probe"}
    made |= picked(spec, {"interval": "scrape_interval", "scrapeTimeout": "scrape_timeout"})
    made |= _scheme(prober) or {"scheme": "http"}
    params = {str(each.get("name")): each.get("values") for each in listed(spec, "params")}
    params |= {"module": [spec["module"]]} if spec.get("module") else {}
    made |= {"params": params} if params else {}
    made |= client({**spec, **prober}, namespace(resource)) | picked(spec, _LIMITS)
    rules: list[Rule] = [_FIRST, *([{"target_label": "job", "replacement": spec["jobName"]}] if spec.get("jobName") else [])]
    static = held(spec, "targets", "staticConfig")
    if static:
        labels = {"namespace": namespace(resource), **held(static, "labels")}
        made["static_configs"] = [{"targets": listed(static, "static"), "labels": labels}]
        rules += [_relabelled("__address__", "__param_target"), *_to_prober(prober)]
        rules += _relabelings(static, "relabelingConfigs")
    else:
        ingress = held(spec, "targets", "ingress")
        made["kubernetes_sd_configs"] = [_discovery("ingress", ingress, resource)]
        rules += [*_selected(ingress, "ingress"), *_of_ingress(), *_to_prober(prober)]
        rules += _relabelings(ingress, "relabelingConfigs")
    made["relabel_configs"] = rules
    yield ("spec",), made | _metric_rules(spec, "metricRelabelings")


def _scrape_config(resource: Resource) -> Iterator[tuple[Spot, dict[str, Any]]]:
    spec, where = held(resource, "spec"), namespace(resource)
    made = {"job_name": f"scrapeConfig/{_full(resource)}", **picked(spec, _SCRAPE_CONFIG), **_scheme(spec)}
    made |= client(spec, where) | picked(spec, _LIMITS)
    if listed(spec, "staticConfigs"):
        made["static_configs"] = plainly(listed(spec, "staticConfigs"), where)
    for field in spec:
        if field.endswith("SDConfigs"):
            made[f"{field.removesuffix('SDConfigs').lower()}_sd_configs"] = plainly(listed(spec, field), where)
    rules = [{"target_label": "job", "action": "replace", "replacement": spec["jobName"]}] if spec.get("jobName") else []
    made["relabel_configs"] = [_FIRST, *rules, *_relabelings(spec, "relabelings")]
    yield ("spec",), made | _metric_rules(spec, "metricRelabelings")


MONITORS: Mapping[str, Callable[[Resource], Iterator[tuple[Spot, dict[str, Any]]]]] = {
    "ServiceMonitor": _service_monitor,
    "PodMonitor": _pod_monitor,
    "Probe": _probe,
    "ScrapeConfig": _scrape_config,
}
"""The kinds of resources that say what is scraped."""


def _full(resource: Resource) -> str:
    return f"{namespace(resource)}/{name(resource)}"


def _scheme(holder: Mapping[str, Any]) -> dict[str, str]:
    return {"scheme": str(holder["scheme"]).lower()} if holder.get("scheme") else {}


def _discovery(role: str, spec: Mapping[str, Any], resource: Resource) -> dict[str, Any]:
    """Return the discovery of a role in the namespaces that a selector leaves: its own, unless it says others or any."""
    selector = held(spec, "namespaceSelector")
    if selector.get("any") is True:
        return {"role": role}
    return {"role": role, "namespaces": {"names": listed(selector, "matchNames") or [namespace(resource)]}}


def _label(text: Any) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", str(text))


def _selected(spec: Mapping[str, Any], what: str) -> Iterator[Rule]:
    """Yield the rules that keep what a label selector selects."""
    labels = held(spec, "selector", "matchLabels")
    for key in sorted(labels):
        yield _chosen(what, key, "keep", f"({labels[key]});true")
    for each in listed(held(spec, "selector"), "matchExpressions"):
        action = "keep" if each.get("operator") in ("In", "Exists") else "drop"
        if each.get("operator") in ("In", "NotIn"):
            yield _chosen(what, each.get("key"), action, f"({'|'.join(map(str, listed(each, 'values')))});true")
        else:
            rule = _chosen(what, each.get("key"), action, "true")
            yield rule | {"source_labels": rule["source_labels"][1:]}


def _chosen(what: str, key: Any, action: str, regex: str) -> Rule:
    kind = f"__meta_kubernetes_{what}_label"
    return {"action": action, "source_labels": [f"{kind}_{_label(key)}", f"{kind}present_{_label(key)}"], "regex": regex}


def _port(endpoint: Mapping[str, Any], named: Mapping[str, str]) -> list[Rule]:
    """Return the rule that keeps the port of an endpoint."""
    target = endpoint.get("targetPort")
    by = "number" if isinstance(target, int) else "name"
    known = {**named, "targetPort": f"__meta_kubernetes_pod_container_port_{by}"}
    found = next((field for field in known if endpoint.get(field)), None)
    return [{"action": "keep", "source_labels": [known[found]], "regex": str(endpoint[found])}] if found else []


def _relabelled(source: str, target: str) -> Rule:
    return {"source_labels": [source], "target_label": target}


def _of_service(target: str) -> Iterator[Rule]:
    """Yield the rules that name the node or pod, and all that is around a target of a service."""
    for kind in ("Node", "Pod"):
        sources = [f"{target}_kind", f"{target}_name"]
        rule = {"source_labels": sources, "separator": ";", "regex": f"{kind};(.*)", "replacement": "${1}"}
        yield {**rule, "target_label": kind.lower()}
    yield _relabelled("__meta_kubernetes_namespace", "namespace")
    yield _relabelled("__meta_kubernetes_service_name", "service")
    yield _relabelled("__meta_kubernetes_pod_name", "pod")
    yield _relabelled("__meta_kubernetes_pod_container_name", "container")


def _of_ingress() -> Iterator[Rule]:
    """Yield the rules that make the URL to probe of an ingress."""
    sources = ["__meta_kubernetes_ingress_scheme", "__address__", "__meta_kubernetes_ingress_path"]
    url = {"source_labels": sources, "separator": ";", "regex": "(.+);(.+);(.+)", "target_label": "__param_target"}
    yield {**url, "replacement": "${1}://${2}${3}", "action": "replace"}
    yield _relabelled("__meta_kubernetes_namespace", "namespace")
    yield _relabelled("__meta_kubernetes_ingress_name", "ingress")
    yield _relabelled("__address__", "__tmp_ingress_address")


def _to_prober(prober: Mapping[str, Any]) -> list[Rule]:
    return [
        _relabelled("__param_target", "instance"),
        {"target_label": "__address__", "replacement": str(prober.get("url", ""))},
    ]


def _running() -> Rule:
    return {"action": "drop", "source_labels": ["__meta_kubernetes_pod_phase"], "regex": "(Failed|Succeeded)"}


def _copied(what: str, label: Any, *, snaked: bool = False, target: str = "") -> Rule:
    rule = _relabelled(f"__meta_kubernetes_{what}_label_{_label(label)}", _label(label) if snaked else target)
    return rule | {"regex": "(.+)", "replacement": "${1}"}


def _named(spec: Mapping[str, Any], endpoint: Mapping[str, Any], what: str) -> Iterator[Rule]:
    """Yield the rules for the labels ``job`` (where a label says it) and ``endpoint``."""
    if spec.get("jobLabel"):
        yield _copied(what, spec["jobLabel"], target="job")
    port = endpoint.get("port") or endpoint.get("targetPort")
    if port:
        yield {"target_label": "endpoint", "replacement": str(port)}


def _relabelings(holder: Mapping[str, Any], field: str) -> list[Rule]:
    rules = [{snake(key): value for key, value in each.items()} for each in listed(holder, field)]
    return [{**rule, "action": str(rule["action"]).lower()} if "action" in rule else rule for rule in rules]


def _metric_rules(holder: Mapping[str, Any], field: str) -> dict[str, Any]:
    rules = _relabelings(holder, field)
    return {"metric_relabel_configs": rules} if rules else {}
