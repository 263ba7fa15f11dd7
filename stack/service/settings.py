"""What the service is told from outside: environment variables, and ``--port``."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

Read = Callable[[str], Any]
"""Turns a variable's text into a value; ``ValueError`` says what would be right."""


class SettingsError(Exception):
    """At least one setting is wrong; the message has one line for each."""


def _choice(*words: str) -> Read:
    def read(text: str) -> str:
        if text in words:
            return text
        raise ValueError(f"is none of {', '.join(words)}; give one of them")

    return read


def _number(low: float, high: float = math.inf) -> Read:
    allowed = f"of at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if low <= value <= high and math.isfinite(value):
            return value
        raise ValueError(f"is not a number {allowed}; write it like '{max(low, 1):g}'")

    return read


def _address(example: str) -> Read:
    schemes = {"http": {"http", "https"}, "postgresql": {"postgresql", "postgres", "sqlite"}}

    def read(text: str) -> str:
        parts, scheme = urlsplit(text), urlsplit(example).scheme
        if parts.scheme in schemes.get(scheme, {scheme, f"{scheme}s"}) and (parts.netloc or parts.scheme == "sqlite"):
            return text
        raise ValueError(f"is not an address; write it like {example!r}")

    return read


def _count(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise ValueError("is not a whole number of at least 1; write it like '5'")


def _setting(variable: str, default: Any, read: Read = str) -> Any:
    return field(default=default, metadata={"variable": variable, "read": read})


_SECONDS = _number(0.001)
_SHARE = _number(0, 1)


@dataclass(frozen=True)
class Settings:
    """How one instance runs. Timeouts, periods and intervals are in seconds; an empty address means: embedded, or off."""

    port: int
    host: str = _setting("HOST", "127.0.0.1")
    name: str = _setting("SERVICE_NAME", "checkout")
    instance: str = _setting("INSTANCE", "checkout-1")

    payments_url: str = _setting("PAYMENTS_URL", "", _address("http://127.0.0.1:8081"))
    payments_timeout: float = _setting("PAYMENTS_TIMEOUT", 5.0, _SECONDS)
    payments_check_timeout: float = _setting("PAYMENTS_CHECK_TIMEOUT", 0.5, _SECONDS)
    payment_provider: str = _setting("PAYMENT_PROVIDER", "example-pay")

    database_url: str = _setting("DATABASE_URL", "", _address("postgresql://shop@127.0.0.1:5432/shop"))
    database_timeout: float = _setting("DATABASE_TIMEOUT", 2.0, _SECONDS)
    database_pool: int = _setting("DATABASE_POOL", 5, _count)
    redis_url: str = _setting("REDIS_URL", "", _address("redis://127.0.0.1:6379/0"))
    cache_timeout: float = _setting("CACHE_TIMEOUT", 0.5, _SECONDS)
    broker_url: str = _setting("CELERY_BROKER_URL", "", _address("redis://127.0.0.1:6379/1"))
    queue_timeout: float = _setting("QUEUE_TIMEOUT", 1.0, _SECONDS)
    check_timeout: float = _setting("CHECK_TIMEOUT", 0.5, _SECONDS)
    check_fresh: float = _setting("CHECK_FRESH", 0.05, _number(0))
    sample_interval: float = _setting("SAMPLE_INTERVAL", 1.0, _number(0.01))

    instrumentation: str = _setting("INSTRUMENTATION", "on", _choice("on", "off"))
    log_level: str = _setting("LOG_LEVEL", "info", _choice("debug", "info", "warn", "error"))
    log_format: str = _setting("LOG_FORMAT", "json", _choice("json", "text"))
    exemplars: str = _setting("EXEMPLARS", "off", _choice("on", "off"))
    otlp_endpoint: str = _setting("OTEL_EXPORTER_OTLP_ENDPOINT", "", _address("http://127.0.0.1:4318"))
    trace_ratio: float = _setting("OTEL_TRACES_SAMPLER_ARG", 1.0, _SHARE)
    sentry_dsn: str = _setting("SENTRY_DSN", "", _address("http://key@127.0.0.1:9000/1"))
    sentry_traces_sample_rate: float = _setting("SENTRY_TRACES_SAMPLE_RATE", 0.0, _SHARE)
    release: str = _setting("RELEASE", "checkout@1.0.0")
    environment: str = _setting("ENVIRONMENT", "production")

    sla_period: float = _setting("SLA_PERIOD", 30 * 86400.0, _number(1, 30 * 86400))
    sla_availability: float = _setting("SLA_AVAILABILITY", 0.999, _SHARE)
    sla_response_time: float = _setting("SLA_RESPONSE_TIME", 0.5, _SECONDS)
    sla_error_rate: float = _setting("SLA_ERROR_RATE", 0.01, _SHARE)
    sla_throughput: float = _setting("SLA_THROUGHPUT", 1.0, _number(0))


def read_settings(environment: Mapping[str, str], arguments: Sequence[str], default_port: int = 8080) -> Settings:
    """Return the settings; ``SettingsError`` names everything that is wrong.

    ``--port`` beats ``PORT``; a variable without a text counts as not given.
    """
    parser = argparse.ArgumentParser(prog="service", description="The checkout service.")
    port = environment.get("PORT", str(default_port))
    parser.add_argument("--port", default=port, help=f"port on 127.0.0.1, or on $HOST (default: $PORT, else {default_port})")
    given = parser.parse_args(arguments).port
    problems = _port_problems(given)
    values = {each.name: _value(each, environment, problems) for each in fields(Settings) if environment.get(_variable(each))}
    if problems:
        raise SettingsError("\n".join(problems))
    return Settings(port=int(given), **values)


def _variable(setting: Field[Any]) -> str:
    return str(setting.metadata.get("variable", ""))


def _value(setting: Field[Any], environment: Mapping[str, str], problems: list[str]) -> Any:
    text = environment[_variable(setting)]
    try:
        return setting.metadata["read"](text)
    except ValueError as error:
        # A password must not reach a log because its address is misspelt.
        shown = repr(text) if "@" not in text else "what is given"
        problems.append(f"{_variable(setting)}: {shown} {error}")
        return None


def _port_problems(port: str) -> list[str]:
    if port.isdecimal() and 0 < int(port) < 65536:
        return []
    return [f"PORT: {port!r} is not a port; give a number from 1 to 65535"]
