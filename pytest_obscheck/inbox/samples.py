r"""Alters scraped samples while they pass the proxy.

A rule is a JSON object::

    {"series": "node_filesystem_avail_bytes{mountpoint=\"/\"}", "target": "node-1:9100",
     "action": "set", "value": 0, "over": 0}

``series``  an instant selector (``=``, ``!=``, ``=~``, ``!~``) over what the target itself exposes; ``job``, ``instance`` and
            everything else that Prometheus adds are not there yet. A histogram's buckets are ``NAME_bucket``.
``target``  production's ``host:port``; empty or left out: every scraped host.
``action``  ``set`` to ``value`` · ``scale`` by ``value`` · ``drop`` the lines
            ``ramp`` in a straight line from the value first seen to ``value``, over ``over`` seconds of wall time from when the
            series was first seen, and stay there
            ``freeze``: repeat the value that each series had first
            ``reset``: a counter starts again at 0 (the value first seen is subtracted)
            ``skew``: samples carry timestamps, ``value`` seconds away from their own, or from now where they have none

These are done to whole scrapes; ``series`` is left out, as it may be for ``skew``::

            ``delay``: the target is asked ``value`` seconds later, or as soon as the rule ends
            ``cut``: the text breaks off in the middle, within the name or the labels of a sample, so that it cannot be parsed
            ``garble``: in place of the text comes the error page of some web server, with status 200

Only answers to GET with status 200 in a text format are altered. While a rule is active for a host, its scrapes are asked for
without compression and without protobuf. A scrape with native histograms, which a text would lose, passes as it is, and the
rule says that it was refused; ``cut`` and ``garble`` spoil all of such a scrape, too. Lines without a match stay byte for byte;
timestamps and exemplars are kept. Several rules for one series apply in the order in which they came.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.errors import ConfigError, Problem, did_you_mean
from pytest_obscheck.inbox.exposition import NAME_LABEL, Sample, sample

WHOLE = ("cut", "delay", "garble")
ACTIONS = ("drop", "freeze", "ramp", "reset", "scale", "set", "skew", *WHOLE)
VALUED = ("ramp", "scale", "set", "skew", "delay")
ERROR_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
NEAREST = 3
_TIMESTAMP = re.compile(rb"[ \t]+(-?[0-9][0-9.eE+]*)")
_LINES = re.compile(rb"[^\n]*\n|[^\n]+")

Matcher = Callable[[Mapping[str, str]], bool]


@dataclass(frozen=True)
class Rule:
    """What to do to which samples; the module's docstring explains the fields."""

    series: str
    matches: Matcher
    name: str = ""
    target: str = ""
    action: str = "set"
    value: float = 0.0
    over: float = 0.0


def parse(raw: Mapping[str, Any]) -> Rule:
    """Read a rule; ``ConfigError`` with everything that is wrong with it."""
    problems = [Problem("alteration", what) for what in _problems(raw)]
    if problems:
        raise ConfigError(problems)
    matchers = _matchers(raw["series"]) if raw.get("series") else []
    name = next((value for label, sign, value in matchers if label == NAME_LABEL and sign == "="), "")
    target, action = raw.get("target", "").lower(), raw["action"]
    value, over = float(raw.get("value") or 0), float(raw.get("over") or 0)
    return Rule(raw.get("series", ""), _all(matchers), name, target, action, value, over)


@dataclass
class Alteration:
    """A rule at work, and what it did so far."""

    rule: Rule
    scrapes: int = 0
    samples: int = 0
    refused: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _first: dict[bytes, tuple[float, Sample]] = field(default_factory=dict)
    _passed: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def meets(self, host: str) -> bool:
        """Whether scrapes of this host are altered."""
        return self.rule.target in ("", host.lower())

    @property
    def by_line(self) -> bool:
        """Whether it alters lines, and not the whole scrape."""
        return self.rule.action not in WHOLE

    def refuse(self, host: str) -> None:
        """Note that a scrape of this host could not be altered."""
        self.scrapes += 1
        self.refused = (
            f"{host} exposes native histograms, in protobuf, where no sample can be altered;"
            " let the target itself misbehave, or scrape it with `scrape_native_histograms: false`"
        )

    async def wait(self) -> None:
        """Let the scrape that comes wait, until the rule ends at most."""
        self.scrapes += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(self.ended.wait(), self.rule.value)
        self.samples += 1

    def apply(self, line: bytes, now: float, units: int = 1000) -> bytes:
        """Return what becomes of a line; nothing for a dropped one. ``units`` of its timestamps are a second."""
        if self.samples and self.rule.name.encode() not in line:
            return line
        read = sample(line)
        if read is None:
            return line
        if not self.rule.matches(read.labels):
            self._remember(read)
            return line
        self.samples += 1
        return skewed(read, self.rule.value, now, units) if self.rule.action == "skew" else self._altered(read, now)

    def told(self) -> dict[str, Any]:
        """Return ``scrapes``, ``samples`` altered, ``seen``: the nearest series where none matched; why it was ``refused``."""
        told = {"scrapes": self.scrapes, "samples": self.samples, "seen": [] if self.samples else self._nearest()}
        return told | ({"refused": self.refused} if self.refused else {})

    def _altered(self, read: Sample, now: float) -> bytes:
        since, first = self._first.setdefault(read.series, (now, read))
        rule = self.rule
        match rule.action:
            case "drop":
                return b""
            case "freeze":
                return read.text(first.value)
            case "set":
                return read.text(rule.value)
            case "scale":
                return read.text(read.number * rule.value)
            case "ramp":
                return read.text(_between(first.number, rule.value, now - since, rule.over))
            case _:
                # A counter below its first value was reset by the target itself: its own zero is the later one.
                return read.text(read.number - first.number if read.number >= first.number else read.number)

    def _remember(self, read: Sample) -> None:
        if not self.samples:
            self._passed[read.series.decode("utf-8", "replace").strip()] = read.labels

    def _nearest(self) -> list[str]:
        names = {labels[NAME_LABEL] for labels in self._passed.values()}
        wanted = {self.rule.name} if self.rule.name in names else set(difflib.get_close_matches(self.rule.name, names, 1))
        close = [text for text, labels in self._passed.items() if labels[NAME_LABEL] in wanted]
        return difflib.get_close_matches(self.rule.series, close or list(self._passed), NEAREST, 0.0)


@dataclass(frozen=True)
class Alterations:
    """All rules at work, by key."""

    _active: dict[str, Alteration] = field(default_factory=dict)

    def put(self, key: str, raw: Mapping[str, Any]) -> None:
        """Begin to alter; a key that is there already begins anew. ``ConfigError`` for a rule that cannot be read."""
        fresh = Alteration(parse(raw))
        self.remove(key)
        self._active[key] = fresh

    def remove(self, key: str) -> None:
        """End an alteration; nothing where there is none."""
        if key in self._active:
            self._active.pop(key).ended.set()

    def told(self, key: str) -> dict[str, Any] | None:
        """Return what an alteration did so far, ``None`` where there is none."""
        return self._active[key].told() if key in self._active else None

    def of(self, host: str) -> list[Alteration]:
        """Return what alters the scrapes of a host."""
        return [each for each in self._active.values() if each.meets(host) and each.rule.action != "delay"]

    async def delay(self, host: str) -> None:
        """Let the scrape of a host wait as long as the rules say."""
        for each in list(self._active.values()):
            if each.rule.action == "delay" and each.meets(host):
                await each.wait()


def altered(body: bytes, alterations: list[Alteration], now: float) -> bytes:
    """Return one scrape's text as Prometheus shall see it."""
    for alteration in alterations:
        alteration.scrapes += 1
    # OpenMetrics, which alone ends like this, counts seconds where the older format counts milliseconds.
    units = 1 if body.rstrip().endswith(b"# EOF") else 1000
    lines = [alteration for alteration in alterations if alteration.by_line]
    body = b"".join(_line(line, lines, now, units) for line in _LINES.findall(body))
    for alteration in alterations:
        if alteration.rule.action in WHOLE:
            alteration.samples += 1
            body = cut(body) if alteration.rule.action == "cut" else ERROR_PAGE
    return body


def _line(line: bytes, alterations: list[Alteration], now: float, units: int) -> bytes:
    for alteration in alterations:
        line = alteration.apply(line, now, units)
    return line


def skewed(read: Sample, by: float, now: float, units: int) -> bytes:
    """Return a sample's line with a timestamp that is ``by`` seconds away from its own, or from now."""
    found = _TIMESTAMP.match(read.rest)
    own = float(found[1]) / units if found else now
    shifted = b" %d" % round((own + by) * 1000) if units == 1000 else b" %.3f" % (own + by)
    return read.series + read.value + shifted + (read.rest[found.end() :] if found else read.rest)


def cut(body: bytes) -> bytes:
    """Return the text up to the middle, and half of the name and labels that come next; an error page where there are none."""
    starts = [(found.start(), read) for found in _LINES.finditer(body) if (read := sample(found[0]))]
    if not starts:
        return ERROR_PAGE
    # A cut inside a value would go unnoticed: the shorter number is one, too.
    at, read = next((each for each in starts if each[0] >= len(body) // 2), starts[-1])
    return body[:at] + read.series.rstrip()[: max(1, len(read.series.rstrip()) // 2)]


def _between(start: float, end: float, passed: float, over: float) -> float:
    return end if passed >= over else start + (end - start) * passed / over


def _problems(raw: Mapping[str, Any]) -> Iterator[str]:
    fields = ("series", "target", "action", "value", "over")
    yield from (f"no field called {name!r}; {did_you_mean(name, fields)}" for name in raw if name not in fields)
    try:
        if raw.get("series") or raw.get("action") not in (*WHOLE, "skew"):
            _matchers(raw.get("series"))
    except ValueError as error:
        yield f"series {raw.get('series')!r} is not an instant selector ({error}); write it like 'up{{job=\"api\"}}'"
    if raw.get("action") not in ACTIONS:
        yield f"no action called {raw.get('action')!r}; {did_you_mean(str(raw.get('action')), ACTIONS)}"
    for name in ("value", "over"):
        needed = raw.get("action") in (VALUED if name == "value" else ("ramp",))
        if needed and not isinstance(raw.get(name), int | float):
            yield f"{raw['action']} needs {name!r}, a number; it has {raw.get(name)!r}"
    if not isinstance(raw.get("target", ""), str):
        yield f"target {raw['target']!r} is not a host:port"


def _matchers(series: Any) -> list[tuple[str, str, str]]:
    """Return (label, sign, value) of an instant selector; ``ValueError`` where it is none."""
    import promql_parser  # noqa: PLC0415 - most runs alter nothing, and the inbox starts sooner without it

    tree = promql_parser.parse(series if isinstance(series, str) else "")
    if not isinstance(tree, promql_parser.VectorSelector) or tree.offset or tree.at or tree.matchers.or_matchers:
        raise ValueError("it may hold a name and matchers only")
    signs = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
    named = [(NAME_LABEL, "=", tree.name)] if tree.name else []
    return named + [(m.name, signs[str(m.op).rpartition(".")[2]], str(m.value)) for m in tree.matchers.matchers]


def _all(matchers: list[tuple[str, str, str]]) -> Matcher:
    tests = [(label, _test(sign, value)) for label, sign, value in matchers]
    return lambda labels: all(test(labels.get(label, "")) for label, test in tests)


def _test(sign: str, value: str) -> Callable[[str], bool]:
    if sign in ("=", "!="):
        return lambda given: (given == value) is (sign == "=")
    pattern = re.compile(value, re.DOTALL)
    return lambda given: (pattern.fullmatch(given) is not None) is (sign == "=~")
