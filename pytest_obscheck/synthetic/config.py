"""The configuration file of the synthetic target, as its component writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.synthetic.exposition import Page, page
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
        series = [(labels(each["series"]), samples(each["values"]), each.get("type", "")) for each in raw["series"]]
        listen = raw["listen"]
        shown = page(series, float(raw["interval"]))
        return Config(listen["http"], listen["control"], shown, float(raw["speed"]), Path(raw["story"]))
    except OSError as error:
        raise ConfigError([Problem(str(path), f"cannot be read ({error.strerror})")]) from None
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigError([Problem(str(path), f"is not what the component writes ({error})")]) from None
