"""A spec file → objectives, whichever of the two formats it has."""

from __future__ import annotations

from pathlib import Path

from pytest_obscheck.objective import Objective
from pytest_obscheck.reading import refuse
from pytest_obscheck.slo._spec import documents
from pytest_obscheck.slo.openslo import openslo
from pytest_obscheck.slo.sloth import sloth


def read_spec(path: Path, name: str = "") -> list[Objective]:
    """Return the objectives of an OpenSLO or a Sloth file; ``ConfigError`` holds every problem in it.

    Messages call the file by ``name``.
    """
    reader, specs = documents(path, name)
    theirs = any(spec.text("apiVersion", default="").startswith("openslo") for spec in specs)
    found = openslo(specs) if theirs else sloth(specs)
    refuse(reader.problems)
    return found
