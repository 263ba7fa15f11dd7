"""The inbox's configuration file, or everything that is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from pytest_obscheck.errors import ConfigError, Problem, did_you_mean
from pytest_obscheck.plan import Route
from pytest_obscheck.registry import names

LISTENERS = ("proxy", "smtp", "control")
LOCAL = re.compile(r"127\.0\.0\.1:[0-9]{1,5}")


@dataclass(frozen=True)
class Config:
    """Where the inbox listens, what it knows, and the folder that its ``ca.pem`` goes to."""

    listen: Mapping[str, str]
    hosts: Mapping[str, str]
    routes: tuple[Route, ...]
    folder: Path


def read(path: Path) -> Config:
    """Read a configuration file; ``ConfigError`` holds all that is wrong with it."""
    raw = _json(path)
    problems = [Problem(str(path), what, right) for what, right in _problems(raw)]
    if problems:
        raise ConfigError(problems)
    routes = tuple(Route(r["host"], r.get("path", ""), r["sink"], r.get("receiver", "")) for r in raw.get("routes", ()))
    return Config(raw["listen"], raw.get("hosts", {}), routes, Path(raw["folder"]))


def _json(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([Problem(str(path), f"cannot be read ({error.strerror})")]) from None
    except ValueError as error:
        raise ConfigError([Problem(str(path), f"is not JSON ({error})")]) from None
    if not isinstance(raw, dict):
        raise ConfigError([Problem(str(path), "is not a JSON object", "it needs 'listen', 'hosts', 'routes' and 'folder'")])
    return raw


def _problems(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong and what would be right."""
    listen = raw.get("listen")
    network = str(raw.get("network", ""))
    for name in (*LISTENERS, *(["door"] if isinstance(listen, dict) and "door" in listen else [])):
        yield from _local(f"listen.{name}", listen.get(name) if isinstance(listen, dict) else None, network)
    yield from _hosts(raw.get("hosts", {}), network)
    yield from _routes(raw.get("routes", []))
    if not isinstance(raw.get("folder"), str):
        yield f"folder is {raw.get('folder')!r}", "it is the path of a folder"


def _hosts(hosts: Any, network: str) -> Iterator[tuple[str, str]]:
    if not isinstance(hosts, dict):
        yield f"hosts is {hosts!r}", "it maps production's host:port to a local address"
        return
    for host, address in hosts.items():
        yield from _local(f"hosts[{host!r}]", address, network)


def _local(where: str, address: Any, network: str) -> Iterator[tuple[str, str]]:
    if not isinstance(address, str) or not (LOCAL.fullmatch(address) or _within(address, network)):
        yield f"{where} is {address!r}", "it must be an address like '127.0.0.1:20123'"


def _within(address: str, network: str) -> bool:
    """Whether an address belongs to the run's own network, where it has one."""
    host, _, port = address.rpartition(":")
    try:
        return port.isdecimal() and IPv4Address(host) in IPv4Network(network, strict=False)
    except ValueError:
        return False


def _routes(routes: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(routes, list):
        yield f"routes is {routes!r}", "it is a list of objects with 'host', 'path', 'sink' and 'receiver'"
        return
    for route in routes:
        if not isinstance(route, dict) or not isinstance(route.get("host"), str):
            yield f"the route {route!r} has no host", "write it like {'host': 'hooks.slack.com:443', 'sink': 'slack'}"
        elif route.get("sink") not in names("sinks"):
            yield f"no sink called {route.get('sink')!r}", did_you_mean(str(route.get("sink")), names("sinks"))
