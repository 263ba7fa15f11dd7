"""Let series of a synthetic target misbehave for a while."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pytest_obscheck.capabilities import PlaysSeries
from pytest_obscheck.errors import FaultFailed, LookFailed
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import Duration, seconds

_NAME = re.compile(r"""\s*(?:([a-zA-Z_:][a-zA-Z0-9_:]*)|\{\s*["']([^"']*)["']\s*[,}])""")
"""What a series is called: its metric, or between quotes and braces, as names beyond the usual letters are written."""


@dataclass(frozen=True)
class Script:
    """Series of a synthetic target pass as a script says, in story time; with the cure they are again as their own says.

    ``series``: each series of the target with what it does meanwhile, in promtool's notation: ``{'active_users': '99x60'}``,
    a new value every ``interval``. A counter goes on from where it stands, when the script begins and when it ends, so that
    ``{'failures_total': '0+6x60'}`` says how it grows.
    """

    component: str
    series: Mapping[str, str]
    interval: Duration = "1m"

    def __post_init__(self) -> None:
        """Refuse a script without series, and a time that does not pass."""
        if not self.series:
            raise ValueError("script: there are no series; write them like {'active_users': '99x60'}")
        if seconds(self.interval) <= 0:
            raise ValueError(f"interval: {self.interval!r} is no time; write it like '1m'")

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why there are no such series; whether the target has them is known when it runs."""
        yield from plan.unknown_member(self.component)
        for series in self.series:
            if plan.parse(series):
                yield f"series {series!r} cannot be read: {plan.parse(series)}"

    def alters(self) -> tuple[str, ...]:
        """Return the names of the metrics whose samples it alters."""
        names = (_NAME.match(series) for series in self.series)
        return tuple(dict.fromkeys(found[1] or found[2] for found in names if found))

    def inject(self, stack: Stack) -> None:
        """Begin the script."""
        series = [{"series": name, "values": values} for name, values in self.series.items()]
        with _failing("begin"):
            self._target(stack).play(self._key(), {"interval": seconds(self.interval), "series": series})

    def confirm(self, stack: Stack) -> Effect:
        """Scrape the target: whether it exposes what the script says."""
        target = self._target(stack)
        wanted = target.playing(self._key())
        if wanted is None:
            return Effect(False, "")
        shown = target.exposed()
        wrong = [series for series, value in wanted.items() if (value is None) == (series in shown)]
        words = [f"{series} is {shown.get(series, 'gone')}" for series in wanted]
        return Effect(not wrong, words[0] + (f", and {len(words) - 1} more" if words[1:] else ""))

    def heal(self, stack: Stack) -> None:
        """End the script."""
        with _failing("end"):
            self._target(stack).stop(self._key())

    def _target(self, stack: Stack) -> PlaysSeries:
        return stack.that(PlaysSeries, named=self.component)

    def _key(self) -> str:
        return f"script-{zlib.crc32(repr(self).encode()):08x}"

    def __str__(self) -> str:
        """Return it in words: which metrics of which target, for there may be dozens of series."""
        return f"{self.component} is scripted: {', '.join(self.alters())}"


@contextmanager
def _failing(what: str) -> Iterator[None]:
    try:
        yield
    except LookFailed as error:
        raise FaultFailed(f"the script could not {what}: {error}") from error
