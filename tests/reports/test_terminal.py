"""Text for people."""

from __future__ import annotations

from pytest_obscheck.reports.terminal import Terminal
from pytest_obscheck.verdict import Outcome, Report, Verdict


def test_a_story_is_a_headline_and_a_line_for_each_fault_and_claim_with_its_reason() -> None:
    report = Report(
        "a slow database",
        "a.yaml",
        Outcome.FAILED,
        faults=(Verdict("800ms latency to postgres", Outcome.PASSED, "took hold at 10.0s"),),
        claims=(
            Verdict("alert A fires", Outcome.FAILED, "too late\nby far", "a.yaml:4"),
            Verdict("alert B fires", Outcome.UNKNOWN, "nobody looked", "a.yaml:6"),
            Verdict("alert C fires", Outcome.PASSED, "", "a.yaml:8"),
        ),
        notes=("refused: evil.example",),
    )

    assert Terminal().report([report]) == (
        "a slow database: failed\n"
        "  ✓ 800ms latency to postgres\n"
        "      took hold at 10.0s\n"
        "  ✗ alert A fires  [a.yaml:4]\n"
        "      too late\n"
        "      by far\n"
        "  ? alert B fires  [a.yaml:6]\n"
        "      nobody looked\n"
        "  ✓ alert C fires\n"
        "  ! refused: evil.example\n"
    )


def test_several_stories_follow_each_other_and_none_is_nothing() -> None:
    stories = [Report(name, "", Outcome.UNKNOWN) for name in "ab"]

    assert (Terminal().report(stories), Terminal().report([])) == ("a: unknown\nb: unknown\n", "")
