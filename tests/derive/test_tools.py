from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_obscheck import derive, toolchain
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.plan import Check
from pytest_obscheck.stack import plan, read

pytestmark = pytest.mark.integration

NEWER = "it is misspelt, or newer than the program here: write what production runs as `version:` into stack.yaml"
RULES = """\
groups:
- name: g
  rules:
  - alert: A
    expr: up ==
  - alert: B
    expr: |
      foo
        bar
  - alert: C
    expr: foo
    annotations: {x: "{{ $labels.x"}
"""


def program(name: str) -> str:
    return str(toolchain.find(name).path)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def said(problems: list[derive.Problem]) -> list[str]:
    return [str(problem) for problem in problems]


def test_an_unknown_field_of_prometheus_is_named_with_its_line(tmp_path: Path) -> None:
    config = written(tmp_path, "prometheus.yml", "global: {}\nscrape_confgs: []\n")

    problems = derive.check_prometheus(program("promtool"), config, tmp_path)

    assert said(problems) == [f"prometheus.yml:2: field scrape_confgs not found in type config.plain; {NEWER}"]


def test_files_that_a_configuration_names_need_not_be_there(tmp_path: Path) -> None:
    text = "rule_files: [/etc/none.yml]\nscrape_configs: [{job_name: x, authorization: {credentials_file: /none}}]\n"
    config = written(tmp_path, "prometheus.yml", text)

    problems = derive.check_prometheus(program("promtool"), config, tmp_path)

    assert said(problems) == []


def test_every_wrong_rule_is_named_with_its_line(tmp_path: Path) -> None:
    rules = written(tmp_path, "rules.yml", RULES)

    problems = derive.check_rules(program("promtool"), [rules], tmp_path)

    assert said(problems) == [
        'rules.yml:5: group "g", rule 1, "A": could not parse expression: 1:6: parse error: unexpected end of input',
        'rules.yml:7: group "g", rule 2, "B": could not parse expression: 2:3: parse error: unexpected identifier "bar"',
        'rules.yml:10: group "g", rule 3, "C": annotation "x": template: __alert_C:1: unclosed action',
    ]


def test_the_files_of_a_stack_are_checked_together(tmp_path: Path) -> None:
    config = written(tmp_path, "prometheus.yml", "global: {scrape_intervall: 1s}\n")
    broken = written(tmp_path, "broken.yml", "groups: [\n")
    rules = written(tmp_path, "rules.yml", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    fore: 1m\n")
    alerting = written(tmp_path, "alertmanager.yml", "route:\n  receiver: y\nreceivers: [{name: x}]\n")
    checks = [Check("promtool", config), Check("promtool", broken), Check("promtool", rules), Check("amtool", alerting)]

    problems = derive.check(checks, lambda name: derive.Tool(program(name)), tmp_path)

    # The Go type behind an unknown field is not the same in every version.
    assert [words.partition(" in type ")[0] for words in said(problems)] == [
        "prometheus.yml:1: field scrape_intervall not found",
        'alertmanager.yml:2: undefined receiver "y" used in route',
        "broken.yml:2: not YAML: while parsing a flow node, did not find expected node content",
        "rules.yml:6: field fore not found",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("route: {receiver: x}\nreceivers: [{name: x}]\n", []),
        ("route: {receiver: x}\nroutes: []\n", [f"a.yml:2: field routes not found in type config.plain; {NEWER}"]),
        ("route: [\n", ["a.yml:2: not YAML: while parsing a flow node, did not find expected node content"]),
        ("templates: [t.tmpl]\nroute: {receiver: x}\nreceivers: [{name: x}]\n", ["t.tmpl:2: unexpected EOF"]),
    ],
)
def test_amtool_is_asked_about_alertmanagers_configuration(text: str, words: list[str], tmp_path: Path) -> None:
    written(tmp_path, "t.tmpl", '{{ define "x" }}\n')
    config = written(tmp_path, "a.yml", text)

    problems = derive.check_alertmanager(program("amtool"), config, tmp_path)

    assert said(problems) == words


def test_broken_promql_is_shown_with_a_caret() -> None:
    if subprocess.run([program("promtool"), "promql", "--help"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this promtool is older than 2.46 and cannot parse a single expression")

    told = derive.promql_problem(program("promtool"), "sum by (a) (x)\n  / bar baz")

    assert told == '2:9: parse error: unexpected identifier "baz"\n    / bar baz\n          ^'


def test_promql_that_parses_has_no_problem() -> None:
    told = derive.promql_problem("there-is-no-such-program", '-sum(rate(http_requests_total{status=~"5.."}[5m]))')

    assert told == ""


def test_without_promtool_broken_promql_is_still_found() -> None:
    told = derive.promql_problem("there-is-no-such-program", "sum(rate(x[5m])")

    assert told == "unclosed left parenthesis"


def test_a_tool_that_fails_in_an_unknown_way_is_quoted(tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    odd.write_text("#!/bin/sh\necho 'the moon is full' >&2\nexit 3\n", encoding="utf-8")
    odd.chmod(0o755)
    config = written(tmp_path, "prometheus.yml", "global: {}\n")

    problems = derive.check_prometheus(odd, config, tmp_path)

    assert said(problems) == ["prometheus.yml: the moon is full"]


def test_a_text_with_its_variables_filled_in_is_checked_and_placed_in_the_users_file(tmp_path: Path) -> None:
    text = "components:\n  prometheus: {config: p.yml, variables: {EVERY: soon, WHERE: '${prometheus.address}'}}\n"
    stack = written(tmp_path, "stack.yaml", text)
    config = "global:\n  external_labels: {at: '${WHERE}'}\n  scrape_interval: ${EVERY}\n"
    written(tmp_path, "p.yml", config)
    program("prometheus")

    with pytest.raises(ConfigError) as caught:
        plan(read(stack, tmp_path))

    assert str(caught.value) == 'p.yml:3: not a valid duration string: "soon"'


def test_what_is_wrong_in_a_file_of_jobs_is_named_with_its_line(tmp_path: Path) -> None:
    stack = written(tmp_path, "stack.yaml", "components:\n  prometheus: {config: p.yml}\n")
    written(tmp_path, "p.yml", "scrape_config_files: [jobs.yml]\n")
    written(tmp_path, "jobs.yml", "scrape_configs:\n  - job_name: a\n    schema: https\n")

    with pytest.raises(ConfigError) as caught:
        plan(read(stack, tmp_path))

    known = str(toolchain.find("promtool").version)
    newer = NEWER.replace("the program here", f"promtool {known}")
    assert str(caught.value) == f"jobs.yml:3: field schema not found in type config.ScrapeConfig; {newer}"
