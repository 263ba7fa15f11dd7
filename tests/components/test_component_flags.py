from __future__ import annotations

import pytest

from pytest_obscheck.components._flags import given, kept, prefix


@pytest.mark.parametrize(
    ("args", "left"),
    [
        ((), ()),
        (("--config.file=/a", "--other=1"), ("--other=1",)),
        (("--config.file", "/a", "--other", "1"), ("--other", "1")),
        (("-config.file", "/a"), ()),
        (("--config.file", "--other"), ("--other",)),
        (("--config.files=/a", "config.file"), ("--config.files=/a", "config.file")),
        (("--other", "--config.file"), ("--other",)),
    ],
)
def test_flags_of_the_harness_are_taken_from_the_users(args: tuple[str, ...], left: tuple[str, ...]) -> None:
    result = kept(args, ("config.file",))

    assert result == left


@pytest.mark.parametrize(
    ("args", "value"), [((), ""), (("--a=1",), "1"), (("--b", "--a", "2"), "2"), (("--a",), ""), (("a=1",), "")]
)
def test_the_value_of_a_flag_is_found_in_both_spellings(args: tuple[str, ...], value: str) -> None:
    result = given(args, "a")

    assert result == value


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ((), ""),
        (("--web.external-url=https://x.example",), ""),
        (("--web.external-url=https://x.example/",), ""),
        (("--web.external-url=https://x.example/a/b/",), "/a/b"),
        (("--web.external-url=https://x.example/a", "--web.route-prefix=/"), ""),
        (("--web.route-prefix", "c"), "/c"),
    ],
)
def test_pages_are_served_below_the_route_prefix_or_the_external_path(args: tuple[str, ...], path: str) -> None:
    result = prefix(args)

    assert result == path
