"""Which stories can be played at the same time: what each changes, what its claims rest on, who would disturb whom. Pure.

What faults on named samples change can be told beforehand. It spreads through recording rules to alerts, and from alerts
through Alertmanager's grouping and inhibition to messages. Whatever cannot be decided is played alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations

from pytest_obscheck.abilities import (
    AboutAlert,
    AboutMessages,
    AboutSeries,
    AltersSamples,
    AsksService,
    TakesFromMachine,
    looks_behind,
)
from pytest_obscheck.matching import expanded, label_matches, words
from pytest_obscheck.plan import AlertRule, Facts, Inhibition, Matcher
from pytest_obscheck.scenario import Claim, Scenario, must_last, one_experiment
from pytest_obscheck.when import Never

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`')
_OPERATOR = re.compile(r"\b(?:and|or|unless|bool|atan2)\b")
_NAMELESS = re.compile(r"(?:^|[^\w:\s])\s*\{")
_ITSELF = re.compile(r"(?:ALERTS|ALERTS_FOR_STATE|(?:alertmanager|prometheus|scrape)_.*)")
"""What the monitoring tells of itself: whatever is altered may move it."""


@dataclass(frozen=True)
class Batch:
    """Stories that are played at the same time, and why those of them wait that could not be in an earlier batch."""

    stories: tuple[Scenario, ...]
    waits: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Reach:
    """What a story changes, and what bears on its verdicts; ``alone``: why that cannot be told.

    ``altered``: metrics. ``moves``: alerts that may change state.
    ``told``: alerts whose messages are claimed. ``reads``: metrics that claims rest on, ``None`` for any.
    """

    story: Scenario
    altered: frozenset[str] = frozenset()
    moves: tuple[AlertRule, ...] = ()
    told: tuple[AlertRule, ...] = ()
    reads: frozenset[str] | None = frozenset()
    alone: str = ""


@dataclass
class _Forming:
    reaches: list[_Reach]
    waits: list[str] = field(default_factory=list)


def batches(stories: Sequence[Scenario], facts: Facts) -> list[Batch]:
    """Return the stories in batches: no story of a batch can influence the verdict of another in it."""
    found: list[_Forming] = []
    for twins in experiments(stories):
        reaches = [_reach(story, facts) for story in twins.stories]
        hindrances = [_hindrances(reaches, batch.reaches, facts) for batch in found]
        if "" in hindrances:
            batch = found[hindrances.index("")]
            batch.reaches += reaches
        else:
            batch = _Forming(reaches)
            found.append(batch)
        if hindrances and hindrances[0]:
            batch.waits += [f"{story.name!r} waits: {hindrances[0]}" for story in twins.stories]
    return [Batch(tuple(reach.story for reach in batch.reaches), tuple(batch.waits)) for batch in found]


def experiments(stories: Sequence[Scenario]) -> list[Batch]:
    """Return stories in groups that do the same: one experiment each, whatever they claim of it.

    What claims ask of services themselves is part of it: services count such requests, and figures then hold them. Stories that
    share a stack say that this is nothing to them.
    """
    found: list[list[Scenario]] = []
    for story in stories:
        # Those that do nothing are no experiment.
        acts = bool(story.loads or story.faults)
        group = next((those for those in found if acts and all(_alike(each, story) for each in those)), None)
        if group is None:
            found.append([story])
        else:
            group.append(story)
    return [Batch(tuple(those)) for those in found]


def _alike(one: Scenario, other: Scenario) -> bool:
    return one_experiment(one, other) and ((one.share and other.share) or _asked(one) == _asked(other))


def _asked(story: Scenario) -> set[str]:
    """Return what the looks behind a story's claims ask of services."""
    return {look.asks() for look in looks_behind(claim.expectation for claim in story.claims) if isinstance(look, AsksService)}


def moved(stories: Iterable[Scenario], facts: Facts) -> set[str]:
    """Return the alerts that may change state while stories are played: all, where that cannot be told beforehand."""
    reaches = [_reach(story, facts) for story in stories]
    return {rule.name for reach in reaches for rule in (facts.alerts if reach.alone else reach.moves)}


def told(stories: Iterable[Scenario], facts: Facts) -> set[str]:
    """Return the alerts about whose messages stories claim something.

    Where one of them has fired shortly before, Alertmanager still has its group, and the next message waits for its interval.
    """
    claims = [claim for story in stories for claim in story.claims if _tells(claim)]
    return {rule.name for claim in claims for rule in _about(claim, facts)}


def takes(story: Scenario) -> str:
    """Return what a story takes from everybody on the machine; ``""`` for nothing."""
    every = (*(fault.what for fault in story.faults), *(claim.expectation for claim in story.claims))
    return next((words for each in every if isinstance(each, TakesFromMachine) and (words := each.takes())), "")


def lasts(batch: Batch) -> float:
    """Return the story second before which a batch cannot be over: something happens until then, or must not."""
    cures = [fault.window.end for story in batch.stories for fault in story.faults]
    return max([*map(must_last, batch.stories), *cures], default=0.0)


# ── what a story touches ─────────────────────────────────────────────────────


def _reach(story: Scenario, facts: Facts) -> _Reach:
    alone = next(_undecided(story, facts), "")
    if alone:
        return _Reach(story, alone=alone)
    altered = frozenset(name for fault in story.faults for name in fault.what.alters())
    told = {id(rule): rule for claim in story.claims if _tells(claim) for rule in _about(claim, facts)}
    calm = set(_calm(story))
    moved = tuple(rule for rule in _moved(altered, facts) if rule.name not in calm)
    return _Reach(story, altered, moved, tuple(told.values()), _reads(story, facts))


def _calm(story: Scenario) -> Iterator[str]:
    """Yield the alerts that a story claims never fire while it harms anything: where one does, that story itself is red."""
    harmed = max((fault.window.end for fault in story.faults), default=0.0)
    for claim in story.claims:
        if isinstance(claim.phrase, Never) and isinstance(claim.expectation, AboutAlert) and not _tells(claim):
            span = claim.phrase.span
            if span.start <= 0 and span.end >= harmed and not getattr(claim.expectation, "labels", None):
                yield claim.expectation.alertname()


def _undecided(story: Scenario, facts: Facts) -> Iterator[str]:
    """Yield why it cannot be told beforehand what a story changes, or what its verdicts rest on."""
    beforehand = "cannot be told beforehand"
    if not story.share:
        yield "it does not say share: true"
    for load in story.loads:
        yield f"what {load.what} change {beforehand}"
    for fault in story.faults:
        if not isinstance(fault.what, AltersSamples) or not fault.what.alters():
            yield f"what {fault.what} changes {beforehand}"
    for claim in story.claims:
        if not isinstance(claim.expectation, AboutSeries):
            yield f"what {str(claim.expectation)!r} rests on {beforehand}"
    renaming = next((name for name, text in facts.files.items() if re.search(r"target_label:\s*['\"]?__name__\b", text)), "")
    if renaming and story.faults:
        yield f"{renaming} renames metrics"


def _moved(altered: frozenset[str], facts: Facts) -> tuple[AlertRule, ...]:
    """Return the alerts that may change state with some metrics, through recording rules at any depth."""
    changes, before = set(altered), -1
    while len(changes) != before:
        before = len(changes)
        changes.update(name for name, expr in facts.recordings.items() if _meets(_words(expr), changes))
    return tuple(rule for rule in facts.alerts if _meets(_words(rule.expr), changes))


def _meets(reads: frozenset[str] | None, changes: Iterable[str]) -> str:
    """Return one of the changes that bears on what is read; ``""`` where none does."""
    every = sorted(changes)
    if reads is None:
        return next(iter(every), "")
    direct = next((name for name in every if name in reads), "")
    itself = next((name for name in sorted(reads) if _ITSELF.fullmatch(name)), "")
    return direct or (itself if every else "")


def _words(expr: str) -> frozenset[str] | None:
    """Return every name in a PromQL expression; ``None`` where it selects series without naming their metric."""
    bare = _OPERATOR.sub(",", _QUOTED.sub('""', expr))
    if "__name__" in bare or _NAMELESS.search(bare):
        return None
    return frozenset(words(bare))


def _reads(story: Scenario, facts: Facts) -> frozenset[str] | None:
    """Return every name that the claims of a story rest on; ``None`` for any."""
    behind: dict[str, list[str]] = {}
    for rule in facts.alerts:
        behind.setdefault(rule.name, []).append(rule.expr)
    exprs = {
        deep for claim in story.claims for expr in _exprs(claim, behind, facts) for deep in expanded(expr, facts.recordings)
    }
    words = [_words(expr) for expr in exprs]
    named = [each for each in words if each is not None]
    return frozenset().union(*named) if len(named) == len(words) else None


def _exprs(claim: Claim, behind: Mapping[str, Sequence[str]], facts: Facts) -> Iterator[str]:
    if isinstance(claim.expectation, AboutSeries):
        yield from claim.expectation.exprs(behind)
    yield from (rule.expr for rule in _about(claim, facts))


def _about(claim: Claim, facts: Facts) -> list[AlertRule]:
    """Return the alerts that a claim is about."""
    if not isinstance(claim.expectation, AboutAlert):
        return []
    wanted = claim.expectation.alertname()
    return [rule for rule in facts.alerts if not wanted or label_matches(rule.name, wanted)]


def _tells(claim: Claim) -> bool:
    return isinstance(claim.expectation, AboutMessages)


# ── who disturbs whom ────────────────────────────────────────────────────────


def _hindrances(newcomers: Sequence[_Reach], others: Sequence[_Reach], facts: Facts) -> str:
    return next((words for newcomer in newcomers if (words := _hindrance(newcomer, others, facts))), "")


def _hindrance(newcomer: _Reach, others: Sequence[_Reach], facts: Facts) -> str:
    """Return why a story cannot be played with others; ``""`` where it can."""
    if newcomer.alone:
        return newcomer.alone
    own = takes(newcomer.story)
    for other in others:
        if other.alone:
            return f"{other.story.name!r} is played alone ({other.alone})"
        if own != (taken := takes(other.story)):
            return f"it takes {own}" if own else f"{other.story.name!r} takes {taken}"
        names = {id(newcomer): "it", id(other): repr(other.story.name)}
        for doer, claimer in permutations((newcomer, other)):
            words = _disturbance(doer, claimer, facts)
            if words:
                return words.replace("\0", names[id(doer)]).replace("\1", names[id(claimer)])
    return ""


def _disturbance(doer: _Reach, claimer: _Reach, facts: Facts) -> str:
    r"""Return how one story bears on another; ``\0`` stands for the one, ``\1`` for the other."""
    both = sorted(doer.altered & claimer.altered)
    if both:
        return f"\0 and \1 both alter {both[0]}"
    # What claims read is told down to the metrics below every recording rule.
    metric = _meets(claimer.reads, doer.altered)
    if metric:
        return f"\0 changes {metric}, on which a claim of \1 rests"
    for moved in doer.moves:
        for told in claimer.told:
            words = _mixed(moved, told, facts)
            if words:
                return f"\0 may make {moved.name} fire, {words} \1 claims"
    return ""


def _mixed(moved: AlertRule, told: AlertRule, facts: Facts) -> str:
    """Return how Alertmanager can let one alert bear on the messages about another."""
    labels, others = _labels(moved, facts), _labels(told, facts)
    if any(_mutes(inhibition, labels, others) for inhibition in facts.inhibitions):
        return f"which mutes {told.name}, whose messages"
    if any(_grouped(branch.by, labels, others) for branch in facts.branches):
        return f"which may come in one message with {told.name}, whose messages"
    return ""


def _labels(rule: AlertRule, facts: Facts) -> Mapping[str, str]:
    """Return the labels that every alert of a rule has in Alertmanager, as far as that is certain."""
    if facts.relabelled():
        return {}
    fixed = {name: value for name, value in rule.labels.items() if "{{" not in value}
    return {**fixed, "alertname": rule.name}


def _grouped(by: Sequence[str], labels: Mapping[str, str], others: Mapping[str, str]) -> bool:
    return "..." not in by and not _differ(by, labels, others)


def _mutes(inhibition: Inhibition, labels: Mapping[str, str], others: Mapping[str, str]) -> bool:
    may = _may_match(inhibition.sources, labels) and _may_match(inhibition.targets, others)
    return may and not _differ(inhibition.equal, labels, others)


def _differ(names: Iterable[str], labels: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether one of the named labels is certain to be another; labels that come from series are not certain."""
    return any(name in labels and name in others and labels[name] != others[name] for name in names)


def _may_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    return all(matcher.fits(labels[matcher.name]) for matcher in matchers if matcher.name in labels)
