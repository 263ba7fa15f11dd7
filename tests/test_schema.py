"""The JSON Schema of the story language says what the loader says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pytest_obscheck import registry
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.loader import load
from pytest_obscheck.schema import schema

ROOT = Path(__file__).parent.parent
STORIES = sorted((ROOT / "scenarios").rglob("*.obs.yaml"))

CLAIM = "expect: [{alert: {name: A}, never: 0s .. 1s}]"
WRONG = [
    "name: x",
    "expect: []",
    f"nam: x\n{CLAIM}",
    "expect: [{alert: {}, never: 0s .. 1s}]",
    "expect: [{alert: {name: A}, resolved: {name: A}, never: 0s .. 1s}]",
    "expect: [{alert: {name: A}}]",
    "expect: [{alert: {name: A}, within: 5s}]",
    "expect: [{alert: {name: A}, never: 0s .. 1s, within: 5s}]",
    "expect: [{alert: {name: A}, never: 0s .. 1s, always: 0s .. 1s}]",
    "expect: [{alert: {name: A}, never: 0s to 1s}]",
    "expect: [{alrt: {name: A}, never: 0s .. 1s}]",
    "expect: [{never: 0s .. 1s}]",
    "expect: [{alert: {name: A, state: fireing}, never: 0s .. 1s}]",
    "expect: [{health: {service: a, status: many}, never: 0s .. 1s}]",
    f"faults: [{{down: {{to: a}}, from: 1s}}]\n{CLAIM}",
    f"faults: [{{latency: {{to: a, by: soon}}, from: 1s, until: 2s}}]\n{CLAIM}",
    f"faults: [{{latency: {{to: a, by: 1s}}, from: soon, until: 2s}}]\n{CLAIM}",
    f"rows: []\n{CLAIM}",
    f"rows: {{a: 1}}\n{CLAIM}",
    f"load: {{locust: {{file: a.py}}, from: 1s, until: 2s}}\n{CLAIM}",
]


@pytest.fixture(scope="module")
def validator() -> Any:
    made = schema()
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.name)
def test_every_shipped_story_is_valid_and_loads(validator: Any, path: Path) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))] == []
    assert all(story.claims for story in load(path))


def test_there_are_shipped_stories() -> None:
    assert len(STORIES) >= 3


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_story_is_refused_by_the_schema_and_by_the_loader(validator: Any, tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrong.obs.yaml"
    path.write_text(text, encoding="utf-8")

    assert not validator.is_valid(yaml.safe_load(text))
    with pytest.raises(ConfigError):
        load(path)


@pytest.mark.parametrize(
    "text",
    [
        CLAIM,
        "expect: [{alert: {name: A, labels: {v: 1.10, eu: no}}, once: 1s .. 2s, as: a, warm: false}]",
        "expect: [{scraped: {target: a}, always: 0s .. 1s, as: b}, {alert: {name: A}, within: 5s, after: b}]",
        "expect: [{fireable: , never: 1s..2s}]",
        "rows: [{row: a, n: 5}, {row: b, n: 6}]\nexpect: [{health: {service: a, status: '${n}'}, never: '0s .. ${n}s'}]",
        f"share: true\nfaults: [{{down: {{to: a}}, from: 1s, until: 1m30s, as: x}}]\n{CLAIM}",
    ],
)
def test_what_the_loader_reads_is_valid(validator: Any, tmp_path: Path, text: str) -> None:
    path = tmp_path / "right.obs.yaml"
    path.write_text(text, encoding="utf-8")

    assert all(story.claims for story in load(path))
    assert validator.is_valid(yaml.safe_load(text))


def test_editors_know_every_extension_with_its_description() -> None:
    entries = {
        key: made["anyOf"][0]["items"] for key, made in schema()["properties"].items() if "anyOf" in made and key != "share"
    }
    known = {
        "loads": entries["load"]["properties"],
        "faults": entries["faults"]["properties"],
        "expectations": entries["expect"]["properties"],
    }

    for kind, properties in known.items():
        assert [name for name in registry.names(kind) if not properties[name]["description"]] == []
