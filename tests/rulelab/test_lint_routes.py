"""Keys that Alertmanager does not have where they stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_obscheck.rulelab.lintroutes import check

pytestmark = pytest.mark.integration

HEAD = "receivers: [{name: a}]\n"
ROUTE = "a route (below 'route:')"
INHIBITION = "an inhibition (below 'inhibit_rules:')"
UNKNOWN = "as far as this amtool knows; did you mean"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("route: {receiver: a}\nroutes: []\n", f":3: 'routes' is no key of the top level; it belongs into {ROUTE}"),
        ("route:\n  receiver: a\n  equal: [job]\n", f":4: 'equal' is no key of {ROUTE}; it belongs into {INHIBITION}"),
        (
            "route:\n  receiver: a\n  routes:\n  - recevier: a\n",
            f":5: 'recevier' is no key of {ROUTE}, {UNKNOWN} 'receiver'?",
        ),
        (
            "route: {receiver: a}\ninhibit_rules:\n- source: {severity: critical}\n",
            f":4: 'source' is no key of {INHIBITION}, {UNKNOWN} 'source_match'?",
        ),
        (
            "global:\n  group_wait: 5s\nroute: {receiver: a}\n",
            f":3: 'group_wait' is no key of 'global:'; it belongs into {ROUTE}",
        ),
        ("route: {receiver: b}\n", ':2: undefined receiver "b" used in route'),
        ("route: {receiver: a}\n", ""),
    ],
)
def test_a_key_in_the_wrong_place_is_told_where_it_belongs(
    obs_program: Callable[[str], Path], tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "am.yml"
    path.write_text(HEAD + text, encoding="utf-8")

    findings = [str(finding) for finding in check(obs_program("amtool"), path, "am.yml")]

    assert findings == ([f"am.yml{said} (alertmanager)"] if said else [])


def test_templates_are_found_where_production_calls_their_folder_otherwise(
    obs_program: Callable[[str], Path], tmp_path: Path
) -> None:
    config = tmp_path / "alertmanager.yml"
    text = (
        "templates: [/etc/none/t/*.tmpl]\nroute: {receiver: a}\nreceivers:\n- name: a\n  slack_configs:\n"
        "  - {api_url: 'https://hooks.slack.example/x', title: '{{ template \"shop.title\" . }}'}\n"
    )
    config.write_text(text, encoding="utf-8")
    missing = check(obs_program("amtool"), config, "alertmanager.yml")
    (tmp_path / "t").mkdir()
    (tmp_path / "t/shop.tmpl").write_text('{{ define "shop.title" }}x{{ end }}', encoding="utf-8")

    right = "no file here matches '/etc/none/t/*.tmpl' of its templates; in stack.yaml, mounts: says where /etc/none/t is"
    what = '<{{template "shop.title" .}}>: template "shop.title" not defined'
    assert [str(each) for each in missing] == [f"alertmanager.yml:6: {what}; {right} (alertmanager)"]
    assert check(obs_program("amtool"), config, "alertmanager.yml") == []
