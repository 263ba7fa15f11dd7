"""`obscheck init`: looks at what is there, writes what is missing, and says what it could not know."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path

from pytest_obscheck.errors import ConfigError, Problem, did_you_mean
from pytest_obscheck.scaffold.exporters import Cast, cast, invented
from pytest_obscheck.scaffold.finding import Files, find
from pytest_obscheck.scaffold.plots import Plot, plot
from pytest_obscheck.scaffold.writing import OWN, beat, prometheus_text, stack_text, story_text

STACK = "stack/stack.yaml"
STORIES = "scenarios"
FIRST = """\
# Written by `obscheck init`, which found no alert. TODO: claim something of your own.
name: the stack starts and answers

expect:
  - metric: {{expr: vector(1), is: "== 1"}}
    eventually: 0s .. {until}s
"""


def init_command(paths: Sequence[Path], root: Path, say: Callable[[str], None]) -> int:
    """Write ``stack/stack.yaml`` and a story per alert below ``root``; nothing that exists is written again."""
    if (root / STACK).exists():
        raise ConfigError([Problem(STACK, "it exists already, and is not written again", "move it away to begin anew")])
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise ConfigError([Problem(str(path), "there is no such file", _near(path)) for path in missing])
    files = find(paths, root)
    plots = [plot(rule, files.recordings) for rule in files.alerts]
    made = cast(files.prometheus) if files.prometheus else invented(plots)
    plots = [made.settled(each) for each in plots]
    written = [_write(root / name, text, say, root) for name, text in _texts(files, made, plots, root / "stack")]
    for note in files.notes:
        say(f"note: {note}\n")
    _sum_up(plots, made, sum(written), say)
    return 0


def _near(path: Path) -> str:
    here = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    said = did_you_mean(path.name, here)
    return said if said.startswith("did you mean") else ""


def _texts(files: Files, made: Cast, plots: Sequence[Plot], folder: Path) -> list[tuple[str, str]]:
    texts = [(STACK, stack_text(files, made, folder))]
    if files.prometheus is None:
        texts.append((f"stack/{OWN}", prometheus_text(files, made, folder)))
    pace = beat(files)
    if not plots:
        texts.append((f"{STORIES}/starts.obs.yaml", FIRST.format(until=ceil(4 * pace))))
    seen: dict[str, int] = {}
    for each in plots:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", each.rule.name).strip("-.") or "alert"
        seen[name] = seen.get(name, 0) + 1
        number = f"-{seen[name]}" if seen[name] > 1 else ""
        texts.append((f"{STORIES}/{name}{number}.obs.yaml", story_text(each, made, pace)))
    return texts


def _write(path: Path, text: str, say: Callable[[str], None], root: Path) -> bool:
    shown = path.relative_to(root)
    if path.exists():
        say(f"note: {shown}: it exists already, and is not written again\n")
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def _sum_up(plots: Sequence[Plot], made: Cast, written: int, say: Callable[[str], None]) -> None:
    open_ones = [each for each in plots if each.unclear]
    told = f"a story for each of {len(plots)} alerts" if plots else "a first story, for there is no alert,"
    say(f"{written} files written: {STACK}, and {told} in {STORIES}/.\n")
    if open_ones:
        say(f"TODO: {len(open_ones)} stories only show that their alert is quiet; each says why:\n")
        say("".join(f"  {each.rule.file}:{each.rule.lines['alert']}: {each.rule.name}: {each.unclear}\n" for each in open_ones))
    if made.finding:
        jobs = ", ".join(job for job, _ in made.finding)
        say(f"TODO: what service discovery finds is not known: jobs {jobs}; `obscheck targets URL` captures it.\n")
    say("Next: pytest --obs-stack scenarios\n")
