"""Tells a story's verdicts as indented text, for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pytest_obscheck.verdict import Outcome, Report, Verdict

MARKS = {Outcome.PASSED: "✓", Outcome.UNKNOWN: "?", Outcome.FAILED: "✗"}


@dataclass(frozen=True)
class Terminal:
    """A headline, then a line for each fault and claim with its reason under it. The same reports always give the same text."""

    ending: ClassVar[str] = "txt"

    def report(self, reports: Sequence[Report]) -> str:
        """Return the text, ending in a line break; empty for no report."""
        return "".join(_story(report) for report in reports)


def _story(report: Report) -> str:
    lines = [f"{report.name}: {report.outcome}"]
    for verdict in (*report.faults, *report.claims):
        lines.extend(_lines(verdict))
    lines.extend(f"  ! {note}" for note in report.notes)
    return "\n".join(lines) + "\n"


def _lines(verdict: Verdict) -> list[str]:
    where = f"  [{verdict.where}]" if verdict.where and verdict.outcome is not Outcome.PASSED else ""
    head = f"  {MARKS[verdict.outcome]} {verdict.claim}{where}"
    return [head, *(f"      {line}" for line in verdict.words.splitlines())]
