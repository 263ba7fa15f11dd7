"""Extensions are found by name; every file of a plural folder is one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import pytest_obscheck
from pytest_obscheck import abilities, registry
from pytest_obscheck.registry import KINDS, Names, UnknownName

PACKAGE = Path(pytest_obscheck.__file__).parent
AGAIN = "an editable install sees a new entry point only when it is installed again: pip install -e ."


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_of_a_plural_folder_is_registered(kind: str) -> None:
    files = {path.stem for path in (PACKAGE / kind).glob("*.py") if not path.name.startswith("_")}

    registered = {entry.module.rpartition(".")[2] for entry in registry._entries(kind).values()}

    assert files <= registered, f"not registered: {', '.join(sorted(files - registered))}; {AGAIN}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_registration_imports(kind: str) -> None:
    for name in registry.names(kind):
        found = registry.find(kind, name)

        assert registry.name_of(found) == name, AGAIN


def test_no_field_of_a_story_is_taken_for_an_ability() -> None:
    # Whether something has an ability is found out by the names of its methods: a field must not have one of them.
    able = {name for each in vars(abilities).values() if getattr(each, "_is_protocol", False) for name in vars(each)}
    classes = [registry.find(kind, name) for kind in ("expectations", "faults", "loads") for name in registry.names(kind)]

    taken = [(each.__name__, field.name) for each in classes for field in fields(each) if field.name in able]

    assert taken == []


@pytest.mark.parametrize(
    ("kind", "name", "wanted"),
    [
        ("faults", "latncy", "no fault called 'latncy'; did you mean 'latency'?"),
        ("runtimes", "xyz", f"no runtime called 'xyz'; known are: {', '.join(registry.names('runtimes'))}"),
        ("nothing", "x", "no nothing called 'x'; there are none"),
    ],
)
def test_a_name_that_nothing_has_suggests_the_nearest(kind: str, name: str, wanted: str) -> None:
    with pytest.raises(UnknownName) as caught:
        registry.find(kind, name)

    assert str(caught.value) == wanted


def test_a_class_that_is_not_registered_says_what_to_do() -> None:
    with pytest.raises(UnknownName) as caught:
        Names()[Path]

    assert str(caught.value) == (
        "pathlib:Path is not registered; add it to [project.entry-points] of its pyproject.toml and install that again"
    )


def test_names_know_every_class() -> None:
    names = Names()

    assert len(list(names)) == len(names)
    assert names[pytest_obscheck.Latency] == "latency"


def test_the_public_names_are_sorted_and_there() -> None:
    public = pytest_obscheck.__all__

    assert public == sorted(public)
    assert [name for name in public if getattr(pytest_obscheck, name).__name__ != name] == []


def test_every_extension_that_stories_use_is_public() -> None:
    classes = {
        registry.find(kind, name).__name__ for kind in ("faults", "loads", "expectations") for name in registry.names(kind)
    }

    assert classes <= set(pytest_obscheck.__all__)


def test_an_unknown_name_of_the_package_is_no_attribute() -> None:
    with pytest.raises(AttributeError) as caught:
        _ = pytest_obscheck.Latncy

    assert str(caught.value) == "module 'pytest_obscheck' has no attribute 'Latncy'"


HEAVY = ("httpx", "requests", "yaml", "promql_parser", "trustme", "aiosmtpd", "locust", "prometheus_api_client")


@pytest.mark.parametrize("module", ["pytest_obscheck", "pytest_obscheck.plugin"])
def test_importing_the_package_or_the_plugin_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == ""
