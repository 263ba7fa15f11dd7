"""What is here and what is not: every program of the index, and what the machine allows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_obscheck.toolchain.index import Index, the_index
from pytest_obscheck.toolchain.machine import ALL_CHECKS, Check
from pytest_obscheck.toolchain.programs import Missing, exactly


@dataclass(frozen=True)
class Row:
    """One line of the doctor's table; ``needed`` is false for what only some stories want."""

    what: str
    found: bool
    version: str = ""
    where: str = ""
    mend: str = ""
    needed: bool = True


def doctor(
    environment: Mapping[str, str] | None = None, index: Index | None = None, checks: Iterable[Check] = ALL_CHECKS
) -> list[Row]:
    """Return a row for every program of the index, then one for everything that the machine may allow."""
    around = dict(os.environ if environment is None else environment)
    known = index or the_index()
    names = [*known.names(), *known.others()]
    return [*(_program(name, around, known) for name in names), *(_machine(check, around) for check in checks)]


def _program(name: str, environment: Mapping[str, str], index: Index) -> Row:
    found = exactly(name, environment, index)
    needed = name in index.usual()
    if isinstance(found, Missing):
        return Row(name, found=False, where=found.why, mend=f"obscheck install {name}", needed=needed)
    return Row(name, found=True, version=found.version, where=f"{found.path} ({found.source})", needed=needed)


def _machine(check: Check, environment: Mapping[str, str]) -> Row:
    finding = check.look(environment)
    return Row(check.what, finding.there, finding.version, finding.words, "" if finding.there else check.without, needed=False)


def doctor_text(rows: Sequence[Row]) -> str:
    """Return the rows as an aligned table, and one line on how many programs are missing."""
    lines = [("✓" if row.found else "✗" if row.needed else "·", row.what, row.version, row.where, row.mend) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, [*widths, 0], strict=True)).rstrip() for line in lines]
    return "\n".join([*table, "", _summary(rows)])


def _summary(rows: Sequence[Row]) -> str:
    gone = [row.what for row in rows if row.needed and not row.found]
    if not gone:
        return "every program is there"
    return f"{len(gone)} of {sum(row.needed for row in rows)} programs missing; run: obscheck install {' '.join(gone)}"
