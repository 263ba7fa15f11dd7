"""The configuration file of the synthetic target, as its component writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.synthetic.details import created, exemplar
from pytest_obscheck.synthetic.exposition import Page, Written, page
from pytest_obscheck.synthetic.notation import labels, samples


@dataclass(frozen=True)
class Config:
    """What is exposed, where, how fast its time passes, and the file that keeps when the story began."""

    http: str
    control: str
    page: Page
    speed: float
    story: Path


def read(path: Path) -> Config:
    """Read a configuration file; ``ConfigError`` where it cannot be."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        listen = raw["listen"]
        shown = page([_written(each) for each in raw["series"]], float(raw["interval"]))
        return Config(listen["http"], listen["control"], shown, float(raw["speed"]), Path(raw["story"]))
    except OSError as error:
        raise ConfigError([Problem(str(path), f"cannot be read ({error.strerror})")]) from None
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigError([Problem(str(path), f"is not what the component writes ({error})")]) from None


def _written(raw: Mapping[str, str]) -> Written:
    return Written(
        labels(raw["series"]),
        samples(raw["values"]),
        raw.get("type", ""),
        exemplar(raw["exemplar"]) if "exemplar" in raw else None,
        created(raw["created"]) if "created" in raw else None,
    )
