"""Stories as test items: which files hold them, which stack each needs, and in which order they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_obscheck.playing import BEGUN, Venue, played, session_of, stacks_at_once, venue_of

if TYPE_CHECKING:
    from pytest_obscheck.scenario import Scenario
    from pytest_obscheck.together import Offer

SUFFIX = ".obs.yaml"
MARKER = "obs_stack"
NAMED = 3
"""How many stories that are played at the same time are named, unless ``-v`` asks for all."""

Round = list[tuple[Venue, list["StoryItem"]]]
"""Units that are played at the same time, each on a stack of its own: where, and which stories."""

ROUNDS: pytest.StashKey[dict[Venue, list[Round]]] = pytest.StashKey()
WAITS: pytest.StashKey[list[str]] = pytest.StashKey()


def is_story_file(path: Path, config: pytest.Config) -> bool:
    """Whether it is a ``*.obs.yaml``, or what the ini option ``obs_scenarios`` names; no other YAML."""
    if path.suffix not in (".yaml", ".yml"):
        return False
    shown = str(path.relative_to(config.rootpath)) if path.is_relative_to(config.rootpath) else ""
    return path.name.endswith(SUFFIX) or any(fnmatch(shown, pattern) for pattern in config.getini("obs_scenarios"))


class StoryFile(pytest.File):
    """A YAML file with one story, or with one for each row of its table."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the stories; the mistakes in them are told with their lines."""
        from pytest_obscheck.errors import ConfigError  # noqa: PLC0415
        from pytest_obscheck.loader import load  # noqa: PLC0415

        name = self.path.name.removesuffix(SUFFIX).removesuffix(self.path.suffix)
        try:
            stories = load(self.path, self.config.rootpath)
        except ConfigError as error:
            raise self.CollectError(str(error)) from None
        for story in stories:
            yield StoryItem.from_parent(self, name=story.where.partition("::")[2] or name, story=story)


class StoryItem(pytest.Item):
    """One story as a test."""

    def __init__(self, *, story: Scenario, **kwargs: Any) -> None:
        """Keep the story."""
        super().__init__(**kwargs)
        self.story = story
        self.extra_keyword_matches.add(story.name)

    def runtest(self) -> None:
        """Play it and judge it."""
        played(self, self.story, story_venue(self), company(self))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the report, or the sentence; a stack trace only for what we did not foresee."""
        from pytest_obscheck.errors import ObscheckError  # noqa: PLC0415

        if isinstance(excinfo.value, ObscheckError):
            return str(excinfo.value)
        return excinfo.getrepr(style="short", tbfilter=lambda seen: seen.traceback.cut(path=Path(__file__)))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the story is."""
        return self.path, 0, self.story.name


def company(item: StoryItem) -> list[tuple[Venue, dict[str, Scenario]]]:
    """Return the stories that are to be played at the same time as an item's, itself included, by node id; unit by unit.

    None of them has been begun. Nothing where it is to be played alone.
    """
    config = item.config
    # A worker of xdist does not know which of the items it will get.
    if config.option.obs_control or hasattr(config, "workerinput"):
        return []
    begun = config.stash.get(BEGUN, set())
    if item.nodeid in begun:
        return []
    units = [
        (venue, {other.nodeid: other.story for other in unit if other.nodeid not in begun}) for venue, unit in _round(item)
    ]
    return [(venue, unit) for venue, unit in units if unit]


def _round(item: StoryItem) -> Round:
    """Return the items that are played together with this one; what they are is decided once for each venue."""
    session_of(item.config, story_venue(item), item.nodeid)
    # Only now is it known whether a speed that is chosen for it is one.
    venue = story_venue(item)
    decided = item.config.stash.setdefault(ROUNDS, {})
    if venue not in decided:
        at_once = stacks_at_once(item.config)
        venues = [venue] if at_once == 1 else _venues(item)
        decided.update(dict.fromkeys(venues, _decided(item, venues, at_once)))
    return next((units for units in decided[venue] if any(item in unit for _, unit in units)), [(venue, [item])])


def _venues(item: StoryItem) -> list[Venue]:
    """Return where stories are played, as far as stacks can be used there; those that cannot are told where they are needed."""
    from pytest_obscheck.errors import ObscheckError  # noqa: PLC0415

    found: dict[Venue, None] = {}
    for each in filter(_is_played, item.session.items):
        with suppress(ObscheckError):
            session_of(item.config, story_venue(each), each.nodeid)
            found[story_venue(each)] = None
    return list(found)


def _decided(item: StoryItem, venues: Sequence[Venue], at_once: int) -> list[Round]:
    from pytest_obscheck.together import rounds  # noqa: PLC0415

    items = {each.story.where: each for each in item.session.items if isinstance(each, StoryItem)}
    made = rounds([_offer(item, venue, at_once) for venue in venues], at_once)
    return [
        [(venues[unit.offer], [items[story.where] for story in unit.batch.stories]) for unit in together] for together in made
    ]


def _offer(item: StoryItem, venue: Venue, at_once: int) -> Offer:
    """Return what is to be played on a venue."""
    from pytest_obscheck.together import Offer, batches, experiments  # noqa: PLC0415

    session = session_of(item.config, venue, item.nodeid)
    played = [each for each in item.session.items if isinstance(each, StoryItem) and _is_played(each)]
    stories = [each.story for each in played if story_venue(each) == venue and session.playable(each.story)]
    shared = batches([story for story in stories if story.share], session.plan.facts)
    item.config.stash.setdefault(WAITS, []).extend(words for batch in shared for words in batch.waits)
    own = experiments([story for story in stories if not story.share])
    copies = session.file.copies or (1 if session.file.attached else at_once)
    return Offer([*shared, *own], copies, session.plan.pace.by)


def _is_played(item: pytest.Item) -> bool:
    """Whether an item is a story that is going to be played."""
    return isinstance(item, StoryItem) and item.get_closest_marker("skip") is None


def together(config: pytest.Config) -> list[str]:
    """Return, in words, which stories were played at the same time."""
    begun = config.stash.get(BEGUN, set())
    # Rounds of several venues are those of each.
    every = {id(units): units for decided in config.stash.get(ROUNDS, {}).values() for units in decided}
    most = None if config.option.verbose > 0 else NAMED
    return [_words(units, most) for units in every.values() if len(_all_of(units)) > 1 and _all_of(units) <= begun]


def _all_of(units: Round) -> set[str]:
    return {item.nodeid for _, unit in units for item in unit}


def _words(units: Round, most: int | None) -> str:
    names = [repr(item.story.name) for _, unit in units for item in unit]
    where = f", on {len(units)} stacks" if len(units) > 1 else ""
    more = f" and {len(names) - most} more" if most is not None and len(names) > most else ""
    return f"{len(names)} stories at the same time{where}: {', '.join(names[:most])}{more}"


def needs_stack(item: pytest.Item) -> bool:
    """Whether an item is a story, or a test that uses a running stack."""
    return isinstance(item, StoryItem) or bool({"scenario", "obs_stack"} & set(getattr(item, "fixturenames", ())))


def story_venue(item: pytest.Item) -> Venue:
    """Return where an item is played: what its story or its marker names, else what the run's options do."""
    marker = item.get_closest_marker(MARKER)
    named = "".join(map(str, marker.args)) if marker else ""
    speed, instant = (str(marker.kwargs.get(word, "")) if marker else "" for word in ("speed", "instant"))
    if isinstance(item, StoryItem):
        named, speed, instant = item.story.stack, item.story.speed, item.story.instant
    return venue_of(item.config, item.path.parent / named if named else None, speed, instant)


def played_on(venue: Venue, items: Sequence[pytest.Item]) -> bool:
    """Whether any item is played on a venue; also where none needs a stack."""
    wanted = {story_venue(item) for item in items if needs_stack(item)}
    return venue in wanted or not wanted


def neighbours(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the items in an order in which files that need the same stack follow each other.

    No file is taken apart, and only files that need a stack change places, among themselves.
    """
    files = [list(group) for _, group in groupby(items, lambda item: item.path)]
    stacks = [next((story_venue(item) for item in file if needs_stack(item)), None) for file in files]
    first = {stack: at for at, stack in reversed(list(enumerate(stacks)))}
    places = [at for at, stack in enumerate(stacks) if stack is not None]
    ordered = dict(zip(places, sorted(places, key=lambda at: first[stacks[at]]), strict=True))
    return [item for at in range(len(files)) for item in files[ordered.get(at, at)]]


def last_of_each(items: Sequence[pytest.Item]) -> dict[str, Venue]:
    """Return the node id of the last item of each stack, with that stack."""
    last = {story_venue(item): item.nodeid for item in items}
    return {nodeid: venue for venue, nodeid in last.items()}
