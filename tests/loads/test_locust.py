"""Locust: how it is launched, when it waits, what its log is, and what is refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.loads import locust as module
from pytest_obscheck.loads.locust import Locust
from pytest_obscheck.plan import Facts, Plan
from pytest_obscheck.protocols import Network, Place

HEADER = "end,method,name,status,seconds,bytes,error,id,lag\n"
ROW = "1795249163.747597,GET,/,200,0.004,2,,c-1,0.001\n"


def place(folder: Path) -> Place:
    """Return where a load could live, with one service in front."""
    filled = {"http://${front.address}": "http://127.0.0.1:20123"}
    return Place("load", folder, folder, {}, Network(), lambda text: filled.get(text, text), lambda _: pytest.fail("no file"))


def plan(**members: str) -> Plan:
    """Return a stack of such members."""
    return Plan(Path(), members, {}, {}, Facts(), (), lambda _: "")


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (Locust("/shop/checkout.py"), ["--users", "10", "--spawn-rate", "10", "--host", "http://127.0.0.1:20123"]),
        (
            Locust("/shop/checkout.py", users=3, spawn_rate=0.5, host="http://x"),
            ["--users", "3", "--spawn-rate", "0.5", "--host", "http://x"],
        ),
    ],
)
def test_it_is_launched_beside_the_users_file_without_a_web_interface(
    load: Locust, expected: list[str], tmp_path: Path
) -> None:
    launch = load.launch(place(tmp_path))
    ours = Path(module.__file__).with_name("_requestlog.py")
    argv = list(launch.argv)

    assert argv[:5] == ["python", "-m", "pytest_obscheck.loads._start", "-f", f"/shop/checkout.py,{ours}"]
    assert "--headless" in argv
    assert [word for word in argv if word in expected] == expected
    assert argv[-2:] == ["--exit-code-on-error", "0"]
    assert (launch.folder, launch.cwd) == (tmp_path, Path("/shop"))


def test_it_waits_when_it_says_so_and_goes_when_told(tmp_path: Path) -> None:
    load, here = Locust("checkout.py"), place(tmp_path)
    for name, text in load.launch(here).files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert not load.waiting(here)

    (tmp_path / "ready").write_text("ready\n", encoding="utf-8")
    load.begin(here)

    assert load.waiting(here)
    assert (tmp_path / "go").read_text(encoding="utf-8") == "go\n"


def test_a_process_that_has_not_begun_is_not_waiting(tmp_path: Path) -> None:
    assert not Locust("checkout.py").waiting(place(tmp_path))


def test_the_last_line_of_its_log_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "requests.csv").write_text(f"{HEADER}{ROW}1795249164.1,GE", encoding="utf-8")

    assert Locust("checkout.py").requests(place(tmp_path)) == f"{HEADER}{ROW}1795249164.1,GE"


def test_without_a_log_there_were_no_requests(tmp_path: Path) -> None:
    assert Locust("checkout.py").requests(place(tmp_path)) == HEADER


def test_it_speaks_of_its_users() -> None:
    assert [str(Locust("/shop/loads/checkout.py", users=n)) for n in (1, 20)] == [
        "1 user of checkout.py",
        "20 users of checkout.py",
    ]


def test_a_file_with_a_service_to_talk_to_is_fine(tmp_path: Path) -> None:
    file = tmp_path / "checkout.py"
    file.write_text("PATTERN = '\\d'\n", encoding="utf-8")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(Locust(str(file)).problems(plan(checkout="service"))) == []
        assert list(Locust(str(file), host="http://x").problems(plan())) == []


def test_a_file_that_is_not_there_and_a_stack_without_a_service_are_both_told() -> None:
    assert list(Locust("/no/where.py").problems(plan(prometheus="prometheus"))) == [
        "locustfile '/no/where.py' cannot be read (No such file or directory); write its path relative to the story",
        "the stack has no service to talk to; write host: http://...",
    ]


def test_a_file_that_is_no_python_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "checkout.py"
    file.write_text("\n\ndef (:\n", encoding="utf-8")

    assert list(Locust(str(file)).problems(plan(checkout="service"))) == [f"{file}:3: invalid syntax; a locustfile is Python"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"users": 0}, "users: 0 is not a whole number of 1 or more; write it like 10"),
        ({"users": "many"}, "users: 'many' is not a whole number of 1 or more; write it like 10"),
        ({"spawn_rate": 0}, "spawn_rate: 0 starts nobody; write users a second, like 5"),
    ],
)
def test_a_load_of_nobody_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        Locust("checkout.py", **fields)

    assert str(raised.value) == message
