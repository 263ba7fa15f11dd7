"""One factor for the whole stack: what divides by it, the nearest that does, and the largest that the ranges allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isqrt

from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.speed.durations import milliseconds, spelled

SCRAPES = 4
"""How many scrapes a range must hold: rate() needs two, and one may be lost at either end."""

FASTEST = 50
"""The shortest scrape interval in wall time, in milliseconds, at which a stack on one machine keeps up."""


@dataclass(frozen=True)
class Span:
    """One duration of the configuration in story time: its length in milliseconds, where it stands, and what it is.

    ``what`` is ``range`` for the ranges that hold scrapes; of others any word will do.
    """

    length: Fraction
    where: str
    what: str = ""


@dataclass(frozen=True)
class Limit:
    """The largest factor that is possible, and the span that limits it (nothing does where it is ``None``)."""

    factor: int
    by: Span | None

    def __str__(self) -> str:
        """Return ``300, limited by the range 1m of A (rules.yml:4)``."""
        limit = f"the {self.by.what} {spelled_loosely(self.by.length)} of {self.by.where}" if self.by else "the scrape interval"
        return f"{self.factor}, limited by {limit}"


def span(text: object, where: str, what: str) -> Iterator[Span]:
    """Yield the duration that the user wrote, nothing for 0; ``ConfigError`` where it is none."""
    try:
        length = milliseconds(str(text))
    except ValueError as error:
        raise ConfigError([Problem(where, f"{what}: {error}")]) from None
    if length:
        yield Span(length, where, what)


def factor(text: str | float, where: str = "speed", *, auto: bool = False) -> Fraction:
    """Return a factor as the user writes it; ``ConfigError`` unless it is a number of at least 1.

    ``where``: what the user calls it; ``auto``: whether that word would do there, too.
    """
    try:
        found = Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        right = "write it like 60" + (", or auto: as fast as ranges and scrapes allow" if auto else "")
        raise ConfigError([Problem(where, f"{text!r} is not a number", right)]) from None
    if found < 1:
        raise ConfigError([Problem(where, f"{text} is not a speed", "it must be 1 or more: 60 plays an hour in a minute")])
    return found


def tick(spans: Iterable[Span]) -> Fraction:
    """Return the longest time, in milliseconds, of which every span is a multiple; 0 where there are none."""
    found = Fraction(0)
    for span in spans:
        found = _gcd(found, span.length)
    return found


def _gcd(one: Fraction, other: Fraction) -> Fraction:
    below = one.denominator * other.denominator
    return Fraction(gcd(int(one * below), int(other * below)), below)


def check_divides(spans: Sequence[Span], by: Fraction, highest: int) -> None:
    """Raise ``ConfigError`` unless every span divided by the factor is a whole number of milliseconds.

    The problem names the nearest whole factor that does divide and is not above ``highest``, and the span that does not.
    """
    whole = tick(spans)
    if (whole / by).denominator == 1:
        return
    odd = next(span for span in spans if (span.length / by).denominator != 1)
    near = nearest(whole, by, highest)
    capped = " and leaves every range its scrapes" if near != nearest(whole, by, int(whole)) else ""
    what = f"{spelled_loosely(odd.length)} divided by {_plain(by)} is not a whole number of milliseconds"
    named = " or ".join(str(each) for each in near)
    raise ConfigError([Problem(odd.where, what, f"the nearest speed that divides every duration{capped} is {named}")])


def spelled_loosely(span: Fraction) -> str:
    """Return a span in words, also where it is no whole number of milliseconds."""
    return spelled(span) if span.denominator == 1 else f"{float(span)}ms"


def _plain(by: Fraction) -> str:
    return str(by.numerator) if by.denominator == 1 else str(float(by))


def nearest(whole: Fraction, by: Fraction, highest: int) -> tuple[int, ...]:
    """Return the whole factors nearest to ``by``, not above ``highest``, that divide a tick into whole milliseconds.

    There is one, or two are equally near.
    """
    found = [each for each in divisors(int(whole)) if each <= highest] if whole >= 1 else [1]
    gap = min(abs(each - by) for each in found)
    return tuple(each for each in found if abs(each - by) == gap)


def divisors(number: int) -> list[int]:
    """Return every divisor of a positive number, the smallest first."""
    low = [each for each in range(1, isqrt(number) + 1) if number % each == 0]
    return sorted({*low, *(number // each for each in low)})


def check_speed(spans: Sequence[Span], by: Fraction, scrape: Fraction | int = 0) -> None:
    """Raise ``ConfigError`` with both mistakes where a speed neither divides nor leaves enough scrapes in a range.

    What the problems name instead passes both checks.
    """
    limit = largest(spans, scrape)
    highest = limit.factor if limit.by else int(tick(spans))
    checks: tuple[Callable[[], None], ...] = (
        lambda: check_divides(spans, by, highest),
        lambda: check_ranges(spans, by, scrape),
    )
    problems: list[Problem] = []
    for check in checks:
        try:
            check()
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def largest(
    spans: Sequence[Span], scrape: Fraction | int = 0, fastest: Fraction | int = FASTEST, *, paced: bool = False
) -> Limit:
    """Return the largest whole factor at which every range still holds four scrapes and every span divides.

    ``scrape`` is production's interval (0: not known) and ``fastest`` the shortest one at which the stack can be scraped in
    wall time, both in milliseconds. A range that holds fewer than four scrapes in production need not hold more. With
    ``paced`` no target is scraped more often than that, however long the ranges are.
    """
    ranges = [span for span in spans if span.what == "range" or (paced and span.what == "scrape_interval")]
    shortest = min(ranges, key=lambda span: _allows(span, scrape, fastest), default=None)
    whole = tick([*spans, Span(Fraction(scrape), "scrape_interval")])
    highest = _allows(shortest, scrape, fastest) if shortest else (Fraction(scrape) or whole) / fastest
    fits = [each for each in divisors(int(whole)) if each <= highest]
    return Limit(max(fits, default=1), shortest)


def _allows(span: Span, scrape: Fraction | int, fastest: Fraction | int) -> Fraction:
    return span.length / (_needed(span, scrape) * fastest)


def _needed(span: Span, scrape: Fraction | int) -> Fraction:
    return Fraction(max(1, min(SCRAPES, int(span.length / scrape))) if scrape else SCRAPES)


def check_ranges(spans: Sequence[Span], by: Fraction, scrape: Fraction | int = 0, fastest: Fraction | int = FASTEST) -> None:
    """Raise ``ConfigError`` where a range would hold fewer than four scrapes; it names the largest factor and its rule."""
    limit = largest(spans, scrape, fastest)
    short = [span for span in spans if span.what == "range" and _allows(span, scrape, fastest) < by]
    if not short or limit.by is None:
        return
    held = int(short[0].length / by / max(Fraction(scrape) / by, Fraction(fastest)))
    length = spelled_loosely(short[0].length)
    what = f"at speed {_plain(by)} the range {length} holds {held} scrapes and needs {_needed(short[0], scrape)}"
    right = f"the largest possible speed is {limit.factor}, limited by {limit.by.where}"
    raise ConfigError([Problem(short[0].where, what, right)])
