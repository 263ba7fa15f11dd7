"""What the service is told from outside: environment variables, and ``--port``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


class SettingsError(Exception):
    """At least one setting is wrong; the message has one line for each."""


@dataclass(frozen=True)
class Settings:
    """How one instance runs; timeouts are in seconds."""

    port: int
    payments_url: str
    payments_timeout: float = 5.0
    payments_check_timeout: float = 0.5
    payment_provider: str = "example-pay"


def read_settings(environment: Mapping[str, str], arguments: Sequence[str]) -> Settings:
    """Return the settings; ``SettingsError`` names everything that is wrong. ``--port`` beats ``PORT``."""
    parser = argparse.ArgumentParser(prog="service", description="The checkout service.")
    parser.add_argument("--port", default=environment.get("PORT", "8080"), help="port on 127.0.0.1 (default: $PORT, else 8080)")
    port = parser.parse_args(arguments).port
    url = environment.get("PAYMENTS_URL", "")
    problems = [*_port_problems(port), *_url_problems(url)]
    if problems:
        raise SettingsError("\n".join(problems))
    return Settings(port=int(port), payments_url=url)


def _port_problems(port: str) -> list[str]:
    if port.isdecimal() and 0 < int(port) < 65536:
        return []
    return [f"PORT: {port!r} is not a port; give a number from 1 to 65535"]


def _url_problems(url: str) -> list[str]:
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"} and parts.netloc:
        return []
    return [f"PAYMENTS_URL: {url!r} is not an address; write it like 'http://127.0.0.1:8081'"]
