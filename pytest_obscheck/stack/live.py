"""A stack that runs: started side by side, ready, fresh for each story, and gone afterwards."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pytest_obscheck import toolchain
from pytest_obscheck.capabilities import (
    CatchesNotifications,
    EvaluatesRules,
    FollowsStory,
    HoldsAlerts,
    SaysWhyUnready,
    ScrapesTargets,
    TellsTime,
    ask_each,
)
from pytest_obscheck.clock import Clock
from pytest_obscheck.errors import ComponentDied, LookFailed, NotReady, ProgramMissing, StackError, did_you_mean
from pytest_obscheck.hands import Errands, Threads, all_at_once
from pytest_obscheck.plan import Plan, Route
from pytest_obscheck.protocols import Client, Launch, Network, Place, Running, Runtime
from pytest_obscheck.scenario import Planned
from pytest_obscheck.speed import Pace
from pytest_obscheck.stack.file import STARTED, Member, StackFile
from pytest_obscheck.stack.filling import Filling
from pytest_obscheck.stack.lacking import lacking
from pytest_obscheck.stack.lastwords import last_words
from pytest_obscheck.stack.listening import listened_at
from pytest_obscheck.stack.planning import open_document, sinks
from pytest_obscheck.stack.programs import asked, resolved
from pytest_obscheck.stack.traffic import LoadTraffic
from pytest_obscheck.stage import Hands
from pytest_obscheck.when import spoken

C = TypeVar("C")
LIFE = 0.1
"""Wall seconds between two looks whether a member that is not ready still lives, or is, though nobody listens where it should:
a daemon needs its time for better things.
"""
READY_WITHIN = 30.0
"""Wall seconds in which every member must be ready, unless the user says otherwise."""


@dataclass
class Seat:
    """One member with its place, and what runs there."""

    member: Member
    place: Place
    launch: Launch
    running: Running | None = None
    client: Client | None = None
    begun: bool = False
    ready: bool = False
    doubted: float = 0.0


@dataclass(repr=False)
class LiveStack:
    """The members of a stack file on a runtime; ``Stack`` and ``Stage`` of the protocols."""

    file: StackFile
    plan: Plan
    runtime: Runtime
    folder: Path
    clock: Clock
    ready_within: float = READY_WITHIN
    hands: Hands = field(default_factory=Threads)
    seats: dict[str, Seat] = field(default_factory=dict)
    traffics: dict[str, LoadTraffic] = field(default_factory=dict)
    _able: dict[type, Any] = field(default_factory=dict, repr=False)
    _loads: int = 0
    _standing: Pace = field(default_factory=Pace)

    def __repr__(self) -> str:
        """Return who is in it: tracebacks of tests show this."""
        return f"<stack {self.file.shown}: {', '.join(self.seats or self.file.members)}>"

    # ── starting and stopping ──

    def lay_out(self) -> None:
        """Reserve every address and derive every working copy; nothing starts. ``ProgramMissing`` names all of them."""
        self._standing = self.plan.pace
        addresses = {
            name: {port: self.runtime.reserve(name, port) for port in member.component.ports}
            for name, member in self.file.members.items()
        }
        network, gaps = self._network(addresses), list[str]()
        for name, member in self.file.members.items():
            try:
                self.seats[name] = _seat(member, self._place(name, addresses, network))
            except ProgramMissing as error:
                gaps.append(str(error))
        if gaps:
            raise ProgramMissing("\n".join(dict.fromkeys(gaps)))

    def start(self, loads: Sequence[Planned] = ()) -> None:
        """Start every member, side by side where nothing forbids it, and return when all are ready.

        ``loads`` are started too and wait; ``StackError`` names the member that is at fault and shows its last log lines.
        """
        if not self.seats:
            self.lay_out()
        self._require_programs()
        errands = Errands(self.hands)
        # Whom others wait for comes first; then the team's own programs, which take longest, and what makes their traffic.
        awaited = [other.member.name for seat in self.seats.values() for other in self._waits_for(seat)]
        self._advance([self.seats[name] for name in dict.fromkeys([*awaited, *self.file.services])], errands)
        errands.give(partial(self.prepare, loads))
        self._bring_up(list(self.seats.values()), errands)

    def prepare(self, loads: Iterable[Planned]) -> None:
        """Start the processes of loads; they wait until a story begins them."""
        for planned in loads:
            self._loads += 1
            name = f"load-{self._loads}"
            place = self._place(name, self._addresses(), next(iter(self.seats.values())).place.network)
            launch = resolved(planned.what.launch(place))
            self.traffics[_key(planned)] = LoadTraffic(planned.name, planned.what, place, self.runtime.run(name, launch))
            self._able.clear()

    def fresh(self) -> None:
        """Give every member that keeps data under ``data`` an empty one and its files as they were; start what has ended."""
        kept = [seat for seat in self.seats.values() if (seat.place.folder / "data").exists()]
        all_at_once([_running(seat).kill for seat in kept], self.hands)
        for seat in kept:
            shutil.rmtree(seat.place.folder / "data", ignore_errors=True)
            for name, text in seat.launch.files.items():
                (seat.place.folder / name).write_text(text, encoding="utf-8")
        ended = [seat for seat in self.seats.values() if not _running(seat).alive()]
        all_at_once([_running(seat).start for seat in ended], self.hands)
        for seat in ended:
            seat.ready = False
        self._bring_up(ended, Errands(self.hands))

    def programs(self) -> dict[str, str]:
        """Return the versions of the programs that the toolchain knows, by name."""
        names = [seat.launch.argv[0] for seat in self.seats.values()]
        found = [toolchain.find(name) for name in names if toolchain.knows(name)]
        return {program.name: program.version for program in found}

    def derived(self) -> dict[str, str]:
        """Return every file that was derived, by ``member/file``, without the secrets in its URLs."""
        routes = self.plan.facts.routes
        files = [(name, file, text) for name, seat in self.seats.items() for file, text in seat.launch.files.items()]
        return {f"{name}/{file}": without_secret_paths(text, routes) for name, file, text in files}

    def clocks(self) -> dict[str, float]:
        """Return by how many seconds the clock of each member that has one is ahead of ours, to half the time of asking."""
        ahead = {}
        for name, member in self.all(TellsTime).items():
            with suppress(LookFailed):
                asked = self.clock.now()
                told = member.time()
                ahead[name] = round(told - (asked + self.clock.now()) / 2, 4)
        return ahead

    def close(self) -> None:
        """End everything; idempotent."""
        for seat in self.seats.values():
            if seat.client is not None:
                seat.client.close()
        self.runtime.close()

    def _bring_up(self, seats: Sequence[Seat], errands: Errands) -> None:
        end = self.clock.now() + self.ready_within
        try:
            while not all(seat.ready for seat in seats):
                self._advance(seats, errands)
                errands.check()
                if self.clock.now() >= end:
                    # What was started and is not ready is why others were not.
                    unready = sorted((seat for seat in seats if not seat.ready), key=lambda seat: seat.running is None)
                    raise NotReady("\n".join(map(self._not_ready, unready)))
                self.clock.sleep(0.01)
        finally:
            errands.hands.join()
        errands.check()

    def _advance(self, seats: Iterable[Seat], errands: Errands) -> None:
        """Begin what may start, side by side, for a container takes its time; look at what is not ready."""
        for seat in seats:
            if seat.begun and not seat.ready:
                self._look_at(seat)
            elif not seat.begun and self._may_start(seat):
                seat.begun = True
                errands.give(partial(self._run, seat))

    def _run(self, seat: Seat) -> None:
        seat.running = self.runtime.run(seat.member.name, resolved(seat.launch))

    def _look_at(self, seat: Seat) -> None:
        doubtful = self.clock.now() >= seat.doubted
        if seat.running is None or not (doubtful or listened_at(seat.place.addresses.values())):
            return
        # Connecting imports what members are asked with: by then they all have been started.
        seat.client = seat.client or seat.member.component.connect(seat.place)
        seat.ready = seat.client.ready()
        if doubtful and not seat.ready:
            seat.doubted = self.clock.now() + LIFE
            if not seat.running.alive():
                raise ComponentDied(_died(seat, seat.running))

    def _not_ready(self, seat: Seat) -> str:
        if seat.running is None:
            why = "its runtime takes longer than that to start it" if seat.begun else "what it depends on was not ready"
            return f"{seat.member.name}: it was not started, for {why}"
        why = f"{seat.client.why_unready()}; " if isinstance(seat.client, SaysWhyUnready) else ""
        return f"{seat.member.name}: it was not ready within {spoken(self.ready_within)}; {why}{last_words(seat.running)}"

    def _may_start(self, seat: Seat) -> bool:
        # Asked to start is started: what depends on it is started meanwhile.
        started = all(self.seats[name].begun for name in seat.member.depends_on)
        return started and all(other.ready for other in self._waits_for(seat))

    def _waits_for(self, seat: Seat) -> list[Seat]:
        """Return who must be ready before a member may start; the certificate that it trusts must be there, read once."""
        kinds = (*seat.member.component.after, *(("inbox",) if seat.launch.reads(seat.place.network.ca_file) else ()))
        after = [other for other in self.seats.values() if other.member.type in kinds]
        return after + [self.seats[name] for name, condition in seat.member.depends_on.items() if condition != STARTED]

    def _require_programs(self) -> None:
        wanted = dict.fromkeys(seat.launch.argv[0] for seat in self.seats.values())
        gaps = toolchain.missing([name for name in wanted if toolchain.knows(name)])
        if gaps:
            raise ProgramMissing(toolchain.in_words(gaps))

    # ── laying out ──

    def _network(self, addresses: Mapping[str, Mapping[str, str]]) -> Network:
        inbox = next(name for name, member in self.file.members.items() if member.type == "inbox")
        hosts = {host: addresses[m.name][port] for m in self.file.members.values() for host, port in m.hosts.items()}
        return Network(
            proxy=f"http://{addresses[inbox]['proxy']}",
            smtp=addresses[inbox]["smtp"],
            door=self.file.door,
            ca_file=self.folder / inbox / "ca.pem",
            hosts=hosts,
            sinks=sinks(),
            routes=self.plan.facts.routes,
            edges=self._edges(addresses),
        )

    def _edges(self, addresses: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[str, str]]:
        edges = {}
        for source, target in self.file.edges():
            name = f"{source}→{target}"
            main = self.file.members[target].component.ports[0]
            edges[name] = (self.runtime.reserve("toxiproxy", name), addresses[target][main])
        return edges

    def _place(self, name: str, addresses: Mapping[str, Mapping[str, str]], network: Network) -> Place:
        ours = {edge.split("→")[1]: listen for edge, (listen, _) in network.edges.items() if edge.startswith(f"{name}→")}
        filling = Filling(self.file, name, addresses, ours)
        folder = self.folder / name
        own = addresses.get(name, {})
        opener, speed = open_document(self.file.home), self.plan.pace.speed
        return Place(name, folder, self.file.home, own, network, filling.text, opener, self.file.mounts, speed)

    def _addresses(self) -> dict[str, Mapping[str, str]]:
        return {name: seat.place.addresses for name, seat in self.seats.items()}

    # ── asking ──

    def that(self, capability: type[C], named: str | None = None) -> C:
        """Return the member that can do this; ``LookupError`` says what the stack has instead."""
        found = self.all(capability)
        if named is None and found:
            return next(iter(found.values()))
        if named is not None and named in found:
            return found[named]
        if named is not None and named not in self.file.members:
            raise LookupError(f"no member called {named!r}; {did_you_mean(named, self.file.members)}")
        raise LookupError(lacking(capability, named, found))

    def all(self, capability: type[C]) -> Mapping[str, C]:
        """Return every member that can do this, by name; and what drives loads, of which nothing is asked but how it fares."""
        if capability in self._able:
            known: Mapping[str, C] = self._able[capability]
            return known
        found: dict[str, C] = {}
        for name, seat in self.seats.items():
            # What runs for an attached member is the way to it: nobody is harmed by stopping that.
            for side in (seat.client, None if name in self.file.attached else seat.running):
                if side is not None and isinstance(side, capability) and name not in found:
                    found[name] = side
        for traffic in self.traffics.values():
            if isinstance(traffic.driver, capability):
                found[f"the load {traffic.name}"] = traffic.driver
        # Whether a member has all methods of a protocol takes 0.1 ms to find out, and is asked many times a second.
        if all(seat.client is not None and seat.running is not None for seat in self.seats.values()):
            self._able[capability] = found
        return found

    def traffic(self, planned: Planned) -> LoadTraffic:
        """Return the load of that entry; it is started here if it was not before."""
        if _key(planned) not in self.traffics:
            self.prepare([planned])
        return self.traffics[_key(planned)]

    def begin(self, zero: float, speed: float) -> None:
        """Tell every member whose time passes with the story's that it begins at the Unix second ``zero``; ``LookFailed``."""
        for member in self.all(FollowsStory).values():
            member.begin(zero, speed)
        self.plan = replace(self.plan, pace=self._standing.begun(zero))

    def unscraped(self) -> str:
        """Return which target was not scraped yet, or is down."""
        try:
            return self._unscraped()
        except LookFailed as error:
            return str(error)

    def unready(self, expected: AbstractSet[str]) -> str:
        """Return what is missing before a story may begin: a target never scraped, or down; an alert already active."""
        try:
            return self._unscraped() or self._already_active(expected)
        except LookFailed as error:
            return str(error)

    def _unscraped(self) -> str:
        targets = [target for scraper in self.all(ScrapesTargets).values() for target in scraper.targets()]
        if not targets and self.plan.facts.scraped:
            # An older Prometheus takes 5 s to find the first ones; none is not all.
            return f"no target was found yet, {self.plan.facts.scraped[0]} neither"
        for target in targets:
            labels = target["labels"]
            name = f"{labels.get('job')}/{labels.get('instance')}"
            host = target.get("discoveredLabels", {}).get("__address__", "")
            if target["health"] == "unknown":
                return f"the target {name} was not scraped yet"
            if target["health"] == "down" and host in self.plan.hosts:
                return f"the target {name} is down before anything was broken: {target.get('lastError')}"
        return ""

    def _already_active(self, expected: AbstractSet[str]) -> str:
        groups = [group for evaluator in self.all(EvaluatesRules).values() for group in evaluator.rules()]
        meant = {*expected, *self.file.always_firing}
        states = {rule["name"]: rule["state"] for group in groups for rule in group["rules"] if rule.get("alerts")}
        active = [f"{name} is {state}" for name, state in states.items() if name not in meant]
        names = ", ".join(name for name in states if name not in meant)
        always = f"if it always is, write `always_firing: [{names}]` into {self.file.shown}"
        return f"the alert {', '.join(active)} before anything was broken; {always}" if active else ""

    def autopsy(self) -> dict[str, dict[str, Any]]:
        """Return what explains a story: rules, targets, Alertmanager's alerts and silences, refused hosts, last log lines."""
        found: dict[str, dict[str, Any]] = {}
        with suppress(LookFailed, LookupError):
            read, _ = ask_each(self.all(EvaluatesRules), lambda each: each.rules())
            found["rules"] = {"groups": [group for groups in read.values() for group in groups]}
        with suppress(LookFailed, LookupError):
            found["targets"] = {"targets": self.that(ScrapesTargets).targets()}
        with suppress(LookFailed, LookupError):
            holder = self.that(HoldsAlerts)
            found["alertmanager"] = {"alerts": holder.alerts(), "silences": holder.silences()}
        with suppress(LookFailed, LookupError):
            found["refused"] = {"hosts": self.that(CatchesNotifications).refused()}
        found["logs"] = {name: _running(seat).logs(10) for name, seat in self.seats.items()}
        return found


def without_secret_paths(text: str, routes: Iterable[Route]) -> str:
    """Return a text in which the path of every notification is hidden: that of a web hook is its password."""
    for route in routes:
        host = route.host.removesuffix(":443").removesuffix(":80")
        text = re.sub(rf"(?<=://){re.escape(host)}/[^\s\"',}}]+", f"{host}/<secret>", text)
        text = text.replace(f'"{route.path}"', '"/<secret>"')
    return text


def _key(planned: Planned) -> str:
    return f"{planned.where} {planned.name} {planned.window}"


def _seat(member: Member, place: Place) -> Seat:
    launch = member.component.launch(place)
    program, *words = launch.argv
    return Seat(member, place, replace(launch, argv=(asked(program, member.component), *words)))


def _running(seat: Seat) -> Running:
    if seat.running is None:
        raise StackError(f"{seat.member.name}: it was not started")
    return seat.running


def _died(seat: Seat, running: Running) -> str:
    return f"{seat.member.name}: it ended at start (exit code {running.exit_code()}); {last_words(running)}"
