"""What strangers' configurations get wrong, and what is said of each: one sentence, its place, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.components.alertmanager import Alertmanager
from pytest_obscheck.components.prometheus import Prometheus
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Network, Place
from pytest_obscheck.sinks.webhook import Webhook

FILES = {
    "rules/a.yml": "groups: []\n",
    "jobs/b.yml": "scrape_configs: [{job_name: b}]\n",
    "jobs/again.yml": "scrape_configs:\n  - job_name: b\n",
    "lists/one.json": '[{"targets": ["a:1"]}]\n',
    "secrets/token": "",
    "secrets/folder/token": "",
    "t/x.tmpl": "",
}
APART = "move the others into a folder of their own, and name that"
LEAVE, MOUNTS = "correct it, or leave it out", "say in stack.yaml under mounts: where that folder is"
SILENT = f"which is accepted in silence; {LEAVE}"
DOCKER = "name the file in it; where a file that it mounts is missing, Docker makes a folder"


def facts(folder: Path, text: str, component: Prometheus | Alertmanager | None = None) -> Facts:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "p.yml").write_text(text)
    network = Network(sinks={"webhook_configs": Webhook})

    def opened(path: Path, variables: dict[str, str] | None = None) -> Document:
        return Document.open(path, str(path.relative_to(folder)), variables)

    place = Place("p", folder, folder, {}, network, lambda text: text, opened, {"/etc/prometheus": str(folder)})
    return (component or Prometheus("p.yml")).facts(place)


REFUSED = {
    "a file that includes itself": (
        "scrape_config_files: ['*.yml']",
        f"p.yml:1: '*.yml' names this very file, too; {APART}",
    ),
    "rules that include the configuration": ("rule_files:\n- p.yml", f"p.yml:2: 'p.yml' names this very file, too; {APART}"),
    "jobs read twice": (
        "scrape_config_files:\n- jobs/b.yml\n- jobs/b*.yml",
        "p.yml:3: jobs/b.yml was named before, by 'jobs/b.yml': Prometheus takes no job twice; name it once",
    ),
    "a job in two files": (
        "scrape_config_files: [jobs/b.yml, jobs/again.yml]",
        "jobs/again.yml:2: there is a job 'b' at jobs/b.yml:1, too, and Prometheus takes no job twice; rename one",
    ),
    "a file that is not there": ("rule_files: [rules/b.yml]", "p.yml:1: there is no file 'rules/b.yml'"),
    "a path of production": (
        "rule_files: [/srv/rules.yml]",
        "p.yml:1: there is no file '/srv/rules.yml'; say in stack.yaml under mounts: where that folder is",
    ),
    "a secret file that is a folder": (
        "scrape_configs:\n- job_name: a\n  authorization:\n    credentials_file: secrets/folder",
        f"p.yml:4: credentials_file: 'secrets/folder' is a folder; {DOCKER}",
    ),
    "a mounted secret file that is a folder": (
        "scrape_configs:\n- job_name: a\n  tls_config: {key_file: /etc/prometheus/secrets/folder}",
        f"p.yml:3: key_file: '/etc/prometheus/secrets/folder' is a folder; {DOCKER}",
    ),
    "a rule file that is a folder": (
        "rule_files: [rules]",
        "rules: this is a folder; name the files in it, like rules/*.yml",
    ),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_what_production_would_refuse_is_refused_in_a_sentence(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        facts(tmp_path, text)

    assert str(caught.value) == words


OTHER = "give one of them another label"
NOTED = {
    "rules by a glob that matches nothing": ("rule_files: ['none/*.yml']", f"p.yml:1: no file matches 'none/*.yml', {SILENT}"),
    "jobs by a glob that matches nothing": (
        "scrape_config_files:\n- none/*.yml",
        f"p.yml:2: no file matches 'none/*.yml', {SILENT}",
    ),
    "targets by a glob that matches nothing": (
        "scrape_configs:\n- job_name: a\n  file_sd_configs:\n  - files: ['none/*.json']",
        f"p.yml:4: no file matches 'none/*.json', {SILENT}",
    ),
    "a glob below production's folder": (
        "rule_files: ['/srv/*.yml']",
        f"p.yml:1: no file matches '/srv/*.yml', {SILENT.replace(LEAVE, MOUNTS)}",
    ),
    "a rule file by two globs": (
        "rule_files:\n- rules/*.yml\n- rules/a.*",
        "p.yml:3: rules/a.yml was named before, by 'rules/*.yml', and is read once; name it once",
    ),
    "target labels that collide": (
        "scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: [a:1]\n\n  - targets: [b:1, a:1]\n    labels: {}",
        "p.yml:6: job 'a' has the target 'a:1' twice with the same labels; one is dropped in silence; keep one of them",
    ),
    "target labels that collide with those of another job": (
        (
            "scrape_configs:\n- job_name: a\n  static_configs: &s [{targets: [a:1]}]\n- job_name: b\n  static_configs: *s\n"
            "- job_name: c\n  static_configs:\n  - {targets: [b:1, a:1], labels: {job: a}}"
        ),
        "p.yml:8: job 'c': the target 'a:1' has the labels of one of job 'a', and their samples are mixed up; " + OTHER,
    ),
    "a secret file that is called otherwise": (
        "scrape_configs:\n- job_name: a\n  authorization: {credentials_file: secrets/tokn}",
        "p.yml:3: credentials_file: there is no file 'secrets/tokn'; did you mean 'token'?",
    ),
}


@pytest.mark.parametrize(("text", "words"), NOTED.values(), ids=NOTED)
def test_what_production_accepts_in_silence_is_noted(text: str, words: str, tmp_path: Path) -> None:
    assert [str(note) for note in facts(tmp_path, text).notes] == [words]


@pytest.mark.parametrize("templates", ["none/*.tmpl", "none.tmpl"])
def test_templates_that_are_nowhere_are_noted(templates: str, tmp_path: Path) -> None:
    text = f"templates: [{templates}]\nreceivers: [{{name: x}}]\n"

    found = facts(tmp_path, text, Alertmanager("p.yml"))

    assert [str(note) for note in found.notes] == [f"p.yml:1: no file matches '{templates}', {SILENT}"]


def test_a_configuration_that_is_taken_for_a_template_is_noted(tmp_path: Path) -> None:
    found = facts(tmp_path, "templates: ['*.yml']\nreceivers: [{name: x}]\n", Alertmanager("p.yml"))

    assert [str(note) for note in found.notes] == [f"p.yml:1: '*.yml' names this very file, too; {APART}"]


def test_nothing_is_noted_of_a_whole_configuration(tmp_path: Path) -> None:
    text = "rule_files: [rules/*.yml]\nscrape_config_files: [jobs/b.yml]\nscrape_configs:\n- job_name: a\n"
    text += "  authorization: {credentials_file: secrets/token}\n  tls_config: {ca_file: /run/secrets/ca.pem, "
    text += "key_file: secrets/my.key, cert_file: q.pem}\n"
    text += "  static_configs: [{targets: [a:1]}, {targets: [a:1], labels: {x: y}}]\n  file_sd_configs: [{files: [lists/*]}]\n"
    text += "- job_name: c\n  relabel_configs: [{target_label: job, replacement: d}]\n"
    text += "  static_configs: [{targets: [a:1], labels: {job: a}}]\n"

    assert facts(tmp_path, text).notes == ()


def test_every_secret_is_listed_with_its_line(tmp_path: Path) -> None:
    text = "scrape_configs:\n- job_name: a\n  basic_auth:\n    username: u\n    password: |\n      two\n      lines\n"
    text += "remote_write: [{url: 'https://u:p@store.example/'}]\n"

    assert [str(secret) for secret in facts(tmp_path, text).secrets] == [
        "p.yml:5: scrape_configs.basic_auth.password: this secret is not in the working copy",
        "p.yml:8: remote_write.url: this secret is not in the working copy",
    ]


@pytest.mark.parametrize("ends", ["\r\n", "\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_windows_line_ends_and_a_bom_change_nothing(ends: str, bom: str, tmp_path: Path) -> None:
    text = "rule_files:\n- none/*.yml\nscrape_configs:\n- job_name: a\n  static_configs: [{targets: [a:1]}]\n"

    found = facts(tmp_path, bom + text.replace("\n", ends))

    assert (found.scraped, [note.where for note in found.notes]) == (("a:1",), ["p.yml:2"])


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "loop.yml").symlink_to(tmp_path / "loop.yml")

    with pytest.raises(ConfigError) as caught:
        facts(tmp_path, "rule_files: [loop.yml]")

    assert str(caught.value) == "loop.yml: cannot be read (Too many levels of symbolic links)"


def test_utf_16_is_told_from_utf_8(tmp_path: Path) -> None:
    (tmp_path / "w.yml").write_bytes("groups: []\n".encode("utf-16"))

    with pytest.raises(ConfigError) as caught:
        facts(tmp_path, "rule_files: [w.yml]")

    assert str(caught.value) == "w.yml:1: this is not UTF-8; save the file as UTF-8"


class Closed(type(Path())):  # type: ignore[misc]
    """A file that this user may not read, whoever this user is."""

    def read_bytes(self) -> bytes:
        raise PermissionError(13, "Permission denied")


def test_a_file_that_this_user_may_not_read_is_told_with_what_lets_him() -> None:
    with pytest.raises(ConfigError) as caught:
        Document.open(Closed("/srv/rules.yml"), "rules.yml")

    assert str(caught.value) == "rules.yml: cannot be read (Permission denied); run: chmod u+r rules.yml"
