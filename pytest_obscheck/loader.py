"""YAML → Scenario, or file:line and why not; and what only a stack can say about a scenario."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_obscheck import registry, table
from pytest_obscheck.abilities import AboutAlert
from pytest_obscheck.errors import ConfigError, Problem, did_you_mean, shown_as
from pytest_obscheck.plan import Plan
from pytest_obscheck.reading import Mismatch, Node, Reader, chosen_instant, convert, refuse
from pytest_obscheck.scenario import Claim, Planned, Scenario, hangs_on_itself, unnamed
from pytest_obscheck.speed.factor import factor
from pytest_obscheck.when import SPANS, Never, Phrase, Window, Within, seconds, spoken

KEYS = ("name", "load", "faults", "expect", "share", "stack", "speed", "instant", table.KEY)


def load(path: Path, root: Path | None = None) -> tuple[Scenario, ...]:
    """Read the stories of a file: one, or one for each row of its table.

    ``ConfigError`` holds every problem in it. Messages call the file by its path below ``root``.
    """
    reader = Reader(path, shown_as(path, root))
    node = reader.root()
    stories = []
    for telling in table.tellings(reader, node) if node is not None else ():
        story = _Story(reader, telling.row)
        story.read(telling.story)
        stories.append(story)
    # A mistake in what the rows have in common is one mistake.
    refuse(list(dict.fromkeys(reader.problems)))
    return tuple(story.scenario() for story in stories)


@dataclass
class _Story:
    """A story while its file is read."""

    reader: Reader
    row: str = ""
    name: str = ""
    share: bool = False
    stack: str = ""
    speed: str = ""
    instant: str = ""
    loads: list[Planned] = field(default_factory=list)
    faults: list[Planned] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    def read(self, node: Node) -> None:
        """Read the top-level mapping."""
        parts = {
            "name": self._name,
            "share": self._share,
            "stack": self._stack,
            "speed": self._speed,
            "instant": self._instant,
            "load": self._loads,
            "faults": self._faults,
            "expect": self._expect,
        }
        for key, at, value in self.reader.entries(node, "a story"):
            if key in parts:
                parts[key](value)
            else:
                self.reader.problem(at, f"a story has no {key!r}", did_you_mean(key, KEYS))
        if not self.claims and not self.reader.problems:
            self.reader.problem(node, "the story claims nothing", "add 'expect:' with at least one entry")
        self._anchors()

    def scenario(self) -> Scenario:
        """Return the story as data."""
        name = self.name or self.row or self.reader.path.name.removesuffix(".obs.yaml")
        parts = tuple(self.loads), tuple(self.faults), tuple(self.claims)
        where = f"{self.reader.name}::{self.row}" if self.row else self.reader.name
        return Scenario(name, *parts, self.share, self.stack, self.speed, self.instant, where)

    def _name(self, node: Node) -> None:
        self.name = self._converted(node, str, "name") or ""

    def _share(self, node: Node) -> None:
        self.share = bool(self._converted(node, bool, "share"))

    def _stack(self, node: Node) -> None:
        given = self._converted(node, str, "stack") or ""
        path = (self.reader.path.parent / given).resolve()
        if path.is_file():
            self.stack = str(path)
        else:
            known = (str(each.relative_to(path.parent)) for each in path.parent.glob("*.y*ml"))
            self.reader.problem(node, f"stack: no file {given!r}", did_you_mean(path.name, known))

    def _speed(self, node: Node) -> None:
        self.speed = self._converted(node, str, "speed") or ""
        try:
            factor(self.speed)
        except ConfigError as error:
            self.reader.problem(node, f"speed: {error.problems[0].what}", error.problems[0].right)

    def _instant(self, node: Node) -> None:
        self.instant = chosen_instant(self.reader, node)

    def _loads(self, node: Node) -> None:
        for item in self.reader.items(node, "load"):
            self._planned(item, "loads", self.loads)

    def _faults(self, node: Node) -> None:
        for item in self.reader.items(node, "faults"):
            self._planned(item, "faults", self.faults)

    def _planned(self, item: Node, kind: str, into: list[Planned]) -> None:
        entry = self._entry(item, kind, ("from", "until", "as"))
        if entry is None:
            return
        what = self._extension(kind, entry)
        window = self._from_until(entry)
        name = self._as(entry) or unnamed(entry.name, [planned.name for planned in (*self.loads, *self.faults)])
        # What could not be read keeps its name all the same: a claim that hangs on it is not wrong, too.
        into.append(Planned(what, window or Window(0.0, 0.0), name, self._where(item)))

    def _expect(self, node: Node) -> None:
        for item in self.reader.items(node, "expect"):
            entry = self._entry(item, "expectations", (*SPANS, "within", "after", "as", "warm"))
            if entry is None:
                continue
            what = self._extension("expectations", entry)
            phrase = self._phrase(entry)
            warm = self._converted(entry.rest["warm"], bool, "warm") if "warm" in entry.rest else True
            self.claims.append(Claim(what, phrase or Never(Window(0.0, 0.0)), self._as(entry), bool(warm), self._where(item)))

    def _entry(self, item: Node, kind: str, words: tuple[str, ...]) -> _Entry | None:
        """Split an entry into its one registered name and the words of time around it."""
        named: list[tuple[str, Node, Node]] = []
        rest: dict[str, Node] = {}
        before = len(self.reader.problems)
        known = registry.names(kind)
        for key, at, value in self.reader.entries(item, "an entry"):
            if key in words:
                rest[key] = value
            elif key in known:
                named.append((key, at, value))
            else:
                self.reader.problem(at, f"no {kind.rstrip('s')} called {key!r}", did_you_mean(key, [*known, *words]))
        if len(named) == 1:
            return _Entry(*named[0], rest)
        if len(self.reader.problems) == before:
            said = f"has {len(named)} names: {', '.join(name for name, _, _ in named)}" if named else "names nothing"
            self.reader.problem(item, f"the entry {said}", f"an entry has one of: {', '.join(known)}")
        return None

    def _extension(self, kind: str, entry: _Entry) -> Any:
        cls = registry.find(kind, entry.name)
        built = self.reader.build(cls, entry.value, entry.name)
        if built is not None and kind == "loads":
            return beside(built, self.reader.path.parent)
        return built

    def _from_until(self, entry: _Entry) -> Window | None:
        missing = [word for word in ("from", "until") if word not in entry.rest]
        if missing:
            self.reader.problem(
                entry.at,
                f"{entry.name} has no {' and no '.join(repr(word) for word in missing)}",
                "write 'from: 10s' and 'until: 40s'",
            )
            return None
        ends = [self._seconds(entry.rest[word], word) for word in ("from", "until")]
        if ends[0] is None or ends[1] is None:
            return None
        return self._window(entry.rest["from"], lambda: Window(ends[0] or 0.0, ends[1] or 0.0))

    def _phrase(self, entry: _Entry) -> Phrase | None:
        spans = [word for word in SPANS if word in entry.rest]
        late = [word for word in ("within", "after") if word in entry.rest]
        right = "write one of 'eventually', 'always', 'never', 'once' with '10s .. 20s', or 'within: 20s' and 'after: …'"
        if len(spans) + bool(late) != 1:
            said = f"{' and '.join([*spans, *late])} together" if spans or late else "does not say when"
            self.reader.problem(entry.at, f"{entry.name}: {said}", right)
            return None
        if spans:
            node = entry.rest[spans[0]]
            text = self._converted(node, str, spans[0])
            window = None if text is None else self._window(node, lambda: Window.parse(text))
            return SPANS[spans[0]](window) if window else None
        if len(late) == 1:
            self.reader.problem(entry.at, f"{entry.name} has {late[0]!r} alone", "'within' and 'after' go together")
            return None
        limit, after = self._seconds(entry.rest["within"], "within"), self._converted(entry.rest["after"], str, "after")
        if after == "":
            self.reader.problem(
                entry.rest["after"], "after: names nothing", "write the name of a fault, 'cure of NAME' or a claim"
            )
        return Within(limit, after) if limit is not None and after else None

    def _window(self, node: Node, make: Callable[[], Window]) -> Window | None:
        try:
            return make()
        except ValueError as error:
            what, _, right = str(error).partition("; ")
            self.reader.problem(node, what, right)
            return None

    def _seconds(self, node: Node, word: str) -> float | None:
        text = self._converted(node, str, word)
        try:
            return None if text is None else seconds(text)
        except ValueError as error:
            what, _, right = str(error).partition("; ")
            self.reader.problem(node, f"{word}: {what}", right)
            return None

    def _converted(self, node: Node, wanted: type, word: str) -> Any:
        try:
            return convert(node, wanted)
        except Mismatch as error:
            self.reader.problem(node, f"{word}: {error}")
            return None

    def _as(self, entry: _Entry) -> str:
        return self._converted(entry.rest["as"], str, "as") or "" if "as" in entry.rest else ""

    def _where(self, node: Node) -> str:
        return f"{self.reader.name}:{node.start_mark.line + 1}"

    def _anchors(self) -> None:
        scenario = self.scenario()
        self.reader.problems.extend(anchor_problems(scenario))


@dataclass(frozen=True)
class _Entry:
    """One entry of a list: its registered name, that key's node, its value, and the other words."""

    name: str
    at: Node
    value: Node
    rest: Mapping[str, Node]


def beside(what: Any, folder: Path) -> Any:
    """Make a relative ``file`` of a load one that starts at the story's folder."""
    given = getattr(what, "file", "")
    return dataclasses.replace(what, file=str((folder / given).resolve())) if given else what


def anchor_problems(scenario: Scenario) -> list[Problem]:
    """Return a problem for each name that two entries have, and for each ``after`` that does not lead to one moment."""
    problems = list(_doubled(scenario))
    for claim in scenario.claims:
        after = claim.phrase.after if isinstance(claim.phrase, Within) else ""
        if after:
            problems.extend(Problem(claim.where, *wrong) for wrong in _astray(claim, after, scenario))
    return problems


def _doubled(scenario: Scenario) -> Iterable[Problem]:
    """Say which entries have the name of another: what happens to one would be told of both."""
    taken: set[str] = set()
    entries: list[Planned | Claim] = [*scenario.loads, *scenario.faults, *scenario.claims]
    for entry in entries:
        if entry.name and entry.name in taken:
            yield Problem(entry.where, f"two entries are called {entry.name!r}", "give each a name of its own with 'as:'")
        taken.add(entry.name)


def _astray(claim: Claim, after: str, scenario: Scenario) -> Iterable[tuple[str, str]]:
    """Say what is wrong with the ``after`` of a claim, and what would be right."""
    names = [fault.name for fault in scenario.faults]
    known = [*names, *(f"cure of {name}" for name in names), *(each.name for each in scenario.claims if each.name)]
    bare = after.removeprefix("cure of ")
    if after not in known:
        near = did_you_mean(bare, names) if bare != after else did_you_mean(after, known)
        yield f"no fault called {bare!r}", near if near.startswith("did you mean") else _called(bare, known)
    elif f"{bare} 2" in names:
        yield f"there are several faults called {bare!r}", "name one with 'as:'"
    elif hangs_on_itself(claim, scenario.claims):
        yield f"the claim comes after {after!r}, which waits for this claim", "let one of them begin with a fault or a window"


def _called(name: str, known: Sequence[str]) -> str:
    """Return what there is to come after, and how an entry gets a name."""
    right = f"an entry gets that name by 'as: {name}'"
    return (
        f"{right}; without, it has that of its kind, here: {', '.join(known)}" if known else f"the story has no faults; {right}"
    )


def check(scenario: Scenario, plan: Plan) -> list[Problem]:
    """Return what is wrong with a scenario on a stack of this plan, before anything starts."""
    problems = [*anchor_problems(scenario), *_spans(scenario)]
    if not scenario.claims:
        problems.append(Problem(scenario.where, "the story claims nothing", "expect something of it"))
    for part in (*scenario.loads, *scenario.faults):
        problems.extend(_told(part.where or scenario.where, part.what.problems(plan)))
    for claim in scenario.claims:
        problems.extend(_told(claim.where or scenario.where, claim.expectation.problems(plan)))
        problems.extend(_unfit(claim, claim.where or scenario.where, plan))
    return list(dict.fromkeys(problems))


def _spans(scenario: Scenario) -> Iterable[Problem]:
    """Say which faults have no time in which they could be seen to work."""
    for fault in scenario.faults:
        if fault.window.end <= fault.window.start:
            where = fault.where or scenario.where
            yield Problem(
                where, f"{fault.name} lasts {spoken(fault.window.end - fault.window.start)}", "give it a longer window"
            )


def _unfit(claim: Claim, where: str, plan: Plan) -> Iterable[Problem]:
    """Say that the alert of a claim would be another one at the speed of this run."""
    name = claim.expectation.alertname() if isinstance(claim.expectation, AboutAlert) else ""
    if name in plan.pace.unfit:
        problem = plan.pace.unfit[name]
        yield Problem(where, f"{problem.what} ({problem.where})", f"{problem.right}, by `speed: 1` in the story")


def _told(where: str, problems: Iterable[str]) -> Iterable[Problem]:
    for problem in problems:
        what, _, right = problem.partition("; ")
        yield Problem(where, what, right)
