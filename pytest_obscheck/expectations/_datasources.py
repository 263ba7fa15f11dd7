"""The data sources that dashboards refer to: what Grafana is provisioned with, or what the references themselves say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pytest_obscheck.errors import LookFailed, Problem, did_you_mean, shown_as
from pytest_obscheck.panel.boards import Source
from pytest_obscheck.panel.times import SCRAPE, duration

DEFAULT = ("", "default")
UNASKED = {"-- Grafana --": "Grafana makes its data up itself", "-- Dashboard --": "it shows what another panel shows"}


@dataclass(frozen=True)
class Provisioned:
    """One data source. ``scrape``: seconds between two scrapes, which rates are worked out from."""

    uid: str
    name: str
    type: str
    default: bool = False
    scrape: float = SCRAPE


@dataclass(frozen=True)
class Sources:
    """The known data sources; where there are none, a reference is believed as far as it says its type."""

    known: tuple[Provisioned, ...] = ()
    picked: Mapping[str, str] | None = None

    def of(self, source: Source) -> Provisioned:
        """Return the data source of a reference without variables; ``LookFailed`` says why it has none."""
        if source.type == "__expr__" or source.uid == "__expr__":
            return Provisioned("__expr__", "expression", "__expr__")
        if source.uid in UNASKED:
            return Provisioned(source.uid, source.uid, source.uid)
        return self._provisioned(source) if self.known else self._believed(source)

    def _provisioned(self, source: Source) -> Provisioned:
        if source.uid in DEFAULT:
            same = [each for each in self.known if source.type in ("", each.type)]
            found = next((each for each in same if each.default), same[0] if same else None)
        else:
            found = next((each for each in self.known if source.uid in (each.uid, each.name)), None)
        if found is None:
            names = [name for each in self.known for name in (each.uid, each.name)]
            raise LookFailed(f"no data source is called {source.uid or source.type!r}; {did_you_mean(source.uid, names)}")
        return found

    def _believed(self, source: Source) -> Provisioned:
        type_ = source.type or (self.picked or {}).get(source.uid, "prometheus" if source.uid in DEFAULT else "")
        if not type_:
            right = "name the files that provision Grafana's data sources with 'datasources:'"
            raise LookFailed(f"nobody says of what type the data source {source.uid!r} is; {right}")
        return Provisioned(source.uid, source.uid, type_)

    def uids(self, type_: str) -> list[str]:
        """Return the uids of the known data sources of a type."""
        return [each.uid for each in self.known if each.type == type_]


def read_sources(path: Path, root: Path) -> tuple[Sources, list[Problem]]:
    """Return the data sources of Grafana's provisioning, a file or a folder, and what is wrong with it."""
    files = sorted([*path.rglob("*.yml"), *path.rglob("*.yaml")]) if path.is_dir() else [path]
    found: list[Provisioned] = []
    problems: list[Problem] = []
    for file in files:
        try:
            found.extend(_listed(yaml.safe_load(file.read_text(encoding="utf-8"))))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(shown_as(file, root), f"cannot be read: {getattr(error, 'strerror', None) or error}"))
        except (yaml.YAMLError, ValueError) as error:
            problems.append(Problem(shown_as(file, root), f"not a provisioning of data sources: {str(error).splitlines()[0]}"))
    if not found and not problems:
        problems.append(Problem(shown_as(path, root), "no data source is in it", "its files have a list 'datasources:'"))
    return Sources(tuple(found)), problems


def _listed(text: Any) -> Iterator[Provisioned]:
    listed = text.get("datasources") if isinstance(text, Mapping) else None
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, Mapping):
            yield provisioned(each)


def provisioned(each: Mapping[str, Any]) -> Provisioned:
    """Return a data source as Grafana's provisioning and its API write it; ``ValueError`` where its interval is none."""
    name = str(each.get("name", ""))
    scrape = str((each.get("jsonData") or {}).get("timeInterval") or "")
    seconds = duration(scrape) if scrape else SCRAPE
    return Provisioned(str(each.get("uid") or name), name, str(each.get("type", "")), bool(each.get("isDefault")), seconds)
