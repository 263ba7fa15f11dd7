"""Extensions of other packages: found by their entry points, and never taken for one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_obscheck import registry
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.registry import UnknownName
from pytest_obscheck.session import written
from pytest_obscheck.stack.planning import sinks
from pytest_obscheck.verdict import Outcome, Report

MARKDOWN = """
class Markdown:
    ending = "md"

    def report(self, reports):
        return "".join(f"| {each.name} | {each.outcome} |\\n" for each in reports)
"""
NTFY = """
class Ntfy:
    name, receiver_key = "ntfy", "webhook_configs"
"""

Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that installs a package with one module and one entry point."""

    def installed(package: str, entry: str, text: str = "") -> None:
        group, _, line = entry.partition(" ")
        (tmp_path / f"{package}.py").write_text(text, encoding="utf-8")
        info = tmp_path / f"{package}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[obscheck.{group}]\n{line}\n", encoding="utf-8")

    monkeypatch.syspath_prepend(str(tmp_path))
    registry._installed.cache_clear()
    yield installed
    registry._installed.cache_clear()


def test_a_report_of_another_package_is_written_beside_the_journal(tmp_path: Path, install: Install) -> None:
    install("tables", "reports markdown = tables:Markdown", MARKDOWN)

    text = written(Report("a story", "", Outcome.PASSED), tmp_path / "runs" / "a")

    files = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "runs").iterdir()}
    assert sorted(files) == ["a.md", "a.txt", "a.xml"]
    assert (files["a.md"], files["a.txt"]) == ("| a story | passed |\n", text)


def test_two_sinks_for_the_same_receivers_are_refused(install: Install) -> None:
    install("bridge", "sinks ntfy = bridge:Ntfy", NTFY)

    with pytest.raises(ConfigError) as caught:
        sinks()

    what = "webhook_configs: there are two sinks for it, 'ntfy' and 'webhook'"
    assert str(caught.value) == f"{what}; take the entry point of one out of its pyproject.toml"


def test_two_extensions_with_one_name_are_refused_and_one_that_is_installed_twice_is_not(install: Install) -> None:
    install("once", "faults nap = sleep:Nap")
    install("twice", "faults nap = sleep:Nap")
    assert "nap" in registry.names("faults")

    install("other", "faults nap = other:Nap")
    registry._installed.cache_clear()
    with pytest.raises(UnknownName) as caught:
        registry.names("faults")

    said = str(caught.value)
    assert said.startswith("two faults are called 'nap': ")
    assert said.endswith("; give one of them another name in its pyproject.toml, and install that again")
    assert {"sleep:Nap", "other:Nap"} == set(said.removeprefix("two faults are called 'nap': ").split(";")[0].split(" and "))
