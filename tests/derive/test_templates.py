"""Alertmanager's templates, rendered before anything starts by the real amtool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_obscheck import derive
from pytest_obscheck.plan import Check

pytestmark = pytest.mark.integration

TEMPLATES = """\
{{ define "shop.title" }}{{ .Status | toUpper }} {{ .CommonLabels.alertname }}{{ end }}
{{ define "shop.text" }}
{{ range .Alerts.Firing }}{{ .Annotations.summary }} since {{ .StartsAt }}
{{ end }}{{ end }}
"""
CONFIG = """\
templates: ['t/*.tmpl']
route: {receiver: x}
receivers:
  - name: x
    slack_configs:
      - api_url: https://hooks.slack.example/x
        title: '{{ template "shop.title" . }}'
        text: |
          first
          {{ template "shop.text" . }}
        fields: [{title: a, value: '{{ len .Alerts }}'}]
    email_configs:
      - {to: a@b.example, from: c@d.example, smarthost: "e:25", html: '<b>{{ template "shop.text" . }}</b>'}
"""


@pytest.fixture
def told(tmp_path: Path, obs_program: Callable[[str], Path]) -> Callable[..., list[str]]:
    """Return a function that gives what is found, after edits of the configuration and of the templates."""
    amtool = obs_program("amtool")

    def check(old: str = "", new: str = "", text: str = "") -> list[str]:
        (tmp_path / "t").mkdir()
        (tmp_path / "t/shop.tmpl").write_text(TEMPLATES.replace(old, new) if old in TEMPLATES else TEMPLATES)
        (tmp_path / "a.yml").write_text(CONFIG.replace(old, new))
        found = derive.check([Check("amtool", tmp_path / "a.yml", text)], lambda _: derive.Tool(amtool), tmp_path)
        return [str(problem) for problem in found]

    return check


def test_templates_that_can_be_rendered_have_no_problem(told: Callable[..., list[str]]) -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            ".StartsAt",
            ".StartedAt",
            't/shop.tmpl:3: executing "shop.text" at <.StartedAt>: can\'t evaluate field StartedAt in type ',
        ),
        (
            '"shop.title" .',
            '"shop.titel" .',
            'a.yml:7: <{{template "shop.titel" .}}>: template "shop.titel" not defined; did you',
        ),
        ("len .Alerts", "len .Alert", "a.yml:11: <.Alert>: can't evaluate field Alert in type "),
        (
            '"shop.text" . }}\n        ',
            '"shop.text" .Alert }}\n        ',
            "a.yml:10: <.Alert>: can't evaluate field Alert in type ",
        ),
        ("{{ len .Alerts }}", "{{ if .Alerts }}", "a.yml:11: unexpected EOF"),
        ("toUpper", "upper", 't/shop.tmpl:1: function "upper" not defined'),
    ],
    ids=["a field", "a name", "a field of the configuration", "a line of a block", "an open action", "a function"],
)
def test_what_cannot_be_rendered_is_named_with_its_file_and_line(
    old: str, new: str, words: str, told: Callable[..., list[str]]
) -> None:
    # What Go calls the type differs between versions.
    assert [each[: len(words)] for each in told(old, new)] == [words]


def test_every_mistake_is_told_once(told: Callable[..., list[str]]) -> None:
    said = told('template "shop', 'template "shoop')

    assert [each.partition(": ")[0] for each in said] == ["a.yml:7", "a.yml:10", "a.yml:13"]
    assert said[-1] == "a.yml:13: no such template \"shoop.text\"; did you mean 'shop.text'?"


def test_a_text_that_is_not_the_file_is_checked_in_its_place(tmp_path: Path, told: Callable[..., list[str]]) -> None:
    text = CONFIG.replace("'t/*.tmpl'", f"'{tmp_path}/t/*.tmpl'").replace("receiver: x", "receiver: y")

    assert told(text=text) == ['a.yml:2: undefined receiver "y" used in route']


def test_an_amtool_that_cannot_render_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(CONFIG)
    old = tmp_path / "amtool"
    old.write_text('#!/bin/sh\n[ "$1" = check-config ] || { echo "amtool: error: expected command but got $1" >&2; exit 1; }\n')
    old.chmod(0o755)

    assert derive.check_alertmanager(old, tmp_path / "a.yml", tmp_path) == []
