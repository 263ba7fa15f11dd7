from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.inbox.config import Config, read
from pytest_obscheck.plan import Route

LISTEN = {"proxy": "127.0.0.1:1", "smtp": "127.0.0.1:2", "control": "127.0.0.1:3"}


def written(folder: Path, content: str) -> Path:
    path = folder / "inbox.json"
    path.write_text(content, encoding="utf-8")
    return path


def test_a_configuration_is_read(tmp_path: Path) -> None:
    route = {"host": "hooks.slack.com:443", "path": "/x", "sink": "slack", "receiver": "team-a", "where": "alertmanager.yml:3"}
    raw = {"listen": LISTEN, "hosts": {"a:80": "127.0.0.1:4"}, "routes": [route], "folder": "/run/folder"}

    config = read(written(tmp_path, json.dumps(raw)))

    routes = (Route("hooks.slack.com:443", "/x", "slack", "team-a"),)
    assert config == Config(LISTEN, {"a:80": "127.0.0.1:4"}, routes, Path("/run/folder"))


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    raw = {
        "listen": {**LISTEN, "smtp": "0.0.0.0:25"},
        "hosts": {"a:80": "10.0.0.1:80"},
        "routes": [{"sink": "slack"}, {"host": "b:443", "sink": "slak"}],
    }
    path = written(tmp_path, json.dumps(raw))

    with pytest.raises(ConfigError) as caught:
        read(path)

    assert str(caught.value).split("\n") == [
        f"{path}: listen.smtp is '0.0.0.0:25'; it must be an address like '127.0.0.1:20123'",
        f"{path}: hosts['a:80'] is '10.0.0.1:80'; it must be an address like '127.0.0.1:20123'",
        f"{path}: the route {{'sink': 'slack'}} has no host; write it like {{'host': 'hooks.slack.com:443', 'sink': 'slack'}}",
        f"{path}: no sink called 'slak'; did you mean 'slack'?",
        f"{path}: folder is None; it is the path of a folder",
    ]


def test_the_network_of_a_run_is_local_too_and_no_other(tmp_path: Path) -> None:
    listen = {"proxy": "172.18.0.2:1", "smtp": "172.18.0.2:2", "control": "127.0.0.1:3"}
    raw = {
        "listen": listen,
        "network": "172.18.0.2/24",
        "hosts": {"a:80": "172.18.0.9:80", "b:80": "172.18.1.9:80"},
        "folder": "/x",
    }

    with pytest.raises(ConfigError) as caught:
        read(written(tmp_path, json.dumps(raw)))

    assert (
        str(caught.value).split(": ", 1)[1] == "hosts['b:80'] is '172.18.1.9:80'; it must be an address like '127.0.0.1:20123'"
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "is not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))"),
        ("[]", "is not a JSON object; it needs 'listen', 'hosts', 'routes' and 'folder'"),
    ],
)
def test_what_is_no_configuration_is_refused(tmp_path: Path, content: str, why: str) -> None:
    path = written(tmp_path, content)

    with pytest.raises(ConfigError) as caught:
        read(path)

    assert str(caught.value) == f"{path}: {why}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "none.json")

    assert str(caught.value) == f"{tmp_path / 'none.json'}: cannot be read (No such file or directory)"
