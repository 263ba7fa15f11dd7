"""How long ``obscheck speed --check`` takes over a folder of rules: every exact one proved at two factors.

Run it: ``python tests/performance/speed.py FOLDER [N]`` (for a thousand alerts half a minute on two free cores). It is red
when a rule is not classified, an exact one is found to be different, or it takes longer than a minute.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.rulelab.speeding import Asked, check_sheet, speed_sheet
from pytest_obscheck.toolchain import find

LIMIT = 60.0


def main(folder: Path, by: str) -> int:
    """Measure, print one table, and return the exit code."""
    clock = SystemClock()
    begin = clock.now()
    asked = Asked([folder], by)
    sheet = check_sheet(asked, speed_sheet(asked), find("promtool").path)
    took = clock.now() - begin
    grades = Counter(row.finding.grade.value for row in sheet.rows)
    proofs = Counter(row.outcome.proof.value for row in sheet.rows if row.outcome)
    said = [
        f"{took:.1f} s for {len(sheet.rows)} rules at {[float(by) for by in sheet.factors]}",
        str(dict(grades)),
        str(dict(proofs)),
    ]
    sys.stdout.write("\n".join(said) + "\n")
    return 0 if sheet.proved and took <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "60"))
