"""`obscheck init`: looks at what is there, writes what is missing, and says what it could not know."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil
from os.path import normpath
from pathlib import Path

from pytest_obscheck.errors import ConfigError, Problem, did_you_mean
from pytest_obscheck.rulelab import lintexposition
from pytest_obscheck.rulelab.lintrules import RuleSet
from pytest_obscheck.scaffold.arranging import arranged
from pytest_obscheck.scaffold.exporters import Cast, cast, invented
from pytest_obscheck.scaffold.finding import Files, find
from pytest_obscheck.scaffold.paging import Page, pages
from pytest_obscheck.scaffold.plots import Plot
from pytest_obscheck.scaffold.trying import Trials
from pytest_obscheck.scaffold.writing import beat, beside, scrape, stack_text, story_text
from pytest_obscheck.stack import read
from pytest_obscheck.stack.planning import facts_of
from pytest_obscheck.when import spoken

STACK = "stack/stack.yaml"
STORIES = "scenarios"
PATIENCE = 30.0
"""Seconds of a story from which on faster than production's speed is recommended."""
FIRST = """\
# Written by `obscheck init`, which found no alert. TODO: claim something of your own.
name: the stack starts and answers

expect:
  - metric: {{expr: vector(1), is: "== 1"}}
    eventually: 0s .. {until}s
"""


def init_command(
    paths: Sequence[Path], root: Path, say: Callable[[str], None], against: str = "", promtool: Path | None = None
) -> int:
    """Write ``stack/stack.yaml`` and a story per alert below ``root``; nothing that exists is written again.

    ``against``: a Prometheus or a saved exposition, with which the rules are compared; else ``*.prom`` files that are there.
    ``promtool`` tries offline what the stories do; without it only what is plain is written.
    """
    if (root / STACK).exists():
        raise ConfigError([Problem(STACK, "it exists already, and is not written again", "move it away to begin anew")])
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise ConfigError([Problem(str(path), "there is no such file", _near(path)) for path in missing])
    files = find(paths, root)
    trials = Trials(promtool, scrape(files), beat(files), files.recordings) if promtool else None
    made, plots = arranged(files.alerts, files.recordings, lambda found: _cast(files, found), trials)
    wrong = _wrong(files, against)
    written = [_write(root / name, text, say, root) for name, text in _stack(files, made, root / "stack")]
    facts, problems = facts_of(read(root / STACK, root))
    told = pages(files, facts)
    stories = _stories(files, plots, lambda each: _story(each, beat(files), made, wrong, told.get(each.rule.name, ())))
    written += [_write(root / name, text, say, root) for name, text in stories]
    for note in (*files.notes, *_noted((*problems, *facts.notes))):
        say(f"note: {note}\n")
    for words in _sum_up(files, plots, made, sum(written), wrong):
        say(words)
    return 0


def _noted(found: Sequence[Problem]) -> Iterator[Problem]:
    """Yield what is wrong in the files of the new stack, and what programs accept and is hardly meant, seen from its root."""
    for each in dict.fromkeys(found):
        yield replace(each, where=normpath(f"{Path(STACK).parent}/{each.where}"))


def _cast(files: Files, plots: Sequence[Plot]) -> Cast:
    if files.prometheus or files.jobs:
        return cast(files.prometheus.value if files.prometheus else {}, files.jobs)
    return invented(plots)


def _near(path: Path) -> str:
    here = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    said = did_you_mean(path.name, here)
    return said if said.startswith("did you mean") else ""


def _stack(files: Files, made: Cast, folder: Path) -> Iterator[tuple[str, str]]:
    yield STACK, stack_text(files, made, folder)
    yield from ((f"{folder.name}/{name}", text) for name, text in beside(files, made, folder))


def _stories(files: Files, plots: Sequence[Plot], text: Callable[[Plot], str]) -> Iterator[tuple[str, str]]:
    if not plots:
        yield f"{STORIES}/starts.obs.yaml", FIRST.format(until=ceil(4 * beat(files)))
    seen: dict[str, int] = {}
    for each in plots:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", each.rule.name).strip("-.") or "alert"
        seen[name] = seen.get(name, 0) + 1
        number = f"-{seen[name]}" if seen[name] > 1 else ""
        yield f"{STORIES}/{name}{number}.obs.yaml", text(each)


def _story(each: Plot, pace: float, made: Cast, wrong: Mapping[str, list[str]], told: Sequence[Page]) -> str:
    return story_text(each, pace, wrong.get(each.rule.name, ()), told, active=each.rule.name in made.always)


def _write(path: Path, text: str, say: Callable[[str], None], root: Path) -> bool:
    shown = path.relative_to(root)
    if path.exists():
        say(f"note: {shown}: it exists already, and is not written again\n")
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def _wrong(files: Files, against: str) -> dict[str, list[str]]:
    """Return what the alerts ask for and is not exposed, by their names, as far as something says what is exposed."""
    rules, found = RuleSet(tuple(files.every)), dict[str, list[str]]()
    for source in [against] if against else map(str, files.exposed):
        for finding in lintexposition.check(rules, lintexposition.known(source)):
            name, _, what = finding.what.removeprefix("alert ").partition(": ")
            found.setdefault(name, []).append(f"{what}; {finding.right}" if finding.right else what)
    return found


def _sum_up(files: Files, plots: Sequence[Plot], made: Cast, written: int, wrong: Mapping[str, list[str]]) -> Iterator[str]:
    told = f"a story for each of {len(plots)} alerts" if plots else "a first story, for there is no alert,"
    yield f"{written} files written: {STACK}, and {told} in {STORIES}/.\n"
    unknown = [*_unclear(plots, made), *_unsure(files, made, wrong, plots)]
    if unknown:
        yield "What is not known, and is yours to say:\n"
        yield from (f"- {each}\n" for each in unknown)
    longest = max((each.firing(beat(files)) for each in plots if not each.unclear), default=0.0)
    if longest > PATIENCE:
        slow = f"at the speed of production a story takes up to {spoken(longest)}"
        yield f"Next: pytest --obs-stack --obs-speed auto scenarios ({slow})\n"
    else:
        yield "Next: pytest --obs-stack scenarios\n"


def _unclear(plots: Sequence[Plot], made: Cast) -> Iterator[str]:
    for each in plots:
        if each.unclear:
            state = "active" if each.rule.name in made.always else "quiet"
            where = f"{each.rule.file}:{each.rule.lines['alert']}"
            yield f"{where}: {each.rule.name}: {each.unclear}; its story only shows that it is {state}"


def _unsure(files: Files, made: Cast, wrong: Mapping[str, list[str]], plots: Sequence[Plot]) -> Iterator[str]:
    """Yield what the files could not say about the stack as a whole."""
    for name, found in wrong.items():
        yield from (f"{name}: {what}" for what in found)
    if plots and not files.exposed and not wrong:
        yield (
            "whether the rules are spelt right: the series are made up of them, so what is misspelt there is misspelt in both; "
            "`obscheck lint RULES --against URL` asks a live Prometheus"
        )
    if made.finding:
        jobs = ", ".join(job for job, _ in made.finding)
        yield f"what service discovery finds: jobs {jobs}; `obscheck targets URL` captures it"
    if files.alertmanager is None:
        yield "where alerts go: there is no alertmanager.yml, and no story claims a notification"
    if files.composed or files.manifests:
        yield f"what starts your services on this machine: {STACK} has them as comments"
