from __future__ import annotations

from fractions import Fraction

import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.speed import Span, check_divides, check_ranges, check_speed, factor, largest, tick
from pytest_obscheck.speed.durations import milliseconds, spelled


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("1w", 604_800_000),
        ("250ms", 250),
        ("0", 0),
        ("300", 300_000),
        ("1.5h", 5_400_000),
    ],
)
def test_prometheus_and_go_durations_are_whole_milliseconds(text: str, length: int) -> None:
    assert milliseconds(text) == length


def test_what_is_no_duration_is_refused_with_an_example() -> None:
    with pytest.raises(ValueError, match=r"'5 minutes' is not a duration; write it like '800ms', '10s' or '1m30s'"):
        milliseconds("5 minutes")


@pytest.mark.parametrize(("length", "text"), [(5000, "5s"), (1875, "1875ms"), (90_000, "90s"), (86_400_000, "24h"), (0, "0s")])
def test_a_duration_is_spelled_in_the_largest_unit_that_both_languages_know(length: int, text: str) -> None:
    assert spelled(length) == text


def test_a_fraction_of_a_millisecond_has_no_spelling() -> None:
    with pytest.raises(ValueError, match="not a whole number of milliseconds"):
        spelled(Fraction(1, 3))


def spans(**lengths: int) -> list[Span]:
    return [Span(Fraction(length), f"{name} (rules.yml:1)", "range") for name, length in lengths.items()]


def message(check: object, *arguments: object) -> str:
    with pytest.raises(ConfigError) as raised:
        check(*arguments)  # type: ignore[operator]
    return str(raised.value)


def test_the_tick_is_the_longest_time_that_all_are_multiples_of() -> None:
    assert tick(spans(A=90_000, B=60_000)) == 30_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0", "speed: 0 is not a speed; it must be 1 or more: 60 plays an hour in a minute"),
        ("-3", "speed: -3 is not a speed; it must be 1 or more: 60 plays an hour in a minute"),
        ("0.5", "speed: 0.5 is not a speed; it must be 1 or more: 60 plays an hour in a minute"),
        ("fast", "speed: 'fast' is not a number; write it like 60"),
        ("60x", "speed: '60x' is not a number; write it like 60"),
        ("nan", "speed: 'nan' is not a number; write it like 60"),
    ],
)
def test_a_speed_is_a_number_of_at_least_one(text: str, told: str) -> None:
    assert message(factor, text) == told


def test_an_option_is_named_with_the_other_word_that_it_takes() -> None:
    with pytest.raises(ConfigError) as raised:
        factor("fast", "--obs-speed", auto=True)

    assert (
        str(raised.value)
        == "--obs-speed: 'fast' is not a number; write it like 60, or auto: as fast as ranges and scrapes allow"
    )


def test_a_speed_may_be_a_fraction() -> None:
    assert factor("7.5") == Fraction(15, 2)


def test_a_speed_that_does_not_divide_names_the_nearest_that_does() -> None:
    told = message(check_divides, spans(A=30_000, B=300_000), Fraction(7), 1000)

    assert told == (
        "A (rules.yml:1): 30s divided by 7 is not a whole number of milliseconds; "
        "the nearest speed that divides every duration is 6 or 8"
    )


def test_the_nearest_speed_that_is_named_leaves_enough_scrapes_too() -> None:
    ours = spans(Short=5000, Long=6000)

    told = message(check_speed, ours, Fraction(60), Fraction(1000))

    assert told.splitlines() == [
        (
            "Short (rules.yml:1): 5s divided by 60 is not a whole number of milliseconds; "
            "the nearest speed that divides every duration and leaves every range its scrapes is 25"
        ),
        (
            "Short (rules.yml:1): at speed 60 the range 5s holds 1 scrapes and needs 4; "
            "the largest possible speed is 25, limited by Short (rules.yml:1)"
        ),
    ]
    check_speed(ours, Fraction(25), Fraction(1000))


def test_every_duration_divides_where_the_tick_does() -> None:
    check_divides(spans(A=30_000, B=300_000), Fraction(60), 1000)


def test_a_speed_that_leaves_too_few_scrapes_names_the_largest_and_the_rule() -> None:
    told = message(check_ranges, spans(Wide=300_000, Narrow=60_000), Fraction(600), Fraction(15_000))

    assert told == (
        "Narrow (rules.yml:1): at speed 600 the range 1m holds 2 scrapes and needs 4; "
        "the largest possible speed is 300, limited by Narrow (rules.yml:1)"
    )


def test_a_range_that_holds_two_scrapes_in_production_needs_no_more() -> None:
    assert largest(spans(A=60_000), 30_000).factor == 600


def test_holds_do_not_limit_the_speed() -> None:
    limit = largest([Span(Fraction(60_000), "A", "for")], 15_000)

    assert (limit.factor, limit.by) == (300, None)


def test_a_limit_says_what_limits() -> None:
    assert str(largest(spans(Narrow=60_000), 15_000)) == "300, limited by the range 1m of Narrow (rules.yml:1)"
    assert str(largest([], 15_000)) == "300, limited by the scrape interval"
