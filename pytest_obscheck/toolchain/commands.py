"""What ``obscheck install`` and ``obscheck doctor`` do: words to a stream, and an exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TextIO

from pytest_obscheck.errors import InstallFailed, ProgramMissing
from pytest_obscheck.toolchain.checkup import doctor, doctor_text
from pytest_obscheck.toolchain.installation import install


def install_command(names: Sequence[str], via: str | None, out: TextIO, environment: Mapping[str, str] | None = None) -> int:
    """Install programs, telling every step; 0 when all are there, 1 when something failed, 2 for a name that is unknown."""
    try:
        install(list(names), via, partial(print, file=out, flush=True), environment)
    except ProgramMissing as error:
        print(error, file=out)
        return 2
    except InstallFailed as error:
        print(error, file=out)
        return 1
    return 0


def doctor_command(out: TextIO, environment: Mapping[str, str] | None = None) -> int:
    """Print the doctor's table; 0 when every program is there, else 1."""
    rows = doctor(environment)
    print(doctor_text(rows), file=out)
    return 0 if all(row.found for row in rows if row.needed) else 1
