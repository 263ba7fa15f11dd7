"""JUnit XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from pytest_obscheck.reports.junit import Junit
from pytest_obscheck.verdict import Outcome, Report, Verdict

REPORT = Report(
    "slow & <sad>",
    "a.yaml",
    Outcome.FAILED,
    faults=(Verdict("800ms latency", Outcome.PASSED, "took hold at 1.0s"),),
    claims=(
        Verdict('alert "A" fires', Outcome.FAILED, "it came at 8.0s\nand more", "a.yaml:4"),
        Verdict("alert B fires", Outcome.UNKNOWN, "nothing was seen"),
        Verdict("alert C fires", Outcome.UNKNOWN, ""),
    ),
    notes=("one", "two"),
)


def test_a_story_is_a_suite_whose_failures_and_unknowns_are_told_apart() -> None:
    text = Junit().report([REPORT])

    assert text == (
        "<?xml version='1.0' encoding='utf-8'?>\n"
        '<testsuites name="obscheck">\n'
        '  <testsuite name="slow &amp; &lt;sad&gt;" tests="4" failures="1" errors="2">\n'
        '    <testcase classname="slow &amp; &lt;sad&gt;" name="800ms latency">\n'
        "      <system-out>took hold at 1.0s</system-out>\n"
        "    </testcase>\n"
        '    <testcase classname="slow &amp; &lt;sad&gt;" name="alert &quot;A&quot; fires" file="a.yaml:4">\n'
        '      <failure message="it came at 8.0s">it came at 8.0s\nand more</failure>\n'
        "    </testcase>\n"
        '    <testcase classname="slow &amp; &lt;sad&gt;" name="alert B fires">\n'
        '      <error message="nothing was seen">nothing was seen</error>\n'
        "    </testcase>\n"
        '    <testcase classname="slow &amp; &lt;sad&gt;" name="alert C fires">\n'
        '      <error message="" />\n'
        "    </testcase>\n"
        "    <system-out>one\ntwo</system-out>\n"
        "  </testsuite>\n"
        "</testsuites>\n"
    )


def test_what_xml_cannot_hold_is_replaced_and_all_the_rest_survives() -> None:
    words = "tab\there \x1b[31mred\x1b[0m \x00 ✓ 💥 ]]> &amp;"
    report = Report("s", "", Outcome.FAILED, claims=(Verdict("c", Outcome.FAILED, words),))

    failure = ET.fromstring(Junit().report([report])).find(".//failure")  # noqa: S314 - our own text

    assert failure is not None
    assert failure.text == "tab\there �[31mred�[0m � ✓ 💥 ]]> &amp;"


def test_no_story_is_an_empty_list_of_suites() -> None:
    assert Junit().report([]) == "<?xml version='1.0' encoding='utf-8'?>\n<testsuites name=\"obscheck\" />\n"
