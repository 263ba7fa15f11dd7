"""The user's configuration → the working copy, as edits of text spans; and what the real tools say of the original."""

from pytest_obscheck.derive.carriers import manifests
from pytest_obscheck.derive.document import Document, diff
from pytest_obscheck.derive.offline import unit_test
from pytest_obscheck.derive.tools import Tool, check, check_alertmanager, check_prometheus, check_rules, promql_problem
from pytest_obscheck.derive.whereabouts import found, here, sought

__all__ = [
    "Document",
    "Tool",
    "check",
    "check_alertmanager",
    "check_prometheus",
    "check_rules",
    "diff",
    "found",
    "here",
    "manifests",
    "promql_problem",
    "sought",
    "unit_test",
]
