"""stack.yaml → members: their settings, their production names, and what they depend on."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_obscheck import registry
from pytest_obscheck.errors import ConfigError, Problem, did_you_mean, shown_as
from pytest_obscheck.protocols import Component
from pytest_obscheck.reading import Mismatch, Node, Reader, chosen_instant, convert, fields_of, refuse
from pytest_obscheck.stack.attached import UNSAID, Attached, Attachment
from pytest_obscheck.stack.rendering import rendered

WORDS = ("type", "hosts", "depends_on", "attached")
STARTED, HEALTHY = "service_started", "service_healthy"
"""Compose's words for what a member waits for: that another was started, or (unless it says so) that it is ready."""
SECTIONS = ("components", "services", "mounts", "render", "objectives", "always_firing", "copies", "instant")


@dataclass(frozen=True)
class Member:
    """One member of a stack.

    ``hosts``: production ``host:port`` → the name of the port that it leads to. ``depends_on``: member → Compose's condition.
    """

    name: str
    type: str
    component: Component
    hosts: Mapping[str, str]
    depends_on: Mapping[str, str]
    where: str


@dataclass(frozen=True)
class StackFile:
    """A stack.yaml that was read: its members in its order, the inbox added; the specs of its service level objectives.

    ``mounts``: path or name in the user's files → where it is; what a command rendered is among them.
    ``always_firing``: the alerts that fire when all is well (a watchdog), with the line that says so. ``copies``: how many
    of it the machine can run at the same time; 0 where it does not say. ``instant``: what the virtual clock of a sped-up stack
    shows when a story begins, such as ``2026-01-05T03:00:00Z``.
    """

    path: Path
    shown: str
    members: Mapping[str, Member]
    mounts: Mapping[str, str]
    objectives: tuple[Path, ...] = ()
    always_firing: Mapping[str, str] = field(default_factory=dict)
    copies: int = 0
    instant: str = ""

    @property
    def attached(self) -> list[str]:
        """Return the names of the members that already run somewhere."""
        return [name for name, member in self.members.items() if isinstance(member.component, Attached)]

    @property
    def home(self) -> Path:
        """Return the folder that its paths are relative to."""
        return self.path.parent

    @property
    def services(self) -> list[str]:
        """Return the names of the team's own programs, in the order of the file."""
        return [name for name, member in self.members.items() if member.type == "service"]

    @property
    def front(self) -> str:
        """Return the last service, which loads talk to; ``""`` where there is none."""
        return self.services[-1] if self.services else ""

    @property
    def door(self) -> str:
        """Return the address at which sinks take what an attached Alertmanager sends; ``""`` where there is none."""
        return next((getattr(member.component, "door", "") for member in self.members.values() if member.type == "inbox"), "")

    def edges(self) -> list[tuple[str, str]]:
        """Return (who, to whom) for each connection that goes through a fault proxy; none without such a member."""
        if not any(member.type == "toxiproxy" for member in self.members.values()):
            return []
        return [(member.name, target) for member in self.members.values() for target in member.depends_on]


def real(path: Path) -> Path:
    """Return where a path leads, as far as it does: ``Path.resolve`` raises where links lead in a circle."""
    return Path(os.path.realpath(path))


def read(path: Path, root: Path | None = None) -> StackFile:
    """Read a stack.yaml; ``ConfigError`` holds every problem in it."""
    path = real(path)
    shown = shown_as(path, root)
    reader = _opened(path, shown)
    members: dict[str, Member] = {}
    named: set[str] = set()
    mounts: dict[str, str] = {}  # what is rendered comes first, for it may be mounted
    objectives: tuple[Path, ...] = ()
    firing: dict[str, str] = {}
    words: dict[str, Any] = {}
    node = reader.root()
    for key, at, value in _entries(reader, node, mounts):
        if key == "mounts":
            mounts |= _mounts(reader, value, mounts)
        elif key == "objectives":
            found = _texts(reader, value, key, "list the specs' files, like [slo.yaml]")
            objectives = tuple((reader.path.parent / each).resolve() for each in found)
        elif key == "always_firing":
            found = _texts(reader, value, key)
            firing = dict.fromkeys(found, f"{shown}:{at.start_mark.line + 1}")
        elif key in _WORDS:
            words[key] = _WORDS[key](reader, value)
        elif key in SECTIONS:
            named |= _section(reader, value, "" if key == "components" else "service", members)
        else:
            reader.problem(at, f"a stack has no {key!r}", did_you_mean(key, SECTIONS))
    _links(reader, members, named)
    if words.get("copies", 0) > 1 and node is not None:
        reader.problems.extend(_single(reader, members, node))
    refuse(reader.problems)
    return StackFile(path, shown, {**_inbox(members), **members}, mounts, objectives, firing, **words)


def _entries(reader: Reader, node: Node | None, made: dict[str, str]) -> Iterator[tuple[str, Node, Node]]:
    """Render what is to be rendered into ``made``; yield the other entries. ``ConfigError`` where that cannot be."""
    entries = list(reader.entries(node, "a stack")) if node is not None else []
    for key, _, value in entries:
        made |= rendered(reader, value) if key == "render" else {}
    if any(key == "render" for key, _, _ in entries):
        # What could not be rendered would be missed everywhere.
        refuse(reader.problems)
    yield from (entry for entry in entries if entry[0] != "render")


def _opened(path: Path, shown: str) -> Reader:
    if not path.exists():
        raise ConfigError([Problem(shown, "there is no such file", "`obscheck init` writes a first one, from what is here")])
    return Reader(path, shown)


def _copies(reader: Reader, node: Node) -> int:
    try:
        found: int = convert(node, int)
    except Mismatch:
        found = 0
    if found < 1:
        reader.problem(node, f"copies: {node.value!r} is not a number of stacks", "write how many the machine can run, like 3")
    return max(1, found)


_WORDS: Mapping[str, Callable[[Reader, Node], Any]] = {"copies": _copies, "instant": chosen_instant}


def _single(reader: Reader, members: Mapping[str, Member], node: Node) -> Iterator[Problem]:
    """Yield which member there is only one of."""
    at = next(key for key, _ in node.value if key.value == "copies")
    for name, member in members.items():
        if isinstance(member.component, Attached):
            where = f"{reader.name}:{at.start_mark.line + 1}"
            yield Problem(where, f"copies: {name} is attached, and there is only one of it", "leave copies out")


def _inbox(members: Mapping[str, Member]) -> dict[str, Member]:
    if any(member.type == "inbox" for member in members.values()):
        return {}
    return {"inbox": Member("inbox", "inbox", registry.find("components", "inbox")(), {}, {}, "")}


def _mounts(reader: Reader, node: Node, made: Mapping[str, str]) -> dict[str, str]:
    """Return where the folders are that files call by other names; ``made``: those that were rendered."""
    try:
        found: dict[str, str] = convert(node, dict[str, str])
    except Mismatch as error:
        reader.problem(node, f"mounts {error}")
        return {}
    places = {inside: (reader.path.parent / made.get(outside, outside)).resolve() for inside, outside in found.items()}
    for key, value in node.value:
        place = places[key.value]
        if not place.exists():
            here = [each.name for each in place.parent.iterdir()] if place.parent.is_dir() else []
            near = did_you_mean(place.name, here)
            right = near if near.startswith("did you mean") else "name the folder of this machine that stands for it"
            reader.problem(value, f"mounts: {key.value}: there is no {found[key.value]!r}", right)
    return {inside: str(place) for inside, place in places.items()}


def _texts(reader: Reader, node: Node, word: str, right: str = "") -> tuple[str, ...]:
    try:
        found: tuple[str, ...] = convert(node, tuple[str, ...])
    except Mismatch as error:
        reader.problem(node, f"{word} {error}", right)
        return ()
    return found


def _section(reader: Reader, node: Node, kind: str, members: dict[str, Member]) -> set[str]:
    """Read the members of a section; return the names of all, of those with mistakes too."""
    named = set()
    for name, at, value in reader.entries(node, "the list of members"):
        named.add(name)
        if name in members:
            reader.problem(at, f"there are two members called {name!r}", "rename one")
        member = _member(reader, name, kind or name, value, at)
        if member is not None:
            members[name] = member
    return named


def _member(reader: Reader, name: str, kind: str, node: Node, at: Node) -> Member | None:
    words: dict[str, Node] = {}
    settings = _settings(reader, node, words)
    kind = _text(reader, words["type"]) if "type" in words else kind
    if kind not in registry.names("components"):
        known = registry.names("components")
        reader.problem(at, f"no component called {kind!r}", did_you_mean(kind, known))
        return None
    made_of = registry.find("components", kind)
    unsaid = {field: value for field, value in UNSAID.items() if "attached" in words and field in fields_of(made_of)}
    component = reader.build(made_of, settings, name, WORDS, **unsaid)
    if component is not None and "attached" in words:
        attachment = reader.build(Attachment, words["attached"], name)
        component = attachment and Attached(component, attachment, kind)
    if component is None:
        return None
    hosts = _hosts(reader, words["hosts"], component.ports) if "hosts" in words else {}
    depends_on = _depends_on(reader, words["depends_on"]) if "depends_on" in words else {}
    return Member(name, kind, component, hosts, depends_on, f"{reader.name}:{at.start_mark.line + 1}")


def _settings(reader: Reader, node: Node, words: dict[str, Node]) -> Node:
    """Take the words that every member has out of a member's node; return the node of the component's own settings."""
    if not hasattr(node, "value") or isinstance(node.value, str):
        return node
    own = [(key, value) for key, value in node.value if key.value not in WORDS]
    for key, _, value in reader.entries(node, "a member"):
        if key in WORDS:
            words[key] = value  # noqa: PERF403 - reading the entries notes doubled keys
    return type(node)(node.tag, own, node.start_mark, node.end_mark)


def _text(reader: Reader, node: Node) -> str:
    try:
        return str(convert(node, str))
    except Mismatch as error:
        reader.problem(node, f"type {error}")
        return ""


def _depends_on(reader: Reader, node: Node) -> dict[str, str]:
    """Read ``[payments]``, or Compose's long form ``{payments: {condition: service_started}}``."""
    try:
        found = convert(node, dict[str, dict[str, str]] | tuple[str, ...])
    except Mismatch:
        reader.problem(node, "depends_on is neither a list nor a mapping", "write it like [payments]")
        return {}
    if not isinstance(found, dict):
        return dict.fromkeys(found, HEALTHY)
    for name, how in found.items():
        if list(how) != ["condition"] or how["condition"] not in (STARTED, HEALTHY):
            wrong = f"depends_on of {name} is not a condition"
            reader.problem(node, wrong, f"write it like {{condition: {STARTED}}}, or {{condition: {HEALTHY}}}")
    return {name: how.get("condition", HEALTHY) for name, how in found.items()}


def _hosts(reader: Reader, node: Node, ports: tuple[str, ...]) -> dict[str, str]:
    try:
        found = convert(node, dict[str, str] | tuple[str, ...])
    except Mismatch:
        reader.problem(node, "hosts is neither a list nor a mapping", "write it like [api-1.prod.example:8080]")
        return {}
    hosts = found if isinstance(found, dict) else dict.fromkeys(found, ports[0])
    for host, port in hosts.items():
        if ":" not in host:
            reader.problem(node, f"{host!r} has no port", f"write it as the scrape configuration does, like '{host}:80'")
        if port not in ports:
            reader.problem(node, f"{host!r} leads to no port called {port!r}", did_you_mean(port, ports))
    return hosts


def _links(reader: Reader, members: Mapping[str, Member], named: Collection[str]) -> None:
    """Note what depends on a member that is not there, in a circle, and hosts that lead to two members."""
    hosts: dict[str, str] = {}
    for member in members.values():
        for what, right in _dependencies(member, members, named):
            reader.problems.append(Problem(member.where, what, right))
        for host in member.hosts:
            if host in hosts:
                both = f"{host!r} leads to {hosts[host]} and to {member.name}"
                reader.problems.append(Problem(member.where, both, "keep one of them"))
            hosts[host] = member.name


def _dependencies(member: Member, members: Mapping[str, Member], named: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with what a member depends on, and what would be right."""
    alone = "one of them must be able to start alone"
    for target in member.depends_on:
        if target not in named:
            yield f"{member.name} depends on {target!r}, which is no member", did_you_mean(target, named)
        elif target == member.name:
            yield f"{member.name} depends on itself", "it must be able to start alone"
        elif member.name in _behind(target, members):
            yield f"{member.name} and {target} depend on each other", alone


def _behind(name: str, members: Mapping[str, Member]) -> set[str]:
    """Return everything that a member depends on, at any depth, itself included."""
    found: set[str] = set()
    todo = [name]
    while todo:
        each = todo.pop()
        if each not in found and each in members:
            found.add(each)
            todo.extend(members[each].depends_on)
    return found
