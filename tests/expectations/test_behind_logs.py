"""Why an alert on log lines stayed quiet: no stream, no line that passes, or a value that never came to its limit."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from pytest_obscheck.capabilities import Series
from pytest_obscheck.expectations._behind import Behind, what_lacks, why_quiet
from pytest_obscheck.expectations._behindlogs import Pipeline, compared, pipelines
from pytest_obscheck.journal import Journal
from pytest_obscheck.plan import AlertRule, Facts
from pytest_obscheck.testing import FakeStack, a_journal, a_plan

STREAMS = {"app": ["shop", "stock"], "level": ["error"]}
LINES = {'{app="shop"}': 120.0, '{app="shop"} |= "sold"': 90.0, '{app="shop"} |= "sold" | json': 90.0}
SOLD = 'rate({app="shop"} |= "sold" [5m])'
VALUES = (Series({"app": "shop"}, ((1.0, 2.0), (2.0, 4.0))), Series({"app": "stock"}, ((1.0, 9.0),)))


@dataclass(frozen=True)
class Store:
    """A Loki with such streams, so many lines behind each pipeline, and one answer to everything else."""

    lines: dict[str, float] = field(default_factory=lambda: LINES)

    def query_logql(self, query: str, start: float, end: float, step: float) -> list[Series]:
        counted = re.fullmatch(r"sum\(count_over_time\((.*) \[10s\]\)\)", query)
        if counted is None:
            return list(VALUES)
        count = self.lines.get(counted[1], 0.0)
        return [Series({}, ((end, count),))] if count else []

    def stream_labels(self, label: str, selector: str, start: float, end: float) -> list[str]:
        asked = re.findall(r'(\w+)(=~|=)["`]([^"`]*)["`]', selector)
        found = all(any(re.fullmatch(text, value) for value in STREAMS.get(name, [])) for name, _, text in asked)
        return (STREAMS[label] if label else sorted(STREAMS)) if found else []


def looked(expr: str, store: Store | None = None, **labels: str) -> tuple[Journal, Behind]:
    rule = AlertRule("Sold", expr, "", {}, {}, "g", "", "loki.yml:7", "logs")
    look = Behind("Sold", tuple(sorted(labels.items())))
    found = look.look(FakeStack({"logs": store or Store()}, a_plan(Facts(alerts=(rule,)))), 0.0, 10.0)
    journal = a_journal(sold=[(1.0, {})])
    journal.write("autopsy", 10.0, key=str(look), data=found)
    return journal, look


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        ('rate({ap="shop"}[5m]) > 1', "no stream has a label 'ap'; did you mean 'app'?"),
        ('rate({app="shopp"}[5m]) > 1', "no stream has app=\"shopp\"; did you mean 'shop'?"),
        ("rate({app=`bank`}[5m]) > 1", "no stream has app=`bank`; known are: shop, stock"),
        ('rate({app="stock"}[5m]) > 1', 'the streams {app="stock"} have no line'),
        (
            'rate({app="shop"} |= "sold" |= "nobody" [5m]) > 1',
            'no line of {app="shop"} |= "sold" passes |= "nobody" (there are 90)',
        ),
        (
            'rate({app="shop"} |= "sold" | json | user != "1" [5m]) > 1',
            'no line of {app="shop"} |= "sold" | json passes | user != "1" (there are 90)',
        ),
        (f"sum({SOLD}) > 10", f"sum({SOLD}) never went above 9; the rule wants > 10"),
        (
            f"{SOLD} < 1 or 2 * {SOLD} == 3",
            f"{SOLD} never went below 2; the rule wants < 1; 2 * {SOLD} was never 3, but between 2 and 9",
        ),
        (f"{SOLD} > 3", ""),
    ],
)
def test_why_an_alert_on_lines_stayed_quiet(expr: str, wanted: str) -> None:
    assert why_quiet(*looked(expr)) == (f"{wanted} (loki.yml:7)" if wanted else "")


def test_the_values_of_other_labels_than_the_claims_do_not_count() -> None:
    said = why_quiet(*looked('sum by (app) (rate({app="shop"}[5m])) > 5', app="shop"))

    assert said == 'sum by (app) (rate({app="shop"}[5m])) never went above 4; the rule wants > 5 (loki.yml:7)'


def test_only_a_label_that_no_stream_has_makes_an_alert_impossible() -> None:
    assert what_lacks(*looked('rate({ap="shop"}[5m]) > 1')) == "no stream has a label 'ap'; did you mean 'app'? (loki.yml:7)"
    assert what_lacks(*looked('rate({app="bank"}[5m]) > 1')) == ""


def test_pipelines_are_taken_apart_where_strings_are_not() -> None:
    first = '{a="}["} != "[x]" |~ `|y` | label_format z="{{.b}}" | c!="d" | unwrap e'

    assert pipelines(f'(sum(rate({first} [5m])) / count_over_time({{f="g"}}[1m]))') == [
        Pipeline('{a="}["}', ('!= "[x]"', "|~ `|y`", '| label_format z="{{.b}}"', '| c!="d"', "| unwrap e")),
        Pipeline('{f="g"}'),
    ]


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        ('sum(rate({a="> 5 and"} |= "x" or "y" [5m])) >= 0.5', ['sum(rate({a="> 5 and"} |= "x" or "y" [5m])) >= 0.5']),
        (f"{SOLD}\n  > 1e3 and on (a) {SOLD} == 2", [f"{SOLD} > 1000", f"on (a) {SOLD} == 2"]),
        ('rate({a="b"} | d > 5 [5m])', []),
    ],
)
def test_what_is_compared_with_a_number_is_found(expr: str, wanted: list[str]) -> None:
    assert [f"{lhs} {sign} {bound:g}" for lhs, sign, bound in compared(expr)] == wanted
