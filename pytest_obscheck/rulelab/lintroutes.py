"""A check of Alertmanager's configuration: what amtool finds, with the place where a misplaced key belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_obscheck.derive import Document, check_alertmanager, here, sought
from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.rulelab.lintrules import Finding, meant

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "the top level": (
        "global", "templates", "route", "inhibit_rules", "receivers", "mute_time_intervals", "time_intervals", "tracing",
    ),
    "a route (below 'route:')": (
        "receiver", "group_by", "continue", "match", "match_re", "matchers", "group_wait", "group_interval", "repeat_interval",
        "mute_time_intervals", "active_time_intervals", "routes",
    ),
    "an inhibition (below 'inhibit_rules:')": (
        "source_match", "source_match_re", "source_matchers", "target_match", "target_match_re", "target_matchers", "equal",
    ),
    "'global:'": (
        "smtp_from", "smtp_hello", "smtp_smarthost", "smtp_auth_username", "smtp_auth_password", "smtp_auth_password_file",
        "smtp_require_tls", "slack_api_url", "slack_api_url_file", "pagerduty_url", "opsgenie_api_key", "opsgenie_api_url",
        "victorops_api_key", "resolve_timeout", "http_config",
    ),
    "a receiver (below 'receivers:')": (
        "webhook_configs", "email_configs", "slack_configs", "pagerduty_configs", "opsgenie_configs", "telegram_configs",
        "msteams_configs", "pushover_configs", "sns_configs", "victorops_configs", "wechat_configs", "discord_configs",
    ),
}  # fmt: skip
"""Where Alertmanager knows which keys (https://prometheus.io/docs/alerting/latest/configuration/)."""
_PLACES = {
    "route": "a route (below 'route:')",
    "routes": "a route (below 'route:')",
    "inhibit_rules": "an inhibition (below 'inhibit_rules:')",
    "global": "'global:'",
    "receivers": "a receiver (below 'receivers:')",
}
_UNKNOWN = re.compile(r"field (\S+) not found in type (\S+)")


def check(amtool: Path, path: Path, shown: str) -> list[Finding]:
    """Return what amtool finds wrong in a file, each with its line as far as amtool knows it."""
    return [_finding(problem, path, shown) for problem in check_alertmanager(amtool, path, text=_with_templates(path))]


def _with_templates(path: Path) -> str:
    """Return the text with its templates where they lie beside it; ``""`` where they are where it says."""
    try:
        document = Document.open(path)
    except ConfigError:
        return ""
    named = document.value.get("templates") if isinstance(document.value, Mapping) else None
    texts = [str(each) for each in named] if isinstance(named, list) else []
    if not any(sought(path, text) for text in texts):
        return ""
    for number, text in enumerate(texts):
        document.set(("templates", number), str(here(path, text).absolute()))
    return document.text()


def _finding(problem: Problem, path: Path, shown: str) -> Finding:
    line = problem.where.removeprefix(str(path)).lstrip(":")
    place = int(line) if line.isdigit() else 0
    found = _UNKNOWN.search(problem.what)
    what, right = _told(found[1], _home(path, found[1], place)) if found else (problem.what, problem.right)
    return Finding(shown, place, "alertmanager", what, right)


def _home(path: Path, key: str, line: int) -> str:
    """Return where a key stands; amtool calls nearly every place ``config.plain``."""
    value = Document.open(path)
    spots = [spot for spot in _spots(value.value, ()) if spot[-1] == key and value.line(*spot) == line]
    above = [str(step) for step in spots[0][:-1] if isinstance(step, str)] if spots else []
    return _PLACES.get(above[-1], f"'{above[-1]}:'") if above else "the top level"


def _spots(value: Any, spot: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in inside:
        yield (*spot, step)
        yield from _spots(inner, (*spot, step))


def _told(key: str, here: str) -> tuple[str, str]:
    homes = [place for place, keys in SECTIONS.items() if key in keys and place != here]
    if homes:
        return f"{key!r} is no key of {here}", f"it belongs into {homes[0]}"
    return f"{key!r} is no key of {here}, as far as this amtool knows", meant(key, SECTIONS.get(here, ()))
