"""What series of a target do for a while in place of what was written for them; counters never fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.errors import ConfigError, Problem, did_you_mean
from pytest_obscheck.synthetic.exposition import Exposed, Page, Showing
from pytest_obscheck.synthetic.histogram import Histogram, Value, added, without
from pytest_obscheck.synthetic.notation import Samples, labels, samples

LIKE = 'write it like {"interval": 60, "series": [{"series": "x", "values": "0+1x60"}]}'


@dataclass(frozen=True)
class Script:
    """Samples that some series have from a second of the target's time on, by the text of the series."""

    begun: float
    interval: float
    played: Mapping[bytes, Samples]

    def at(self, series: Exposed, time: float) -> Value | None:
        """Return what a series has at a second of the target's time."""
        return self.played[series.text].at(time - self.begun, self.interval, evenly=series.adds_up)


@dataclass
class Scripts:
    """The scripts that are played now, by key; of several for one series the latest counts.

    What adds up goes on from where it stands whenever a script begins or ends: a script for it says how it grows.
    """

    page: Page
    _playing: dict[str, Script] = field(default_factory=dict)
    _ahead: dict[bytes, Value] = field(default_factory=dict)

    def showing(self, time: float) -> Showing:
        """Return which value a series has in a scrape at a second of the target's time."""
        return lambda each: self._value(each, time)

    def play(self, key: str, raw: Any, time: float) -> None:
        """Begin a script, anew where it is played already; ``ConfigError`` with everything that is wrong with it."""
        script = Script(time, _interval(raw), self._samples(raw))
        self.stop(key, time)
        self._change(script.played, time, lambda: self._playing.update({key: script}))

    def stop(self, key: str, time: float) -> None:
        """End a script; nothing where it is not played."""
        if key in self._playing:
            self._change(self._playing[key].played, time, lambda: self._playing.pop(key))

    def clear(self) -> None:
        """Forget everything: a story begins."""
        self._playing.clear()
        self._ahead.clear()

    def values(self, key: str, time: float) -> dict[str, float | None] | None:
        """Return what each series of a script has, by its text; ``None`` where it is not played.

        Of a native histogram that is its count, by the text of the series that shows it where histograms cannot be shown.
        """
        script = self._playing.get(key)
        found = [each for each in self.page if script and each.text in script.played]
        return dict(_told(each, self._value(each, time)) for each in found) if script else None

    def _value(self, series: Exposed, time: float) -> Value | None:
        value, ahead = self._written(series, time), self._ahead.get(series.text)
        return value if value is None or ahead is None else added(value, ahead)

    def _written(self, series: Exposed, time: float) -> Value | None:
        for script in reversed(self._playing.values()):
            if series.text in script.played:
                return script.at(series, time)
        return series.at(time, self.page.interval)

    def _change(self, played: Mapping[bytes, Samples], time: float, do: Callable[[], Any]) -> None:
        """Let a script begin or end, with every counter going on from where it is."""
        touched = [each for each in self.page if each.adds_up and each.text in played]
        before = [self._written(each, time) for each in touched]
        do()
        for each, was in zip(touched, before, strict=True):
            now = self._written(each, time)
            more = without(was, now) if was is not None and now is not None else None
            if more is not None:
                self._ahead[each.text] = added(self._ahead[each.text], more) if each.text in self._ahead else more

    def _samples(self, raw: Any) -> dict[bytes, Samples]:
        known = {_identity(each.written.labels): each.text for each in self.page}
        found: dict[bytes, Samples] = {}
        wrong: list[Problem] = []
        for each in _listed(raw):
            try:
                name, values = labels(each["series"]), samples(each["values"])
            except (ValueError, LookupError, TypeError) as error:
                wrong.append(Problem("script", f"{each!r} is no series with its values ({error})", LIKE))
                continue
            text = known.get(_identity(name))
            if text is None:
                near = did_you_mean(each["series"], [text.decode() for text in known.values()])
                wrong.append(Problem("script", f"the target has no series {each['series']!r}", near))
            else:
                found[text] = values
        if wrong:
            raise ConfigError(wrong)
        return found


def _told(series: Exposed, value: Value | None) -> tuple[str, float | None]:
    text = series.classic[-1] if series.classic else series.text
    return text.decode(), value.count if isinstance(value, Histogram) else value


def _identity(name: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(name.items()))


def _interval(raw: Any) -> float:
    try:
        interval = float(raw["interval"])
    except (ValueError, LookupError, TypeError):
        interval = 0.0
    if not 0 < interval < float("inf"):
        raise ConfigError([Problem("script", "it has no interval", LIKE)])
    return interval


def _listed(raw: Any) -> list[Any]:
    series = raw.get("series")
    if not isinstance(series, list) or not series:
        raise ConfigError([Problem("script", "it has no series", LIKE)])
    return series
