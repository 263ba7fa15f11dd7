"""Stories as test items: which files hold them, which stack each needs, and in which order they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import pytest

from pytest_obscheck.playing import LANES, Venue, lanes_of, played, session_of, venue_of

if TYPE_CHECKING:
    from pytest_obscheck.lanes import Lanes, Unit
    from pytest_obscheck.scenario import Scenario

SUFFIX = ".obs.yaml"
MARKER = "obs_stack"
NAMED = 3
"""How many stories that are played at the same time are named, unless ``-v`` asks for all."""

LISTED: pytest.StashKey[set[Venue]] = pytest.StashKey()
"""Where it is decided which stories are played at the same time."""

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
        played(self, self.story, story_venue(self), _lanes(self))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the report, or the sentence; a stack trace only for what we did not foresee."""
        from pytest_obscheck.errors import ObscheckError  # noqa: PLC0415

        if isinstance(excinfo.value, ObscheckError):
            return str(excinfo.value)
        return excinfo.getrepr(style="short", tbfilter=lambda seen: seen.traceback.cut(path=Path(__file__)))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the story is."""
        return self.path, 0, self.story.name


def _lanes(item: StoryItem) -> Lanes | None:
    """Return where an item's story is played at its turn; nothing where it is to be played alone, now."""
    config = item.config
    # A worker of xdist does not know which of the items it will get.
    if config.option.obs_control or hasattr(config, "workerinput"):
        return None
    session_of(config, story_venue(item), item.nodeid)
    lanes, listed = lanes_of(config), config.stash.setdefault(LISTED, set())
    # Only now is it known whether a speed that is chosen for it is one.
    if story_venue(item) not in listed:
        venues = [story_venue(item)] if lanes.at_once == 1 else _venues(item)
        for venue in venues:
            lanes.add(_units(item, venue, lanes.at_once))
        listed.update(venues)
    return lanes if lanes.knows(item.nodeid) else None


def _venues(item: StoryItem) -> list[Venue]:
    """Return where stories are played, as far as stacks can be used there; those that cannot are told where they are needed."""
    from pytest_obscheck.errors import ObscheckError  # noqa: PLC0415

    found: dict[Venue, None] = {}
    for each in filter(_is_played, item.session.items):
        with suppress(ObscheckError):
            session_of(item.config, story_venue(each), each.nodeid)
            found[story_venue(each)] = None
    return list(found)


def _units(item: StoryItem, venue: Venue, at_once: int) -> list[Unit]:
    """Return what is to be played on a venue."""
    from pytest_obscheck.lanes import Unit  # noqa: PLC0415
    from pytest_obscheck.together import batches, experiments, lasts, takes  # noqa: PLC0415

    session = session_of(item.config, venue, item.nodeid)
    there = [each for each in item.session.items if _is_played(each) and story_venue(each) == venue]
    items = {each.story.where: each for each in there if session.playable(each.story)}
    stories = [each.story for each in items.values()]
    shared = batches([story for story in stories if story.share], session.plan.facts)
    item.config.stash.setdefault(WAITS, []).extend(words for batch in shared for words in batch.waits)
    own = experiments([story for story in stories if not story.share])
    speed = session.plan.pace.by
    copies = session.file.copies or (1 if session.file.attached or speed > 1 else at_once)
    return [
        Unit(
            session,
            {items[story.where].nodeid: story for story in batch.stories},
            copies,
            alone=any(map(takes, batch.stories)),
            lasts=lasts(batch) / speed,
        )
        for batch in (*shared, *own)
    ]


def _is_played(item: pytest.Item) -> TypeGuard[StoryItem]:
    """Whether an item is a story that is going to be played."""
    return isinstance(item, StoryItem) and item.get_closest_marker("skip") is None


def together(config: pytest.Config) -> list[str]:
    """Return, in words, which stories were played at the same time."""
    if LANES not in config.stash:
        return []
    lanes, most = config.stash[LANES], None if config.option.verbose > 0 else NAMED
    said = [_words([story.name for story in unit.stories.values()], most) for unit in lanes.begun if len(unit.stories) > 1]
    return [*said, *([f"up to {lanes.most} stacks at the same time"] if lanes.most > 1 else [])]


def _words(stories: Sequence[str], most: int | None) -> str:
    more = f" and {len(stories) - most} more" if most is not None and len(stories) > most else ""
    return f"{len(stories)} stories at the same time: {', '.join(map(repr, stories[:most]))}{more}"


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
