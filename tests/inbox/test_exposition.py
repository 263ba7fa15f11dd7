from __future__ import annotations

import pytest

from pytest_obscheck.inbox.exposition import Sample, number_text, sample


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"up 1\n", Sample(b"up ", {"__name__": "up"}, b"1", b"\n")),
        (b"up{} 1", Sample(b"up{} ", {"__name__": "up"}, b"1", b"")),
        (b'a:b{x="1",} \t2.5e3 1700\n', Sample(b'a:b{x="1",} \t', {"__name__": "a:b", "x": "1"}, b"2.5e3", b" 1700\n")),
        (
            rb'm{path="/a}, {b=\"c\" \\ d\n",z = "#"} +Inf' + b"\n",
            Sample(
                rb'm{path="/a}, {b=\"c\" \\ d\n",z = "#"} ',
                {"__name__": "m", "path": '/a}, {b="c" \\ d\n', "z": "#"},
                b"+Inf",
                b"\n",
            ),
        ),
        (
            b'h_bucket{le="0.5"} 7 # {trace_id="x y"} 0.4 1700.5\n',
            Sample(b'h_bucket{le="0.5"} ', {"__name__": "h_bucket", "le": "0.5"}, b"7", b' # {trace_id="x y"} 0.4 1700.5\n'),
        ),
        (
            b'{"my.metric","a b"="c"} 1\n',
            Sample(b'{"my.metric","a b"="c"} ', {"__name__": "my.metric", "a b": "c"}, b"1", b"\n"),
        ),
        (b'm{a="\xff"} NaN\n', Sample(b'm{a="\xff"} ', {"__name__": "m", "a": "\ufffd"}, b"NaN", b"\n")),
    ],
)
def test_a_line_is_read_exactly(line: bytes, expected: Sample) -> None:
    read = sample(line)

    assert read == expected
    assert read.series + read.value + read.rest == line


@pytest.mark.parametrize(
    "line",
    [
        b"# HELP up 1\n",
        b"#\n",
        b"\n",
        b"",
        b"# EOF\n",
        b"up\n",
        b"up one\n",
        b'up{a="1" 1\n',
        b'up{a="1} 1\n',
        b'{a="1"} 1\n',
        b"\xff\xfe 1\n",
    ],
)
def test_what_is_no_sample_is_left_alone(line: bytes) -> None:
    assert sample(line) is None


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1.0, b"1"),
        (0.1, b"0.1"),
        (-3.0, b"-3"),
        (1e300, b"1e+300"),
        (float("inf"), b"+Inf"),
        (-float("inf"), b"-Inf"),
        (float("nan"), b"NaN"),
    ],
)
def test_a_value_is_written_as_an_exposition_writes_it(number: float, expected: bytes) -> None:
    assert number_text(number) == expected
