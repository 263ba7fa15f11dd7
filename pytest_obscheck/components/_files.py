"""Where the user's files are on this machine, and which of their values nobody else may see."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_obscheck.document import Document
from pytest_obscheck.errors import ConfigError, Problem, seen_from
from pytest_obscheck.protocols import Place

SECRET = "<secret>"  # noqa: S105 -- it stands for one
NOT_IN = "this secret is not in the working copy"
APART = "move the others into a folder of their own, and name that"
Spot = tuple[str | int, ...]
_SECRETS = frozenset({
    "password", "credentials", "bearer_token", "client_secret", "client_certificate_key", "secret_key", "access_key",
    "auth_token", "token", "token_id", "application_key", "application_secret", "consumer_key", "key_passphrase",
    "smtp_auth_password", "smtp_auth_secret", "auth_password", "auth_secret", "api_key", "api_secret", "app_token",
    "slack_app_token", "bot_token", "telegram_bot_token", "routing_key", "service_key", "user_key", "opsgenie_api_key",
    "service_account_key",
    "private_key", "victorops_api_key", "wechat_api_secret", "rocketchat_token", "rocketchat_token_id", "alert_source_token",
    "basicAuthPassword", "integrationKey", "apiKey", "bottoken", "authorization_credentials",
})  # fmt: skip
_LONGER_SECRETS = ("tls_config.key", "cloud.auth", "ssl.key")
_SECRET_URLS = frozenset({"slack_api_url", "api_url", "webhook_url"})
_LENIENT = frozenset({"templates"})
"""Lists in which a plain path may lead nowhere, and any text is taken, without a word of the program."""
_NOT_SETTINGS = frozenset({"labels", "external_labels", "params", "match", "match_re", "details", "annotations"})
_PASSWORD_IN_URL = re.compile(r"(?<=://)[^/@\s]+:[^/@\s]+(?=@)")


STATED = {"rule_files": ("rules", "carries rules"), "scrape_config_files": ("scrapes", "says what is scraped")}
"""Which word of stack.yaml adds to a list of files in prometheus.yml, and what each of those files must do."""
CARRIERS = {
    "rules": "name rule files, PrometheusRule resources or Mimir namespaces",
    "scrapes": "name ServiceMonitor, PodMonitor, Probe or ScrapeConfig resources, or files of scrape_configs",
}


def settings(value: Any, at: Spot = ()) -> Iterator[tuple[Spot, Any]]:
    """Yield every setting in a configuration with its path; what users name themselves (labels and the like) left out."""
    entries = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        spot = (*at, key)
        if key not in _NOT_SETTINGS:
            yield spot, inner
            yield from settings(inner, spot)


def secrets(value: Any) -> Iterator[tuple[Spot, str | list[str]]]:
    """Yield where a configuration holds a secret, and what to put there instead."""
    for spot, inner in settings(value):
        name, text = str(spot[-1]).rpartition(".")[2], isinstance(inner, str)
        if text and inner and (name in _SECRETS or _setting(spot).endswith(_LONGER_SECRETS) or "secureJsonData" in spot):
            yield spot, SECRET
        elif name == "secrets" and isinstance(inner, list):
            yield spot, [SECRET]
        elif text and _PASSWORD_IN_URL.search(inner):
            yield spot, _PASSWORD_IN_URL.sub(SECRET, inner)


def redacted(value: Any) -> Any:
    """Return a copy of a configuration without its secrets; URLs stay."""
    copy = deepcopy(value)
    for spot, instead in secrets(value):
        holder = copy
        for step in spot[:-1]:
            holder = holder[step]
        holder[spot[-1]] = instead
    return copy


def masked(document: Document) -> str:
    """Return a file's text for the journal: no secret in it, nor a URL that is one. Edits the document."""
    for spot, instead in secrets(document.value):
        document.set(spot, instead)
    for spot, inner in settings(document.value):
        if isinstance(inner, str) and (spot[-1] in _SECRET_URLS or _webhook(spot)):
            document.set(spot, re.sub(r"^(\w+://)(?:[^/@]*@)?([^/]*).*", rf"\1\2/{SECRET}", inner, flags=re.DOTALL))
    return document.text()


def _setting(spot: Spot) -> str:
    return ".".join(str(step) for step in spot if isinstance(step, str))


def _webhook(spot: Spot) -> bool:
    return spot[-1] == "url" and not {"webhook_configs", "contactPoints"}.isdisjoint(spot)


def local(place: Place, base: Path, text: str) -> Path:
    """Return where a path in a user's file leads on this machine.

    A relative one starts at ``base``, the folder of that file; an absolute one goes through the mounts of stack.yaml.
    """
    for inside in sorted(place.mounts, key=len, reverse=True):
        if text == inside or text.startswith(f"{inside.rstrip('/')}/"):
            return Path(os.path.normpath(place.home / place.mounts[inside] / text[len(inside) :].lstrip("/")))
    return Path(os.path.normpath(base / text))


def log_of(place: Place, member: str) -> Path:
    """Return where a member's log is written, in its own folder beside this one's."""
    return place.folder.parent / member / f"{member}.log"


def shown(place: Place, path: Path) -> str:
    """Return a file's name as reports print it: relative to the folder of stack.yaml, if it lies in it."""
    return seen_from(path, place.home)


def rows(value: Any, *keys: str) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the mappings in the list at that path of keys, with their numbers; what has another shape is passed over."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return [(number, row) for number, row in enumerate(value) if isinstance(row, Mapping)] if isinstance(value, list) else []


def names(value: Any, key: str) -> list[tuple[int, str]]:
    """Return the texts in the list under a key, with their numbers."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return [(number, str(text)) for number, text in enumerate(found) if text] if isinstance(found, list) else []


def _is_resource(value: Any) -> bool:
    return isinstance(value, Mapping) and "kind" in value and "apiVersion" in value


def _globbed(path: Path) -> list[str]:
    """Return the files that a path or glob leads to, as Go finds them: hidden ones, too."""
    return sorted(glob.glob(str(path), include_hidden=True))  # noqa: PTH207 -- pathlib does not know include_hidden


@dataclass
class Reader:
    """Opens the user's files one after another; keeps every problem, and the masked text of what it read."""

    place: Place
    problems: list[Problem] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)
    hidden: list[Problem] = field(default_factory=list)
    unmatched: list[Problem] = field(default_factory=list)
    rules: tuple[str, ...] = ()
    scrapes: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def open(self, path: Path, **how: Any) -> Document | None:
        """Return the file as a document with nothing edited; ``None`` where it cannot be read, which is then a problem."""
        try:
            document = self._opened(path, **how)
            text = document.text()
            where = [(spot, document.line(*spot)) for spot, _ in secrets(document.value)]
            self.hidden += [Problem(f"{self.name(document)}:{line}", f"{_setting(spot)}: {NOT_IN}") for spot, line in where]
            hidden = self.files[shown(self.place, path)] = masked(document)
            return document if hidden == text else self._opened(path, **how)
        except ConfigError as error:
            self.problems.extend(error.problems)
            return None

    def _opened(self, path: Path, **how: Any) -> Document:
        return self.place.open(path, **({"variables": self.variables} if self.variables else {}), **how)

    def named(self, document: Document, key: str, *spot: str | int) -> Iterator[Document]:
        """Yield the files that a list of paths and globs names, under ``key`` of the mapping at ``spot``.

        To the ``rule_files`` and ``scrape_config_files`` belong those that stack.yaml names.
        """
        yield from (opened for path in self.paths(document, key, *spot) if (opened := self.open(path)))
        if key in STATED:
            yield from self.stated(key)

    def paths(self, document: Document, key: str, *spot: str | int) -> Iterator[Path]:
        """Yield each file once that a list of paths and globs names.

        What its program accepts in silence is noted: a glob that matches nothing, a file that is named twice.
        """
        holder = document.value
        for step in spot:
            holder = holder[step]
        seen: dict[str, str] = {}
        for number, text in names(holder, key):
            at = (*spot, key, number)
            found = _globbed(local(self.place, document.path.parent, text))
            if not found:
                self._missing(document, at, text)
            for name in found:
                if Path(name) == document.path:
                    say = self.note if key in _LENIENT else self.problem
                    say(document, at, f"{text!r} names this very file, too", APART)
                elif name in seen:
                    self._doubled(document, at, os.path.relpath(name, document.path.parent), seen[name])
                else:
                    seen[name] = text
                    yield Path(name)

    def _missing(self, document: Document, at: Spot, text: str) -> None:
        if at[-2] not in _LENIENT and not glob.has_magic(text):
            self.problem(document, at, f"there is no file {text!r}", self._hint(text))
        else:
            right = self._hint(text) or "correct it, or leave it out"
            what = f"no file matches {text!r}"
            self.note(document, at, f"{what}, which is accepted in silence", right)
            if at[-2] == "rule_files":
                self.unmatched.append(Problem(self.where(document, at), what))

    def _doubled(self, document: Document, at: Spot, name: str, first: str) -> None:
        what = f"{name} was named before, by {first!r}"
        if at[-2] == "scrape_config_files":
            self.problem(document, at, f"{what}: Prometheus takes no job twice", "name it once")
        else:
            self.note(document, at, f"{what}, and is read once", "name it once")

    def stated(self, key: str) -> Iterator[Document]:
        """Yield the rule files or scrape config files that stack.yaml names; each of its paths and globs must lead to one.

        Resources that carry none are passed over, where a path or glob leads to others that do.
        """
        word, needed = STATED[key]
        for text in getattr(self, word):
            found = self.globbed(word, text)
            documents = [opened for name in found if (opened := self.open(name, carrying=word))]
            kept = [each for each in documents if not _is_resource(each.value)]
            if documents and not kept:
                self.problems.append(Problem(f"{self.place.name}: {word}", f"nothing in {text!r} {needed}", CARRIERS[word]))
            yield from kept

    def globbed(self, word: str, text: str) -> list[Path]:
        """Return the files to which a path or glob of stack.yaml leads; none is a problem."""
        found = _globbed(local(self.place, self.place.home, text))
        if not found:
            self.problems.append(Problem(f"{self.place.name}: {word}", f"there is no file {text!r}", self._hint(text)))
        return [Path(name) for name in found]

    def problem(self, document: Document, spot: Spot, what: str, right: str = "") -> None:
        """Note a problem at a place in a document, once."""
        problem = Problem(self.where(document, spot), what, right)
        if problem not in self.problems:
            self.problems.append(problem)

    def note(self, document: Document, spot: Spot, what: str, right: str = "") -> None:
        """Note what is accepted and hardly meant, once."""
        note = Problem(self.where(document, spot), what, right)
        if note not in self.notes:
            self.notes.append(note)

    def where(self, document: Document, spot: Spot) -> str:
        """Return the file and the line of a place in a document."""
        return f"{self.name(document)}:{document.line(*spot)}"

    def name(self, document: Document) -> str:
        """Return a document's name as reports print it."""
        return shown(self.place, document.path)

    def done(self) -> None:
        """Raise ``ConfigError`` with every problem, if there is any."""
        if self.problems:
            raise ConfigError(self.problems)

    def _hint(self, text: str) -> str:
        return "say in stack.yaml under mounts: where that folder is" if text.startswith("/") else ""
