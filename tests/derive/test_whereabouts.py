"""Where production's absolute paths are on a machine that is not production."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.derive import found, here, sought


@pytest.mark.parametrize(
    ("text", "there", "inside"),
    [
        ("/etc/none/rules/*.yml", "monitoring/rules/a.yml", "/etc/none"),
        ("/etc/none/rules/*.yml", "monitoring/none/rules/a.yml", "/etc"),
        ("/etc/none/rules/*.yml", "rules/a.yml", "/etc/none"),
        ("/etc/none/a.yml", "monitoring/a.yml", "/etc/none"),
        ("/etc/none/a.yml", "a.yml", None),
        ("/etc/none/*.yml", "monitoring/a.yml", None),
        ("/etc/none/rules/*.yml", "monitoring/alerts/a.yml", None),
        ("rules/*.yml", "monitoring/rules/a.yml", None),
    ],
)
def test_a_path_of_production_is_sought_beside_the_file_that_names_it(
    text: str, there: str, inside: str | None, tmp_path: Path
) -> None:
    config = tmp_path / "monitoring/prometheus.yml"
    for path in (config, tmp_path / there):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    place = sought(config, text)

    assert (place and place[0]) == inside
    if place:
        assert found(here(config, text)) == [tmp_path / there]


def test_a_path_that_leads_to_files_is_what_it_is(tmp_path: Path) -> None:
    for name in ("rules/a.yml", "monitoring/prometheus.yml", "monitoring/rules/a.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    text = f"{tmp_path}/rules/*.yml"

    assert sought(tmp_path / "monitoring/prometheus.yml", text) is None
    assert found(here(tmp_path / "monitoring/prometheus.yml", text)) == [tmp_path / "rules/a.yml"]
