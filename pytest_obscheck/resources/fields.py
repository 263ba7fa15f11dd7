"""The fields of a custom resource as Prometheus and Alertmanager name them, and references to secrets as files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Resource = Mapping[str, Any]
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_FILE = frozenset({"access_key", "secret_key", "username", "client_id"})
_OTHER_FIELDS = {"url_secret": "url"}
SECRET = "<secret>"  # noqa: S105 -- it stands for one


def held(resource: Any, *path: str) -> Mapping[str, Any]:
    """Return the mapping at a path; an empty one where there is none."""
    for step in path:
        resource = resource.get(step) if isinstance(resource, Mapping) else None
    return resource if isinstance(resource, Mapping) else {}


def listed(holder: Mapping[str, Any], name: str) -> list[Any]:
    """Return the list under a name; an empty one where there is none."""
    found = holder.get(name)
    return found if isinstance(found, list) else []


def namespace(resource: Resource) -> str:
    """Return the namespace of a resource; ``default`` where it says none, as for kubectl."""
    return str(held(resource, "metadata").get("namespace") or "default")


def name(resource: Resource) -> str:
    """Return the name of a resource."""
    return str(held(resource, "metadata").get("name") or "")


def snake(camel: str) -> str:
    """Return ``api_url`` for ``apiURL``."""
    return _WORD.sub("_", camel).lower()


def picked(holder: Mapping[str, Any], names: Mapping[str, str] | Iterable[str]) -> dict[str, Any]:
    """Return the fields of these names that are there, each under its other name, which is in snake case unless given."""
    pairs = names.items() if isinstance(names, Mapping) else ((each, snake(each)) for each in names)
    return {new: holder[old] for old, new in pairs if holder.get(old) not in (None, "")}


def is_reference(value: Any) -> bool:
    """Whether a value names a key of a Secret, as the operator's resources do in place of what is secret."""
    return isinstance(value, Mapping) and "key" in value and set(value) <= {"name", "key", "optional"}


def plainly(value: Any, where: str) -> Any:
    """Return a value with all fields in snake case, and what is in Secrets of the namespace ``where`` as files."""
    if isinstance(value, list):
        return [plainly(each, where) for each in value]
    if not isinstance(value, Mapping):
        return value
    made: dict[str, Any] = {}
    for camel, inner in value.items():
        field = snake(str(camel))
        if is_reference(inner):
            made |= secret(field, inner, where)
        else:
            made[field] = plainly(inner, where)
    return made


def secret(field: str, reference: Mapping[str, Any], where: str) -> dict[str, str]:
    """Return the setting that stands for a key of a Secret: a file that nobody here reads, or a placeholder."""
    if field in _NO_FILE:
        return {field: SECRET}
    path = f"/etc/obscheck/secrets/{where}/{reference.get('name', '')}/{reference['key']}"
    return {f"{_OTHER_FIELDS.get(field, field)}_file": path}


def client(holder: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return how a resource says that its targets are asked: TLS, credentials, proxies."""
    made = picked(holder, {"proxyUrl": "proxy_url", "noProxy": "no_proxy", "proxyFromEnvironment": "proxy_from_environment"})
    tls = {snake(key): value for key, value in held(holder, "tlsConfig").items() if not isinstance(value, Mapping)}
    made |= {"tls_config": tls} if tls else {}
    for camel in ("basicAuth", "authorization"):
        made |= {snake(camel): plainly(held(holder, camel), where)} if held(holder, camel) else {}
    if is_reference(holder.get("bearerTokenSecret")):
        made |= secret("bearer_token", holder["bearerTokenSecret"], where)
    return made | picked(holder, ["bearerTokenFile"])
