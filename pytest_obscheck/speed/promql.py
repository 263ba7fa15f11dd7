"""PromQL with the same value at t/N that the user's has at t: only leaves that hold time change, never a threshold.

By induction every comparison, aggregation and alert value then follows, without guessing what anything is measured in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pytest_obscheck.speed.durations import milliseconds, spelled
from pytest_obscheck.speed.origins import Origins, Source
from pytest_obscheck.speed.tokens import Piece, Token, replaced, tokens

PER_SECOND = ("rate", "irate", "deriv")
CALENDAR = ("hour", "minute", "day_of_month", "day_of_week", "day_of_year", "days_in_month", "month", "year")
STAMPS = ("timestamp", "ts_of_first_over_time", "ts_of_last_over_time", "ts_of_max_over_time", "ts_of_min_over_time")
LINEAR = tuple(f"{name}_over_time" for name in ("avg", "first", "last", "max", "min", "quantile"))
OF_TIME = ("time", *CALENDAR, *STAMPS)


@dataclass(frozen=True)
class VirtualClock:
    """Story time that runs N times as fast as wall time: the Unix second ``story`` is when the wall clock shows ``wall``.

    Subqueries stand on multiples of their step: both zeros must be multiples of it, ``wall`` of the step divided by N, which
    is ``tick``. Where it is to show a chosen instant when a story begins, it ``stands`` at that until then.
    """

    story: Fraction = Fraction(0)
    wall: Fraction = Fraction(0)
    tick: Fraction = Fraction(1)
    stands: bool = False

    def begun(self, zero: float) -> VirtualClock:
        """Return the clock that stood until the Unix second ``zero``, and runs from then on; it is a tick early at most."""
        return replace(self, wall=Fraction(zero) // self.tick * self.tick, stands=False)

    def at(self, wall: str, by: Fraction) -> str:
        """Return PromQL for the story time at which PromQL for a wall time stands."""
        since = wall if not self.wall else f"({wall} - {_number(self.wall)})"
        if self.stands:
            return f"({wall} * 0 + {_number(self.story)})"
        return f"({since} * {_number(by)}{f' + {_number(self.story)}' if self.story else ''})"

    def wall_of(self, story: Fraction, by: Fraction) -> Fraction:
        """Return the wall second at which it is ``story``."""
        return self.wall + (story - self.story) / by


@dataclass(frozen=True)
class Speed:
    """How much faster story time passes than wall time, for which source of samples, and by which virtual clock.

    ``evaluation``: production's global evaluation interval in milliseconds, the step of subqueries that name none.
    """

    by: Fraction
    source: Source = Source.SCRIPTED
    evaluation: Fraction = Fraction(60_000)
    clock: VirtualClock = VirtualClock()
    story: frozenset[str] = frozenset()
    """Functions and metrics of real processes that the user decided to read as story time: they are multiplied by N."""
    origins: Origins | None = None
    """On a stack with targets of both sources: which series have which; ``source`` then counts for nothing that is read."""

    @property
    def changes(self) -> bool:
        """Whether story time passes otherwise than wall time."""
        return self.by != 1

    def shorter(self, duration: str) -> str:
        """Return a story duration as wall time; ``ValueError`` where that is no whole number of milliseconds."""
        return spelled(milliseconds(duration) / self.by)


UNSPED = Speed(Fraction(1))
"""Story time that passes as wall time does."""


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    exact = str(float(value))
    return exact if Fraction(exact) == value else f"({value.numerator} / {value.denominator})"


@dataclass(frozen=True)
class Leaf:
    """A place of an expression that holds time: the pieces that speed it up, and the durations in it, in milliseconds."""

    pieces: tuple[Piece, ...] = ()
    durations: tuple[tuple[str, Fraction], ...] = ()


def rewrite(text: str, speed: Speed) -> str:
    """Return the expression for the sped-up stack, changed in spans only.

    ``ValueError`` where it is not PromQL, or holds time in a way that cannot be divided.
    """
    speed = as_read(text, speed)
    found = [piece for leaf in leaves(text, speed) for piece in leaf.pieces]
    return replaced(text, found) if speed.changes else text


def as_read(text: str, speed: Speed) -> Speed:
    """Return the speed as it holds for one expression: with the source of the series that it reads.

    ``ValueError`` where it reads series of both sources, and one would need another text than the other.
    """
    if speed.origins is None or not speed.changes:
        return speed
    read = speed.origins.read_by(text)
    ways = {source: replace(speed, source=source, origins=None) for source in Source}
    if len(read) < 2:
        return ways[next(iter(read), Source.REAL)]
    if len({rewrite(text, way) for way in ways.values()}) > 1:
        both = f"scripted series ({read[Source.SCRIPTED]}) and real ones ({read[Source.REAL]})"
        raise ValueError(f"it reads {both} in one rule, and no text suits both; let a recording rule of its own read the one")
    return ways[Source.REAL]


def durations(text: str) -> tuple[tuple[str, Fraction], ...]:
    """Return every duration of an expression in milliseconds with what it is: range, offset, step or horizon."""
    return tuple(found for leaf in leaves(text, Speed(Fraction(1))) for found in leaf.durations)


def with_steps(text: str, evaluation: Fraction) -> str:
    """Return the expression with the step of every ``[R:]`` written out, so that it does not hang on who evaluates it."""
    found = tokens(text)
    openings = [found[number : token.mate + 1] for number, token in enumerate(found) if token.text == "[" and token.mate > 0]
    ends = [inside[-2].end for inside in openings if inside[-2].text == ":"]
    return replaced(text, [Piece(end, end, spelled(evaluation)) for end in ends])


def leaves(text: str, speed: Speed) -> Iterator[Leaf]:
    """Yield every place of an expression that holds time."""
    found = tokens(text)
    for number, token in enumerate(found):
        if token.text == "[" and token.kind == "sign":
            yield _bracket(found[number : token.mate + 1], speed)
        elif token.kind == "name" and _next(found, number) == "(":
            yield _call(found, number, speed)
        elif token.kind == "name" and token.text in speed.story:
            yield _selector(found, number, speed)
        elif token.kind == "name" and token.text.lower() == "offset" and not _is_metric(found, number):
            yield _offset(found, number, speed)
        elif token.text == "@" and token.kind == "sign":
            yield _at(found, number, speed)


def _next(found: Sequence[Token], number: int) -> str:
    return found[number + 1].text if number + 1 < len(found) else ""


def _is_metric(found: Sequence[Token], number: int) -> bool:
    """Whether the word ``offset`` is no keyword here: it stands where a label or a metric must stand."""
    follows = found[number + 1] if number + 1 < len(found) else None
    return follows is None or (follows.kind not in ("duration", "number") and follows.text not in ("-", "+", "("))


def _bracket(inside: Sequence[Token], speed: Speed) -> Leaf:
    spans = [token for token in inside if token.kind in ("duration", "number")]
    colon = next((token for token in inside if token.text == ":"), None)
    if not spans or len(spans) > (2 if colon else 1):
        raise ValueError("a range that is no plain duration cannot be divided")
    pieces = [Piece(token.start, token.end, speed.shorter(token.text)) for token in spans]
    lengths = [(name, milliseconds(token.text)) for name, token in zip(("range", "step"), spans, strict=False)]
    if colon and len(spans) == 1:
        pieces.append(Piece(colon.end, colon.end, spelled(speed.evaluation / speed.by)))
        lengths.append(("step", speed.evaluation))
    if colon:  # a subquery holds steps, not scrapes
        lengths[0] = ("subquery", lengths[0][1])
    return Leaf(tuple(pieces), tuple(lengths))


def _selector(found: Sequence[Token], number: int, speed: Speed) -> Leaf:
    """Multiply an instant selector with everything that belongs to it; a range is multiplied as the call around it."""
    last = found[number + 1].mate if _next(found, number) == "{" else number
    if _next(found, last) == "[":
        return Leaf()
    while _next(found, last).lower() in ("offset", "@"):
        signed = found[last + 2].text in ("-", "+")
        named = found[last + 2].kind == "name"  # start() and end()
        last += 2 + signed + 2 * named
    return _around(found[number].start, found[last].end, f" * {_number(speed.by)}")


def _offset(found: Sequence[Token], number: int, speed: Speed) -> Leaf:
    at = number + 1 + (found[number + 1].text in ("-", "+"))
    token = found[at] if at < len(found) else found[number]
    if token.kind not in ("duration", "number"):
        raise ValueError("an offset that is no plain duration cannot be divided")
    return Leaf((Piece(token.start, token.end, speed.shorter(token.text)),), (("offset", milliseconds(token.text)),))


def _at(found: Sequence[Token], number: int, speed: Speed) -> Leaf:
    signed = _next(found, number) in ("-", "+")
    token = found[number + 1 + signed]
    if token.kind != "number":
        return Leaf()  # start() and end() are those of the query
    instant = Fraction(token.text) * (-1 if found[number + 1].text == "-" else 1)
    wall = speed.clock.wall_of(instant, speed.by) if speed.source is Source.SCRIPTED else instant
    return Leaf((Piece(found[number + 1].start, token.end, f"{float(wall):.3f}"),))


def _call(found: Sequence[Token], number: int, speed: Speed) -> Leaf:
    name, opening = found[number].text, found[number + 1]
    start, end = found[number].start, found[opening.mate].end
    if name == "predict_linear":
        return _horizon(found, number + 1, speed)
    if speed.source is Source.REAL:
        inside = {token.text for token in found[number + 2 : opening.mate] if token.kind == "name"}
        scaled = name in {"increase", *speed.story} or (name in LINEAR and bool(inside & speed.story))
        return _around(start, end, f" * {_number(speed.by)}") if scaled else Leaf()
    if name in PER_SECOND:
        return _around(start, end, f" / {_number(speed.by)}")
    return _of_time(found, number, speed)


def _of_time(found: Sequence[Token], number: int, speed: Speed) -> Leaf:
    name, opening = found[number].text, found[number + 1]
    start, end = found[number].start, found[opening.mate].end
    empty = opening.mate == number + 2
    if name == "time" and empty:
        return Leaf((Piece(start, end, speed.clock.at("time()", speed.by)),))
    if name in CALENDAR and empty:
        return Leaf((Piece(opening.end, opening.end, f"vector({speed.clock.at('time()', speed.by)})"),))
    if name in STAMPS:
        before, after = speed.clock.at("\0", speed.by).split("\0")
        return Leaf((Piece(start, start, before), Piece(end, end, after)))
    return Leaf()


def _around(start: int, end: int, factor: str) -> Leaf:
    return Leaf((Piece(start, start, "("), Piece(end, end, f"{factor})")))


def _horizon(found: Sequence[Token], opening: int, speed: Speed) -> Leaf:
    comma = _comma(found, opening)
    first, last = found[comma + 1], found[found[opening].mate - 1]
    if speed.source is Source.REAL:
        return Leaf()  # what moves at its real rate reaches the threshold after as many seconds as in production
    single = comma + 2 == found[opening].mate
    before, after = ("(", "") if single else ("((", ")")
    factor = f"{after} / {_number(speed.by)})"
    return Leaf((Piece(first.start, first.start, before), Piece(last.end, last.end, factor)))


def _comma(found: Sequence[Token], opening: int) -> int:
    at = opening + 1
    while at < found[opening].mate:
        if found[at].text == "," and found[at].kind == "sign":
            return at
        at = max(at, found[at].mate) + 1
    raise ValueError("predict_linear() needs two arguments")
