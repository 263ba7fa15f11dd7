"""What ``${...}`` stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.stack.file import StackFile, read
from pytest_obscheck.stack.filling import Filling

ADDRESSES = {
    "payments": {"http": "127.0.0.1:1001", "admin": "127.0.0.1:1002"},
    "checkout": {"http": "127.0.0.1:1003"},
}


@pytest.fixture
def stack(tmp_path: Path) -> StackFile:
    path = tmp_path / "stack.yaml"
    path.write_text("services:\n  payments: {command: x, ports: [http, admin]}\n  checkout: {command: y}\n", encoding="utf-8")
    return read(path)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("--host=${host} --port=${port.http}", "--host=127.0.0.1 --port=1003"),
        ("http://${payments.address}/x", "http://127.0.0.1:1001/x"),
        ("${payments.admin}", "127.0.0.1:1002"),
        ("${front.address} ${checkout.address}", "127.0.0.1:1003 127.0.0.1:1003"),
        ("$$HOME costs 5$", "$HOME costs 5$"),
        ("$${payments.address}", "${payments.address}"),
    ],
)
def test_names_are_filled_in_and_a_doubled_dollar_is_one(stack: StackFile, text: str, wanted: str) -> None:
    assert Filling(stack, "checkout", ADDRESSES).text(text) == wanted


def test_the_way_to_a_member_goes_through_the_fault_proxy_but_only_to_its_main_port(stack: StackFile) -> None:
    filling = Filling(stack, "checkout", ADDRESSES, {"payments": "127.0.0.1:9999"})

    assert filling.text("${payments.address} ${payments.http} ${payments.admin}") == (
        "127.0.0.1:9999 127.0.0.1:9999 127.0.0.1:1002"
    )


def test_what_stands_for_nothing_is_named(stack: StackFile) -> None:
    filling = Filling(stack, "checkout")

    unknown = filling.unknown("${payments.address} ${paymnts.address} ${port.admin} ${} $${x} ${front.address}")

    assert unknown == ["paymnts.address", "port.admin", ""]
