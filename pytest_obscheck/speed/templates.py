"""Queries inside annotations and labels: ``{{ query "rate(x[5m])" }}`` asks at the sped-up instant too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from pytest_obscheck.speed.promql import Speed, rewrite
from pytest_obscheck.speed.trees import parsed

_TEXT = r'"(?:\\.|[^"\\])*"|`[^`]*`'
_ACTION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_QUERY = re.compile(rf"(?P<before>\bquery\s+)(?P<text>{_TEXT})")
_PIPED = re.compile(rf"(?P<before>\bprintf\s+)(?P<text>{_TEXT})(?=[^|}}]*\|\s*query\b)")
_HOLE = re.compile(r"%[a-z]")


def sped_template(text: str, speed: Speed) -> str:
    """Return a template with its queries sped up; what is no PromQL is left as it is."""
    return _ACTION.sub(lambda action: _piped(_QUERY, speed)(_piped(_PIPED, speed)(action[0])), text)


def _piped(pattern: re.Pattern[str], speed: Speed) -> Callable[[str], str]:
    return lambda text: pattern.sub(lambda found: found["before"] + _sped(found["text"], speed), text)


def _sped(quoted: str, speed: Speed) -> str:
    raw = quoted.startswith("`")
    try:
        query = quoted[1:-1] if raw else json.loads(quoted)
        parsed(_HOLE.sub("1", query))
        new = rewrite(query, speed)
    except ValueError:
        return quoted
    if new == query:
        return quoted
    return f"`{new}`" if raw else json.dumps(new, ensure_ascii=False)
