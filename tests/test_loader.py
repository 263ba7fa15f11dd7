"""Stories in YAML: equal to those in Python, or every mistake with its line."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_obscheck import Alert, Health, Latency, Locust, Notification, Resolved
from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.loader import KEYS, check, load
from pytest_obscheck.plan import AlertRule, Facts
from pytest_obscheck.registry import Names
from pytest_obscheck.saved import from_data, to_data
from pytest_obscheck.scenario import Claim, Draft, Planned, Scenario
from pytest_obscheck.speed import Pace, Source, Speed, classify, misfit
from pytest_obscheck.testing import a_plan
from pytest_obscheck.when import always, during, eventually, never, once, within

STORY = """\
name: a slow database pages the on-call engineer once
load:
  - locust: {file: checkout.py, users: 20}
    from: 0s
    until: 60s
faults:
  - latency: {to: postgres, by: 800ms}
    from: 10s
    until: 40s
  - latency: {to: redis, by: 1s}
    from: 10s
    until: 40s
    as: slow redis
expect:
  - alert: {name: CheckoutSlow}
    never: 0s .. 10s
  - alert: {name: CheckoutSlow, labels: {version: 1.10, eu: no}}
    within: 20s
    after: latency
    as: page
  - notification: {sink: pagerduty, labels: {alertname: CheckoutSlow}}
    once: 12s .. 40s
    warm: false
  - health: {service: service, path: /health/readiness, status: 503}
    eventually: 10s .. 20s
  - health: {service: service}
    always: 50s .. 60s
  - resolved: {name: CheckoutSlow}
    within: 20s
    after: cure of latency
  - resolved: {name: CheckoutSlow}
    within: 20s
    after: page
share: true
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "scenarios" / "slow.obs.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    """Return the lines of the message that a story gives."""
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text), folder)
    return str(caught.value).splitlines()


def test_a_story_in_yaml_is_equal_to_the_one_in_python(tmp_path: Path) -> None:
    draft = Draft("a slow database pages the on-call engineer once", Names(), share=True)
    draft.load(Locust(str(tmp_path / "scenarios" / "checkout.py"), users=20), during("0s", "60s"))
    slow = draft.fault(Latency(to="postgres", by="800ms"), during("10s", "40s"))
    draft.fault(Latency(to="redis", by="1s"), during("10s", "40s"), as_="slow redis")
    draft.expect(Alert("CheckoutSlow"), never("0s", "10s"))
    draft.expect(Alert("CheckoutSlow", labels={"version": "1.10", "eu": "no"}), within("20s", after=slow), as_="page")
    draft.expect(Notification("pagerduty", {"alertname": "CheckoutSlow"}), once("12s", "40s"), warm=False)
    draft.expect(Health("service", "/health/readiness", status=503), eventually("10s", "20s"))
    draft.expect(Health("service"), always("50s", "60s"))
    draft.expect(Resolved("CheckoutSlow"), within("20s", after=slow.cure))
    draft.expect(Resolved("CheckoutSlow"), within("20s", after="page"))

    assert load(written(tmp_path, STORY)) == (draft.done(),)


def test_every_entry_knows_its_line(tmp_path: Path) -> None:
    (story,) = load(written(tmp_path, STORY), tmp_path)

    assert story.where == "scenarios/slow.obs.yaml"
    assert [each.where.rpartition(":")[2] for each in (*story.loads, *story.faults, *story.claims)][:5] == [
        "3",
        "7",
        "10",
        "15",
        "17",
    ]


def test_a_story_without_a_name_has_that_of_its_file(tmp_path: Path) -> None:
    text = "expect:\n  - alert: {name: A}\n    never: 0s .. 1s\n"

    assert [story.name for story in load(written(tmp_path, text))] == ["slow"]


def test_a_byte_order_mark_and_aliases_are_understood(tmp_path: Path) -> None:
    text = "\ufeffexpect:\n  - alert: &slow {name: A}\n    never: 0s .. 1s\n  - alert: *slow\n    always: 1s .. 2s\n"

    (story,) = load(written(tmp_path, text))

    assert [claim.expectation for claim in story.claims] == [Alert("A"), Alert("A")]


def test_the_mistakes_of_a_story_are_all_told_each_with_its_line(tmp_path: Path) -> None:
    text = """\
name: slow
faults:
  - latncy: {to: postgres, by: 800ms}
    from: 10s
    until: 40s
  - latency: {to: postgres, by: 800}
    from: 10s
    until: 40s
  - down: {to: postgres, form: 1}
    from: 40s
    until: 10s
expects: []
expect:
  - alert: {name: CheckoutSlow, state: fireing}
    never: 45s to 90s
  - resolved: {}
    within: 20s
  - health: {service: service, status: many}
    never: 1s .. 2s
    always: 1s .. 2s
  - alert: {name: A}
"""

    when = "write one of 'eventually', 'always', 'never', 'once' with '10s .. 20s', or 'within: 20s' and 'after: …'"

    assert [line.replace(when, "WHEN") for line in mistakes(tmp_path, text)] == [
        "scenarios/slow.obs.yaml:3: no fault called 'latncy'; did you mean 'latency'?",
        "scenarios/slow.obs.yaml:6: latency: by is '800', which is not a duration; write it like '800ms' or '1m30s'",
        "scenarios/slow.obs.yaml:9: down has no field 'form'; known are: of, to",
        "scenarios/slow.obs.yaml:10: the window 40.0s .. 10.0s ends before it begins; swap its ends",
        "scenarios/slow.obs.yaml:12: a story has no 'expects'; did you mean 'expect'?",
        "scenarios/slow.obs.yaml:14: alert: state is 'fireing'; did you mean 'firing'?",
        "scenarios/slow.obs.yaml:15: '45s to 90s' is not a window; write it like '45s .. 90s'",
        "scenarios/slow.obs.yaml:16: resolved needs 'name'; its fields are: name, labels",
        "scenarios/slow.obs.yaml:16: resolved has 'within' alone; 'within' and 'after' go together",
        "scenarios/slow.obs.yaml:18: health: status is 'many', which is not a whole number",
        "scenarios/slow.obs.yaml:18: health: always and never together; WHEN",
        "scenarios/slow.obs.yaml:21: alert: does not say when; WHEN",
    ]


CLAIM = "expect:\n  - alert: {name: A}\n    never: 0s .. 1s\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ["scenarios/slow.obs.yaml: the file is empty"]),
        ("# nothing\n", ["scenarios/slow.obs.yaml: the file is empty"]),
        (
            "- a\n",
            ["scenarios/slow.obs.yaml:1: the file is not a mapping; it begins with a line such as 'name: …'"],
        ),
        ("name: x\n", ["scenarios/slow.obs.yaml:1: the story claims nothing; add 'expect:' with at least one entry"]),
        (
            f"name: x\nname: y\n{CLAIM}",
            ["scenarios/slow.obs.yaml:2: 'name' is written twice; keep one of them"],
        ),
        (
            "expect:\n  - alert: {name: A, name: B}\n    never: 0s .. 1s\n",
            ["scenarios/slow.obs.yaml:2: 'name' is written twice; keep one of them"],
        ),
        (
            "expect:\n  - alert: {name: A, labels: {a: 1, a: 2}}\n    never: 0s .. 1s\n",
            ["scenarios/slow.obs.yaml:2: alert: labels cannot be read: 'a' is written twice; keep one of them"],
        ),
        (
            "expect:\n  - alert: {name: A, ? [x] : 1}\n    never: 0s .. 1s\n",
            ["scenarios/slow.obs.yaml:2: a key is not text; write it as 'key: value'"],
        ),
        (
            "x: &x {name: A}\nexpect:\n  - alert: {<<: *x}\n    never: 0s .. 1s\n",
            [
                f"scenarios/slow.obs.yaml:1: a story has no 'x'; known are: {', '.join(sorted(KEYS))}",
                "scenarios/slow.obs.yaml:3: '<<' is not read here; write the lines out",
            ],
        ),
        (
            "expect:\n  - alert: {name: A}\n    resolved: {name: A}\n    never: 0s .. 1s\n",
            ["scenarios/slow.obs.yaml:2: the entry has 2 names: alert, resolved; an entry has one of: KINDS"],
        ),
        (
            "expect:\n  - never: 0s .. 1s\n",
            ["scenarios/slow.obs.yaml:2: the entry names nothing; an entry has one of: KINDS"],
        ),
        (
            "expect:\n  alert: {name: A}\n",
            ["scenarios/slow.obs.yaml:2: expect is not a list; write each entry on a line that begins with '- '"],
        ),
        (
            "expect:\n  - alert\n",
            ["scenarios/slow.obs.yaml:2: an entry is not a mapping; write it as 'key: value' lines"],
        ),
        (
            "expect:\n  - alert: A\n    never: 0s .. 1s\n",
            ["scenarios/slow.obs.yaml:2: alert is not a mapping; write it as 'key: value' lines"],
        ),
        (
            "expect:\n  - alert: {name: A}\n    never: [0s, 1s]\n",
            ["scenarios/slow.obs.yaml:3: never: is not text"],
        ),
        (
            "expect:\n  - alert: {name: A}\n    within: 5\n    after: x\n",
            [
                "scenarios/slow.obs.yaml:3: within: '5' is not a duration; write it like '800ms', '10s' or '1m30s'",
            ],
        ),
        (
            "expect:\n  - alert: {name: A}\n    within: 5s\n    after:\n",
            ["scenarios/slow.obs.yaml:4: after: names nothing; write the name of a fault, 'cure of NAME' or a claim"],
        ),
        (
            f"faults:\n  - down: {{to: a}}\n    until: 1s\n  - kill: {{component: a}}\n{CLAIM}",
            [
                "scenarios/slow.obs.yaml:2: down has no 'from'; write 'from: 10s' and 'until: 40s'",
                "scenarios/slow.obs.yaml:4: kill has no 'from' and no 'until'; write 'from: 10s' and 'until: 40s'",
            ],
        ),
        (
            f"share: yes\n{CLAIM}",
            ["scenarios/slow.obs.yaml:1: share: is 'yes', which is not true or false"],
        ),
    ],
)
def test_each_mistake_says_what_is_wrong_and_what_would_be_right(tmp_path: Path, text: str, wanted: list[str]) -> None:
    from pytest_obscheck import registry  # noqa: PLC0415

    kinds = ", ".join(registry.names("expectations"))

    assert mistakes(tmp_path, text) == [line.replace("KINDS", kinds) for line in wanted]


@pytest.mark.parametrize("text", ["name: x\n\texpect: 1\n", "name: [x\n", "a: b: c\n", "a: 1\n---\nb: 2\n", "x: *nowhere\n"])
def test_what_is_no_yaml_is_one_problem_with_its_line(tmp_path: Path, text: str) -> None:
    (told,) = mistakes(tmp_path, text)

    assert told.startswith("scenarios/slow.obs.yaml:")
    assert ": not YAML: " in told


def test_a_file_that_is_not_there_or_no_text_says_so(tmp_path: Path) -> None:
    broken = written(tmp_path, "")
    broken.write_bytes(b"name: \xff\xfe\n")
    told = []
    for path in (broken, tmp_path / "none.obs.yaml"):
        with pytest.raises(ConfigError) as caught:
            load(path, tmp_path)
        told.append(str(caught.value))

    assert told == [
        "scenarios/slow.obs.yaml: cannot be read: 'utf-8' codec can't decode byte 0xff in position 6: invalid start byte",
        "none.obs.yaml: cannot be read: No such file or directory",
    ]


# ── what hangs on what ───────────────────────────────────────────────────────

FAULTS = """\
faults:
  - latency: {to: a, by: 1s}
    from: 1s
    until: 2s
"""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "expect:\n  - alert: {name: A}\n    within: 5s\n    after: latncy\n",
            ["scenarios/slow.obs.yaml:6: no fault called 'latncy'; did you mean 'latency'?"],
        ),
        (
            "expect:\n  - alert: {name: A}\n    within: 5s\n    after: cure of latncy\n",
            ["scenarios/slow.obs.yaml:6: no fault called 'latncy'; did you mean 'latency'?"],
        ),
        (
            (
                "  - latency: {to: b, by: 1s}\n    from: 1s\n    until: 2s\n"
                "expect:\n  - alert: {name: A}\n    within: 5s\n    after: latency\n"
            ),
            ["scenarios/slow.obs.yaml:9: there are several faults called 'latency'; name one with 'as:'"],
        ),
        (
            (
                "  - down: {to: b}\n    from: 1s\n    until: 2s\n    as: latency\n"
                "expect:\n  - alert: {name: A}\n    within: 5s\n    after: latency\n"
            ),
            ["scenarios/slow.obs.yaml:5: two entries are called 'latency'; give each a name of its own with 'as:'"],
        ),
        (
            "expect:\n  - alert: {name: A}\n    never: 0s .. 1s\n    as: latency\n",
            ["scenarios/slow.obs.yaml:6: two entries are called 'latency'; give each a name of its own with 'as:'"],
        ),
        (
            (
                "expect:\n  - alert: {name: A}\n    within: 1s\n    after: b\n    as: a\n"
                "  - alert: {name: A}\n    within: 1s\n    after: a\n    as: b\n"
            ),
            [
                (
                    "scenarios/slow.obs.yaml:6: the claim comes after 'b', which waits for this claim; "
                    "let one of them begin with a fault or a window"
                ),
                (
                    "scenarios/slow.obs.yaml:10: the claim comes after 'a', which waits for this claim; "
                    "let one of them begin with a fault or a window"
                ),
            ],
        ),
    ],
)
def test_an_anchor_must_lead_to_one_moment(tmp_path: Path, text: str, wanted: list[str]) -> None:
    assert mistakes(tmp_path, FAULTS + text) == wanted


def test_a_mistake_in_a_fault_is_not_blamed_on_the_claims_that_hang_on_it(tmp_path: Path) -> None:
    text = FAULTS.replace("by: 1s", "by: soon") + "expect:\n  - alert: {name: A}\n    within: 5s\n    after: latency\n"

    assert mistakes(tmp_path, text) == [
        "scenarios/slow.obs.yaml:2: latency: by is 'soon', which is not a duration; write it like '800ms' or '1m30s'"
    ]


# ── on a stack ───────────────────────────────────────────────────────────────


def test_a_story_is_checked_against_the_stack_before_anything_starts() -> None:
    rule = AlertRule("CheckoutSlow", "x", "0s", {}, {}, "g", "1s", "rules.yml:1")
    plan = a_plan(Facts(alerts=(rule,)), checkout="service", payments="service")
    faults = (Planned(Latency(to="paymnts", by="1s"), during("5s", "5s"), "latency", "a:3"),)
    claims = (Claim(Alert("CheckoutSlw"), never("0s", "1s"), where="a:9"), Claim(Health("checkout"), within("1s", "down")))

    told = [str(problem) for problem in check(Scenario("s", (), faults, claims, where="a"), plan)]

    assert told == [
        (
            "no fault called 'down'; an entry gets that name by 'as: down'; without, it has that of its kind, here: latency, "
            "cure of latency"
        ),
        "a:3: latency lasts 0s; give it a longer window",
        *[line for line in told if line.startswith("a:3: ") and "paymnts" in line],
        "a:9: no rule file has an alert 'CheckoutSlw'; did you mean 'CheckoutSlow'?",
    ]
    assert len(told) == 4


def test_a_story_that_claims_nothing_is_a_problem() -> None:
    assert check(Scenario("s", where="test_a.py"), a_plan()) == [
        Problem("test_a.py", "the story claims nothing", "expect something of it")
    ]


def test_a_claim_about_an_alert_that_a_speed_would_make_another_is_refused() -> None:
    rule = AlertRule("Old", "time() - started > 1", "0s", {}, {}, "g", "1s", "rules.yml:1")
    speed = Speed(Fraction(60), Source.REAL)
    why = misfit(rule.where, "alert Old", classify(rule.expr, speed), speed)
    assert why is not None
    plan = replace(a_plan(Facts(alerts=(rule,))), pace=Pace(speed, unfit={"Old": why}))
    claims = (Claim(Alert("Old"), never("0s", "1s"), where="a:9"),)

    (told,) = check(Scenario("s", (), (), claims, where="a"), plan)

    assert str(told) == (
        "a:9: alert Old needs your decision at speed 60: time() is compared with what real processes did at real times "
        "(rules.yml:1); give it the annotation `obscheck_speed: physical` (as it is) or `obscheck_speed: story` (times N); "
        "or run it at speed 1, by `speed: 1` in the story"
    )


INSTANT = "2026-01-05T03:00:00Z"
CALM = "expect:\n  - metric: {expr: up}\n    always: 0s .. 1s\n"


def test_a_story_names_the_instant_at_which_it_begins(tmp_path: Path) -> None:
    (story,) = load(written(tmp_path, f"instant: {INSTANT}\n{CALM}"), tmp_path)

    assert story.instant == INSTANT
    assert from_data(to_data(story)) == story


@pytest.mark.parametrize("text", ["soon", "2026-01-05T03:00:00", "2026-13-05T03:00:00Z"])
def test_an_instant_that_is_none_is_told_with_how_to_write_one(tmp_path: Path, text: str) -> None:
    wanted = f"scenarios/slow.obs.yaml:1: instant: {text!r} is not an instant; write it like {INSTANT}"

    assert mistakes(tmp_path, f"instant: {text}\n{CALM}") == [wanted]
