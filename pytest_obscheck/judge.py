"""judge(scenario, journal) → Report: reads, decides, touches nothing.

The rules are those of the design's "Rules of judgement"; each function below is one of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_obscheck.abilities import AboutSeries, AltersSamples, MayBeEmpty
from pytest_obscheck.doubts import BLIND, too_slow
from pytest_obscheck.errors import said
from pytest_obscheck.journal import Event, Journal, alert_exprs
from pytest_obscheck.matching import words
from pytest_obscheck.noise import undecided
from pytest_obscheck.protocols import History
from pytest_obscheck.returns import slowest_return
from pytest_obscheck.scenario import Claim, Planned, Scenario, hangs_on_itself
from pytest_obscheck.verdict import SEEN, VOID, Outcome, Report, Verdict, combine
from pytest_obscheck.vitals import stoppages
from pytest_obscheck.when import Decision, Eventually, Never, Phrase, Window, Within, spoken

MARGIN = 0.3
"""Wall seconds past the end of a window until which evidence about it may still come in."""

GRACE = 3.0
"""Wall seconds past the end of a window for which a claim that is still unknown is given more time."""


def judge(scenario: Scenario, journal: Journal) -> Report:
    """Return what the journal says of a scenario. Pure: the same two always give the same report."""
    faults = tuple(_fault_verdict(fault, journal) for fault in scenario.faults)
    void = _void(faults, journal)
    cut = _cut(journal)
    decided = decide(scenario, journal)
    claims = tuple(_verdict(scenario, journal, claim, decided[number]) for number, claim in enumerate(scenario.claims))
    if void:
        claims = tuple(_voided(verdict) for verdict in claims)
    whole = [Outcome.UNKNOWN] if cut else []
    outcome = Outcome.UNKNOWN if void else combine([*whole, *(verdict.outcome for verdict in claims)])
    notes = (*void, *([cut] if cut else []), *_altering(scenario, journal), *_notes(journal))
    return Report(scenario.name, scenario.where, outcome, faults, claims, notes)


def settled(scenario: Scenario, journal: Journal, now: float) -> bool:
    """Whether no evidence that may still come can change any verdict; ``now`` is in story seconds.

    What is settled stays so: the journal remembers it, and each claim is worked out no more often than it must be.
    """
    if any(not _fault_known(fault, journal) for fault in scenario.faults):
        return False
    decider = _Decider(scenario, journal)
    known: set[int] = journal.memory.setdefault(scenario.name, set())
    for number, claim in enumerate(scenario.claims):
        if number not in known and not _claim_settled(claim, decider, now):
            return False
        known.add(number)
    return True


def _fault_known(fault: Planned, journal: Journal) -> bool:
    return any(event.data["phase"] in ("confirmed", "failed") for event in journal.of("fault", name=fault.name))


@dataclass(frozen=True)
class Decided:
    """What the phrase of one claim makes of the journal; ``window`` is ``None`` where its anchor has not come."""

    window: Window | None
    decision: Decision
    history: History


class _Decider:
    """Decides claims, those first that others hang on; none twice."""

    def __init__(self, scenario: Scenario, journal: Journal, cut: str = "") -> None:
        """Begin with the anchors that faults give; ``cut`` says that nothing more will ever come, though it should."""
        self.journal, self.cut = journal, cut
        self.anchors, self.begins = _fault_anchors(journal, "wall"), _fault_anchors(journal, "began")
        self.named = {claim.name: claim for claim in scenario.claims if claim.name}
        self._done: dict[int, Decided] = {}
        self._pending: set[str] = set()

    def window(self, claim: Claim) -> Window | None:
        """Return the window of a claim, deciding first the claim that it hangs on."""
        after = _after_of(claim)
        if after in self.named and after not in self.anchors and after not in self._pending:
            self._pending.add(after)
            decided = self.decide(self.named[after])
            if decided.decision.outcome is Outcome.PASSED and decided.decision.at is not None:
                self.anchors[after] = decided.decision.at
        return claim.phrase.window(self.anchors)

    def decide(self, claim: Claim) -> Decided:
        """Return what the claim's phrase makes of the journal."""
        if id(claim) not in self._done:
            self._done[id(claim)] = self._decided(claim)
        return self._done[id(claim)]

    def _decided(self, claim: Claim) -> Decided:
        history = _history(claim, self.journal)
        window = self.window(claim)
        if window is None:
            return Decided(None, Decision(Outcome.UNKNOWN, f"{_after_of(claim)!r} never came"), history)
        # What is done may have its effect before whoever does it has said that it is done.
        early = min(window.start, self.begins.get(_after_of(claim), window.start))
        decision = _judged(claim, history, Window(early, window.end))
        if self.cut and not decision.settled and _covered_to(claim, self.journal) < window.end:
            decision = Decision(Outcome.UNKNOWN, f"{self.cut}, and the window {window} is not covered")
        return Decided(window, decision, history)


def _judged(claim: Claim, history: History, window: Window) -> Decision:
    gap = max(BLIND, 1.5 * claim.expectation.evidence().every) * history.journal.speed
    try:
        return claim.phrase.decide(claim.expectation.holds(history), window, gap)
    except Exception as error:  # noqa: BLE001 - whatever an extension does wrong, it proves nothing about the product
        return Decision(Outcome.UNKNOWN, f"it could not be judged: {said(error)}")


def _after_of(claim: Claim) -> str:
    return claim.phrase.after if isinstance(claim.phrase, Within) else ""


def _cut(journal: Journal) -> str:
    """Return that a journal breaks off before its story is over; ``""`` for a whole one, and for one without a story."""
    if journal.last("over") is not None or journal.zero is None:
        return ""
    last = max(journal.story(event.wall) for event in journal.events)
    return f"the journal is cut short: it ends at {spoken(last)}, before the story was over"


def _covered_to(claim: Claim, journal: Journal) -> float:
    """Return the story second up to which a claim has its evidence, and it is known whether the machine kept up."""
    vitals = journal.last("look", key="vitals")
    # An evaluation that was missed is counted with the next one.
    return min(_seen_to(claim, journal), journal.story(vitals.wall - BLIND) if vitals else -1.0)


def decide(scenario: Scenario, journal: Journal) -> list[Decided]:
    """Return, claim by claim, what its phrase makes of the journal, whatever became of the faults."""
    decider = _Decider(scenario, journal, _cut(journal))
    return [decider.decide(claim) for claim in scenario.claims]


def windows(scenario: Scenario, journal: Journal) -> list[Window | None]:
    """Return the window of each claim, in order; ``None`` where its anchor has not come."""
    decider = _Decider(scenario, journal)
    return [decider.window(claim) for claim in scenario.claims]


def _claim_settled(claim: Claim, decider: _Decider, now: float) -> bool:
    window = decider.window(claim)
    if window is None:
        return _anchor_lost(claim, decider, now)
    if now < window.start:
        return False
    if isinstance(claim.phrase, Eventually | Within) and decider.decide(claim).decision.settled:
        return True
    seen_to = _seen_to(claim, decider.journal)
    if seen_to < window.end:
        return False
    outcome = decider.decide(claim).decision.outcome
    if outcome is not Outcome.UNKNOWN:
        late = slowest_return(decider.journal, window) if outcome is Outcome.FAILED else None
        return late is None or seen_to >= window.end + late.late
    return seen_to >= window.end + GRACE * decider.journal.speed


def _seen_to(claim: Claim, journal: Journal) -> float:
    """Return the story second up to which all evidence of a claim is in; a look that failed brought none."""
    looks = journal.of("look", key=str(claim.expectation.evidence()))
    last = next((event for event in reversed(looks) if "data" in event.data), None)
    return journal.story(last.wall - MARGIN) if last is not None and journal.zero is not None else -1.0


def _anchor_lost(claim: Claim, decider: _Decider, now: float) -> bool:
    """Whether the fault or the claim on which a claim hangs is over without having come."""
    after = _after_of(claim).removeprefix("cure of ")
    if any(event.data.get("failed") for event in decider.journal.of("fault", name=after)):
        return True
    if after not in decider.named or hangs_on_itself(claim, decider.named.values()):
        return after in decider.named
    return _claim_settled(decider.named[after], decider, now)


def _history(claim: Claim, journal: Journal) -> History:
    key = str(claim.expectation.evidence())
    return History(tuple(journal.of("look", key=key)), journal)


def _fault_anchors(journal: Journal, which: Literal["began", "wall"]) -> dict[str, float]:
    """Return the story second at which each fault and each cure was done, or began to be done."""
    names = {"injected": "{}", "healed": "cure of {}"}
    found = [(event, names.get(event.data["phase"])) for event in journal.of("fault")]
    walls = {name.format(event.data["name"]): {"wall": event.wall, **event.data} for event, name in found if name}
    return {name: journal.story(data.get(which, data["wall"])) for name, data in walls.items()}


# ── faults ───────────────────────────────────────────────────────────────────


def _phase(journal: Journal, fault: Planned, phase: str) -> Event | None:
    return journal.last("fault", name=fault.name, phase=phase)


def _fault_verdict(fault: Planned, journal: Journal) -> Verdict:
    words = _fault_trouble(fault, journal)
    outcome = Outcome.UNKNOWN if words else Outcome.PASSED
    return Verdict(str(fault.what), outcome, words or _fault_story(fault, journal), fault.where)


def _fault_trouble(fault: Planned, journal: Journal) -> str:
    """Return why a fault makes the experiment void; ``""`` where it took hold and is gone."""
    failed = next((e.data["failed"] for e in journal.of("fault", name=fault.name) if e.data.get("failed")), "")
    if failed:
        return str(failed)
    before, confirmed, gone = (_phase(journal, fault, phase) for phase in ("before", "confirmed", "gone"))
    if before is not None and before.data["held"]:
        return f"it was there before it was injected: {before.data['words']}"
    if _phase(journal, fault, "injected") is None:
        return "it was not injected: the story ended before it"
    if confirmed is None or not confirmed.data["held"]:
        return f"it did not take hold: {_measured(fault, journal, confirmed)}"
    if gone is None or gone.data["held"]:
        return f"it was not healed: {gone.data['words'] if gone else 'nobody measured it'}"
    return _unmet(fault, journal, confirmed, gone)


def _unmet(fault: Planned, journal: Journal, confirmed: Event, gone: Event) -> str:
    """Return that nobody met the harm; one that lets no byte pass is told by the bytes before and after it."""
    untouched = _phase(journal, fault, "before")
    counted = [event.data["traffic"] for event in (confirmed, untouched) if event and event.data.get("traffic") is not None]
    before, after = next(iter(counted), None), gone.data.get("traffic")
    if before is None or after is None or after > before:
        return ""
    return f"no byte went through the proxy while it held: nobody uses the way to {getattr(fault.what, 'to', 'it')}"


def _measured(fault: Planned, journal: Journal, after: Event | None) -> str:
    before = _phase(journal, fault, "before")
    words = [event.data["words"] for event in (before, after) if event is not None and event.data["words"]]
    return " → ".join(dict.fromkeys(words)) or "nothing could be measured"


def _fault_story(fault: Planned, journal: Journal) -> str:
    injected, confirmed = _phase(journal, fault, "injected"), _phase(journal, fault, "confirmed")
    healed = _phase(journal, fault, "healed")
    start, end = (journal.story(event.wall) if event else 0.0 for event in (injected, healed))
    told = History((), journal).spoken
    return f"took hold at {told(start)} ({_measured(fault, journal, confirmed)}), gone at {told(end)}"


def _void(faults: Sequence[Verdict], journal: Journal) -> tuple[str, ...]:
    """Return why the experiment proves nothing: a fault that did not work, or a stack that was not ready at time zero."""
    unready = [str(event.data["words"]) for event in journal.of("unready")]
    broken = [f"{v.claim}: {v.words}" for v in faults if v.outcome is not Outcome.PASSED]
    loads = [f"{event.data['name']}: {event.data['words']}" for event in journal.of("load failed")]
    ended = [] if journal.zero is not None or unready else ["the story did not begin"]
    return tuple(f"{VOID}: {words}" for words in dict.fromkeys((*unready, *ended, *loads, *broken)))


def _voided(verdict: Verdict) -> Verdict:
    words = f"{VOID}{SEEN}{verdict.outcome}, {verdict.words}" if verdict.words else VOID
    return replace(verdict, outcome=Outcome.UNKNOWN, words=words)


# ── claims ───────────────────────────────────────────────────────────────────


def _verdict(scenario: Scenario, journal: Journal, claim: Claim, decided: Decided) -> Verdict:
    outcome, words = decided.decision.outcome, decided.decision.words
    window = decided.window
    stopped = stoppages(scenario, claim, journal)
    doubtful = window is not None and not _positive(claim.phrase, outcome)
    slow = ""
    if window and doubtful:
        slow = too_slow(scenario, claim, outcome, window, decided.history)
        slow = slow or (_returned_late(claim, decided.history, window) if outcome is Outcome.FAILED else "")
    if window and outcome is not Outcome.UNKNOWN and not _altered(scenario, claim, journal):
        # A faster machine would not help where noise decides; samples that are altered have none.
        slow = undecided(journal, claim, window, fired=_positive(claim.phrase, outcome)) or slow
    if outcome is Outcome.FAILED and window:
        words = _told(claim, decided, window)
    if slow:
        # A misspelt label is one on any machine.
        seen = f"{SEEN}{outcome}, {words}" if outcome is Outcome.FAILED else ""
        outcome, words = Outcome.UNKNOWN, slow + seen
    elif outcome is Outcome.UNKNOWN and window:
        words += "".join(f"; {each}" for each in stopped if each.asked and each.met(window))
    if window and outcome is Outcome.PASSED:
        words = f"{words}{_after(claim, decided)}{_idle(claim, decided)}"
    return Verdict(str(claim), outcome, words, claim.where)


def _returned_late(claim: Claim, history: History, window: Window) -> str:
    """Return which member was so long in coming back that a claim may have failed for that; ``""`` where it would, anyway."""
    late = slowest_return(history.journal, window)
    if late is None:
        return ""
    again = (_judged(claim, history, each).outcome for each in late.windows(claim.phrase, window))
    return "" if late.late < math.inf and all(outcome is Outcome.FAILED for outcome in again) else str(late)


def _positive(phrase: Phrase, outcome: Outcome) -> bool:
    """Whether something was seen with certainty: no blindness can take back what was seen to hold."""
    return isinstance(phrase, Eventually | Within) and outcome is Outcome.PASSED


def _told(claim: Claim, decided: Decided, window: Window) -> str:
    if decided.decision.settled:
        return decided.decision.words
    try:
        return claim.expectation.tell(decided.history, window) or decided.decision.words
    except Exception as error:  # noqa: BLE001 - an extension that cannot explain does not undo what was seen
        return f"{decided.decision.words} (no explanation: {said(error)})"


def _after(claim: Claim, decided: Decided) -> str:
    at, window = decided.decision.at, decided.window
    if not isinstance(claim.phrase, Within) or at is None or window is None:
        return ""
    return f", {spoken(max(0.0, at - window.start))} after {claim.phrase.after} (bound {spoken(claim.phrase.limit)})"


def _idle(claim: Claim, decided: Decided) -> str:
    """Return what is not there for a claim that something never happens."""
    if not isinstance(claim.phrase, Never) or not isinstance(claim.expectation, MayBeEmpty):
        return ""
    lacks = claim.expectation.lacks(decided.history)
    return f"; but {lacks}" if lacks else ""


def _altered(scenario: Scenario, claim: Claim, journal: Journal) -> set[str]:
    """Return the metrics whose samples are altered and that a claim rests on."""
    plan = journal.last("plan")
    if plan is None or not isinstance(claim.expectation, AboutSeries):
        return set()
    text = " ".join(claim.expectation.exprs(alert_exprs(journal)))
    # Names beyond the usual letters stand between quotes.
    read = {*words(text), *re.findall(r"""\{\s*["']([^"']*)["']\s*[,}]""", text)}
    faults = [fault.what for fault in scenario.faults if isinstance(fault.what, AltersSamples)]
    return {name for fault in faults for name in fault.alters()} & read


def _altering(scenario: Scenario, journal: Journal) -> Iterator[str]:
    """Yield how many claims rest on samples that the story itself alters, and of which metrics."""
    found = [metrics for claim in scenario.claims if (metrics := _altered(scenario, claim, journal))]
    if found:
        count = (
            "every claim rests" if len(found) == len(scenario.claims) else f"{len(found)} of {len(scenario.claims)} claims rest"
        )
        yield f"{count} on altered samples of {', '.join(sorted(set().union(*found)))}"


def _notes(journal: Journal) -> tuple[str, ...]:
    refused = journal.last("refused")
    hosts = [f"{each['host']} (asked for by {each['by']})" for each in refused.data["hosts"]] if refused else []
    said = [str(event.data["words"]) for event in journal.of("note")]
    unknown = (f"refused, because no member of the stack has this name: {host}" for host in hosts)
    return (*_pace(journal), *unknown, *said)


def _pace(journal: Journal) -> tuple[str, ...]:
    """Return how fast the story's time passed, where that was not as fast as wall time, and what set that."""
    run = journal.last("run")
    if run is None or journal.speed == 1:
        return ()
    return (f"played at speed {journal.speed:g} ({run.data['pace']})",)
