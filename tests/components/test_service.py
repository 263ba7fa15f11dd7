"""A user's service: how it is launched, what it is asked, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.capabilities import ReportsHealth, SaysWhyUnready
from pytest_obscheck.components._asking import ServiceClient
from pytest_obscheck.components.service import Service
from pytest_obscheck.errors import ConfigError, LookFailed
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Network, Place

PLACE = Place(
    name="checkout",
    folder=Path("/run/checkout"),
    home=Path("/shop"),
    addresses={"http": "127.0.0.1:20123"},
    network=Network(),
    fill=lambda text: text.replace("${port.http}", "20123").replace("${payments.address}", "127.0.0.1:20124"),
    open=lambda _: pytest.fail("a service has no file to open"),
)


def client(answer: Callable[[httpx.Request], httpx.Response], ready: str = "/") -> ServiceClient:
    """Return a client whose service answers so."""
    pool = httpx.Client(base_url="http://127.0.0.1:20123", transport=httpx.MockTransport(answer))
    return ServiceClient("checkout", pool, ready)


@pytest.mark.parametrize(
    "command", [("python", "-m", "shop", "--port", "${port.http}"), "python -m shop --port '${port.http}'"]
)
def test_it_is_launched_in_its_own_folder_with_everything_filled_in(command: Any) -> None:
    service = Service(command, environment={"PAYMENTS_URL": "http://${payments.address}"})
    expected = Launch(
        argv=("python", "-m", "shop", "--port", "20123"),
        folder=Path("/run/checkout"),
        cwd=Path("/shop"),
        environment={"PAYMENTS_URL": "http://127.0.0.1:20124"},
    )

    assert service.launch(PLACE) == expected
    assert (service.ports, service.after, service.facts(PLACE)) == (("http",), (), Facts())


def test_it_is_launched_in_another_folder_where_it_says_so(tmp_path: Path) -> None:
    place = Place(**{**vars(PLACE), "home": tmp_path / "stack"})

    assert Service(("shop",), working_dir="..").launch(place).cwd == tmp_path
    with pytest.raises(ConfigError) as raised:
        Service(("shop",), working_dir="../shop").facts(place)

    right = "name the folder in which its command is to run, seen from that of stack.yaml, like .."
    assert str(raised.value) == f"checkout: working_dir: there is no folder '../shop'; {right}"


def test_its_main_port_is_the_first_one() -> None:
    service = Service(("shop",), ports=("web", "metrics"))
    place = Place(**{**vars(PLACE), "addresses": {"metrics": "127.0.0.1:2", "web": "127.0.0.1:1"}})
    connected = service.connect(place)

    assert isinstance(connected, ReportsHealth)
    assert str(connected.pool.base_url) == "http://127.0.0.1:1"
    connected.close()


def test_its_answer_is_told_with_its_json() -> None:
    answer = client(lambda request: httpx.Response(503, json={"path": request.url.path})).ask("/health", 1.0)

    assert (answer.status, answer.json, answer.text) == (503, {"path": "/health"}, '{"path":"/health"}')
    assert 0 <= answer.seconds < 1


def test_an_answer_that_is_no_json_is_an_answer_too() -> None:
    answer = client(lambda _: httpx.Response(200, text="fine")).ask("/", 1.0)

    assert (answer.json, answer.text) == (None, "fine")


def test_a_kept_connection_that_has_ended_is_replaced_once() -> None:
    asked: list[str] = []

    def restarted(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if len(asked) == 1:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(200)

    assert client(restarted).ask("/health", 1.0).status == 200
    assert asked == ["/health", "/health"]


@pytest.mark.parametrize(
    ("error", "words", "tries"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused"), "[Errno 111] Connection refused", 1),
        (httpx.ReadTimeout(""), "ReadTimeout", 1),
        (httpx.ReadError("[Errno 104] Connection reset by peer"), "[Errno 104] Connection reset by peer", 2),
    ],
)
def test_where_nothing_answers_the_look_failed(error: Exception, words: str, tries: int) -> None:
    asked: list[str] = []

    def dead(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        raise error

    with pytest.raises(LookFailed) as raised:
        client(dead).ask("/health", 1.0)

    assert str(raised.value) == f"checkout: GET /health was not answered: {words}"
    assert len(asked) == tries


@pytest.mark.parametrize(("status", "ready"), [(200, True), (204, True), (302, False), (404, False), (503, False)])
def test_it_is_ready_when_its_path_answers_2xx(status: int, ready: bool) -> None:
    answers = {"/health/liveness": status}

    assert client(lambda r: httpx.Response(answers.get(r.url.path, 500)), "/health/liveness").ready() is ready


def test_a_service_that_does_not_answer_is_not_ready() -> None:
    def dead(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert not client(dead).ready()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"command": ()}, "command: there is none; write it like [python, -m, shop]"),
        (
            {"command": "python 'shop"},
            'command: "python \'shop" cannot be split into words (No closing quotation); write it like [python, -m, shop]',
        ),
        ({"command": ("shop",), "ports": ()}, "ports: there is none; write it like [http]"),
        ({"command": ("shop",), "ready": "health"}, "ready: 'health' is not a path; write it like '/health'"),
    ],
)
def test_what_cannot_be_started_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        Service(**fields)

    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "was answered with 404; `ready:` must name a path that answers 2xx"),
        (0, "was not answered: [Errno 111] Connection refused; it must listen on the port that ${port.…} stands for"),
    ],
)
def test_what_is_not_ready_says_what_it_was_asked(status: int, said: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        if not status:
            raise httpx.ConnectError("[Errno 111] Connection refused")
        return httpx.Response(status)

    asked = client(answer, "/health")

    assert isinstance(asked, SaysWhyUnready)
    assert asked.why_unready() == f"GET http://127.0.0.1:20123/health {said}"
