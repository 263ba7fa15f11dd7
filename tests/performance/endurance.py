"""All shipped stories, again and again: their verdicts must be the same each time.

Run it: ``python tests/performance/endurance.py --runs 30 [--busy]`` (about 20 seconds a run). With ``--busy`` both cores have
something else to do: there must be no wrong verdict, and every unknown is named.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from figures import USUAL, a_project

from pytest_obscheck.clock import SystemClock

CORE = ("dead-service.obs.yaml", "full-disk.obs.yaml", "slow-dependency.obs.yaml", "test_calm.py")
"""The stories that are played again and again."""

BURN = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))\n"
"""Keeps one core busy, until whoever started it is gone."""


def main() -> int:
    """Play, count, and say what was not as it should be; 1 for a wrong verdict, or for any unknown on an idle machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--busy", action="store_true", help="beside a load on every core")
    asked = parser.parse_args()
    verdicts: Counter[str] = Counter()
    clock = SystemClock()
    with a_project() as home, burning(os.cpu_count() or 1 if asked.busy else 0):
        for number in range(1, asked.runs + 1):
            begun = clock.now()
            found = dict(play(home, number))
            verdicts.update(found.values())
            say(f"run {number}: {clock.now() - begun:.1f} s, {', '.join(f'{s} {v}' for s, v in found.items())}")
    say(f"{asked.runs} runs, {'busy' if asked.busy else 'idle'}: {', '.join(f'{n} {v}' for v, n in verdicts.items())}")
    allowed = {"passed", "unknown"} if asked.busy else {"passed"}
    return 0 if set(verdicts) <= allowed else 1


def play(home: Path, number: int) -> Iterator[tuple[str, str]]:
    """Play all stories once; yield each with its verdict, and print what is not green."""
    report = home / f"report-{number}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--obs-stack", f"--obs-report={report}"]
    command += [f"scenarios/{story}" for story in CORE]
    done = subprocess.run(command, cwd=home, env=USUAL, capture_output=True, text=True, check=False)
    files = sorted(report.glob("*.xml"))
    if not files:
        say(done.stdout)
    for file in files:
        cases = ET.parse(file).findall(".//testcase")  # noqa: S314 - our own report
        signs = [(case, sign) for case in cases for sign in case if sign.tag in ("failure", "error")]
        for case, sign in signs:
            say(f"    {file.stem}: {sign.tag}: {case.attrib['name']}: {sign.attrib['message']}")
        head = file.with_suffix(".txt").read_text(encoding="utf-8").partition("\n")[0]
        yield file.stem.removeprefix("scenarios-"), head.rpartition(" ")[2]
    if len(files) < len(CORE):
        say(done.stdout[-2000:])
        yield "others", "not played"


@contextmanager
def burning(cores: int) -> Iterator[None]:
    """Keep some cores busy."""
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(cores)]
    try:
        yield
    finally:
        for burner in burners:
            with suppress(ProcessLookupError):
                burner.kill()
            burner.wait()


def say(words: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
