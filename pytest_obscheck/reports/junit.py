"""Tells stories as JUnit XML: a suite for each story, a case for each fault and claim."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pytest_obscheck.verdict import Outcome, Report, Verdict

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold, escaped or not; log lines of other programs can."""


@dataclass(frozen=True)
class Junit:
    """A failed claim is a ``failure``, an unknown one an ``error``: a CI system shows the two apart."""

    ending: ClassVar[str] = "xml"

    def report(self, reports: Sequence[Report]) -> str:
        """Return the XML text."""
        root = ET.Element("testsuites", name="obscheck")
        for report in reports:
            _suite(root, report)
        ET.indent(root)
        # Written here, for ElementTree would declare the encoding of the locale.
        head = "<?xml version='1.0' encoding='utf-8'?>\n"
        return head + _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", ET.tostring(root, encoding="unicode")) + "\n"


def _suite(root: ET.Element, report: Report) -> None:
    verdicts = (*report.faults, *report.claims)
    counts = {
        "tests": len(verdicts),
        "failures": sum(verdict.outcome is Outcome.FAILED for verdict in verdicts),
        "errors": sum(verdict.outcome is Outcome.UNKNOWN for verdict in verdicts),
    }
    suite = ET.SubElement(root, "testsuite", {"name": report.name, **{key: str(value) for key, value in counts.items()}})
    for verdict in verdicts:
        _case(suite, report, verdict)
    if report.notes:
        ET.SubElement(suite, "system-out").text = "\n".join(report.notes)


def _case(suite: ET.Element, report: Report, verdict: Verdict) -> None:
    case = ET.SubElement(suite, "testcase", {"classname": report.name, "name": verdict.claim})
    if verdict.where:
        case.set("file", verdict.where)
    tags = {Outcome.FAILED: "failure", Outcome.UNKNOWN: "error"}
    if verdict.outcome in tags:
        ET.SubElement(
            case, tags[verdict.outcome], message=verdict.words.splitlines()[0] if verdict.words else ""
        ).text = verdict.words
    else:
        ET.SubElement(case, "system-out").text = verdict.words
