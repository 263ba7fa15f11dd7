"""How what passes between Prometheus and a target is harmed in the harness's forward proxy, seen, and left alone again."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from pytest_obscheck.capabilities import PassesSamples, ScrapesTargets
from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.errors import FaultFailed, LookFailed, did_you_mean
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack

EVERY = 0.02
"""Seconds between two looks whether a scrape has passed."""


def problems(plan: Plan, target: str) -> Iterator[str]:
    """Yield why scrapes of such a target cannot be harmed."""
    if target not in plan.hosts:
        yield f"no target {target!r}; {did_you_mean(target, plan.hosts)}"


def key(fault: object) -> str:
    """Return the name under which the proxy keeps what a fault does: equal faults have equal ones."""
    return f"{type(fault).__name__.lower()}-{zlib.crc32(repr(fault).encode()):08x}"


def begin(fault: object, stack: Stack, rule: Mapping[str, Any]) -> None:
    """Begin to harm; ``rule`` is documented at ``pytest_obscheck.inbox.samples``."""
    with _failing("begin"):
        stack.that(PassesSamples).alter(key(fault), rule)


def end(fault: object, stack: Stack) -> None:
    """Harm no more; nothing where nothing was harmed."""
    with _failing("end"):
        stack.that(PassesSamples).restore(key(fault))


def met(fault: object, stack: Stack, patience: float, what: str = "scrapes") -> Mapping[str, Any] | None:
    """Return what was done so far, as soon as there is any ``what``, or after a while; ``None`` where nothing is being done.

    What is refused need not be waited for.
    """
    inbox, name = stack.that(PassesSamples), key(fault)

    def settled() -> bool:
        did = inbox.altered(name)
        return did.get(what, 0) > 0 or bool(did.get("refused"))

    try:
        until(SystemClock(), settled, patience, EVERY)
        return inbox.altered(name)
    except LookFailed:
        return None


def untouched(did: Mapping[str, Any], series: str, patience: str) -> Effect:
    """Return in words why no sample was altered."""
    if did.get("refused"):
        return Effect(False, did["refused"])
    if did.get("seen"):
        return Effect(False, f"no sample matched {series!r}; nearest are: {', '.join(did['seen'])}")
    return Effect(False, f"no scrape passed within {patience}; where scrapes are rarer, write a longer `patience`")


def targets(stack: Stack, host: str) -> list[Mapping[str, Any]]:
    """Return what Prometheus says of the targets that it scrapes at a production ``host:port``."""
    try:
        every = stack.that(ScrapesTargets).targets()
    except LookFailed:
        return []
    return [each for each in every if urlsplit(str(each.get("scrapeUrl", ""))).netloc == host]


@contextmanager
def _failing(what: str) -> Iterator[None]:
    try:
        yield
    except LookFailed as error:
        raise FaultFailed(f"harming scrapes could not {what}: {error}") from error
