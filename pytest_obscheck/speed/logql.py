"""Which expressions of rule files are LogQL, which Loki's ruler evaluates, and not PromQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_STRING = re.compile(r"""\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|\#[^\n]*""")
"""Texts, and comments: what is in them says nothing of the language."""
_ONLY_LOKI = re.compile(
    r"\|"  # a line filter or a stage: PromQL has no such sign
    r"|\}\s*(?:!=|!~)\s*\"\""  # a line filter that refuses a text
    r"|\b(?:bytes_rate|bytes_over_time|rate_counter)\s*\("
)
WHAT = "this is LogQL, which Loki's ruler evaluates and no Prometheus reads"
RIGHT = "name the file under `rules:` of a loki in stack.yaml"


def is_logql(expr: str) -> bool:
    """Whether an expression is one of Loki's: it asks for log lines, not for series."""
    bare = _STRING.sub('""', expr)
    return bool(_ONLY_LOKI.search(bare)) and "{" in bare and "__name__" not in bare


def speaks_logql(value: Any) -> bool:
    """Whether a rule file is one of Loki's, by its expressions."""
    groups = value.get("groups") if isinstance(value, Mapping) else None
    rules = (rule for group in _listed(groups) for rule in _listed(group.get("rules")))
    return any(is_logql(str(rule.get("expr", ""))) for rule in rules)


def _listed(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
