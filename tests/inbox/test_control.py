from __future__ import annotations

import asyncio
import json

import pytest

from pytest_obscheck.inbox.authority import Authority
from pytest_obscheck.inbox.control import Control
from pytest_obscheck.inbox.ledger import Ledger
from pytest_obscheck.inbox.mailbox import Mailbox
from pytest_obscheck.inbox.samples import Alterations
from pytest_obscheck.inbox.wire import Request
from pytest_obscheck.plan import Route

MAIL = b"Subject: [FIRING:1] X\n\nsee https://user:word@prod.example/x\n"


def control(*routes: Route) -> Control:
    return Control(Mailbox(routes, lambda: 7.0), Ledger(lambda: 7.0), Alterations(), Authority(lambda: 7.0))


def asked(to: Control, method: str, target: str, body: bytes = b"") -> tuple[int, str]:
    response = asyncio.run(to.answer(Request(method, target, (), body)))
    assert isinstance(response.body, bytes)
    return response.status, response.body.decode()


def test_it_is_ready_as_soon_as_it_answers() -> None:
    assert asked(control(), "GET", "/ready") == (200, "ready\n")


def test_a_mail_that_takes_time_to_read_arrived_before_it_was_noted() -> None:
    clock = iter((7.0, 9.0))
    mailbox = Mailbox((Route("smtp", "a@prod.example", "email", "team-a"),), lambda: next(clock))
    mailbox.mail(["a@prod.example"], MAIL)
    _, (delivery,) = mailbox.since(0)

    assert (delivery["wall"], delivery["noted"]) == (7.0, 9.0)


def test_deliveries_are_told_from_a_number_on_without_credentials() -> None:
    inbox = control(Route("smtp", "A <a@prod.example>", "email", "team-a"), Route("smtp", "b@prod.example", "email", "team-b"))
    inbox.mailbox.mail(["x@prod.example"], MAIL)
    said = inbox.mailbox.mail(["A@prod.example"], MAIL)

    delivery = {
        "sink": "email",
        "status": "firing",
        "alerts": [],
        "text": "To: a@prod.example\nSubject: [FIRING:1] X\nsee https://prod.example/x",
        "group": "",
        "receiver": "team-a",
        "answered": 250,
        "wall": 7.0,
        "noted": 7.0,
        "merges": False,
    }
    assert said == "250 2.0.0 OK"
    assert json.loads(asked(inbox, "GET", "/deliveries?since=1")[1]) == {"next": 2, "deliveries": [delivery]}
    assert json.loads(asked(inbox, "GET", "/deliveries")[1])["deliveries"][0]["receiver"] == "team-a or team-b"


def test_scrapes_and_refused_hosts_are_told() -> None:
    inbox = control()
    inbox.ledger.answered("a:80", 200)
    inbox.ledger.answered("a:80", 500)
    inbox.ledger.aborted("a:80")
    inbox.ledger.refused("b:443", "blackbox")

    assert json.loads(asked(inbox, "GET", "/scrapes")[1]) == {"a:80": {"count": 3, "errors": 1, "status": 500, "aborted": 1}}
    assert json.loads(asked(inbox, "GET", "/refused")[1]) == [{"host": "b:443", "by": "blackbox", "count": 1, "first": 7.0}]


def test_an_alteration_is_put_told_and_ended() -> None:
    inbox = control()

    assert asked(inbox, "PUT", "/alterations/a%20b", b'{"series": "up", "action": "drop"}') == (204, "")
    assert json.loads(asked(inbox, "GET", "/alterations/a%20b")[1]) == {"scrapes": 0, "samples": 0, "seen": []}
    assert [asked(inbox, "DELETE", "/alterations/a%20b") for _ in range(2)] == [(204, ""), (204, "")]
    assert asked(inbox, "GET", "/alterations/a%20b") == (404, "no alteration called 'a b'\n")


def test_a_certificate_is_shortened_told_and_renewed() -> None:
    inbox = control()

    assert json.loads(asked(inbox, "GET", "/certificates/shop.prod.example")[1]) == {"left": None}
    assert asked(inbox, "PUT", "/certificates/Shop.prod.example", b'{"left": 60}') == (204, "")
    assert json.loads(asked(inbox, "GET", "/certificates/shop.prod.example")[1]) == {"left": 60.0}
    assert [asked(inbox, "DELETE", "/certificates/shop.prod.example") for _ in range(2)] == [(204, ""), (204, "")]
    assert json.loads(asked(inbox, "GET", "/certificates/shop.prod.example")[1]) == {"left": None}


@pytest.mark.parametrize(
    ("method", "target", "body", "answer"),
    [
        (
            "GET",
            "/deliveries?since=-1",
            b"",
            (400, "since=-1 is not a number; it is the 'next' of the last answer, 0 at first\n"),
        ),
        ("POST", "/ready", b"", (405, "POST is not what /ready is asked; write GET\n")),
        ("POST", "/alterations/k", b"", (405, "POST is not what an alteration is asked; write PUT, GET or DELETE\n")),
        ("POST", "/certificates/n", b"", (405, "POST is not what a certificate is asked; write PUT, GET or DELETE\n")),
        (
            "PUT",
            "/certificates/n",
            b"{}",
            (400, "b'{}' does not say how long a certificate lasts; write it like {'left': 86400}\n"),
        ),
        ("PUT", "/alterations/k", b"[]", (400, "the rule [] is not an object\n")),
        ("PUT", "/alterations/k", b"", (400, "the rule is not JSON (Expecting value: line 1 column 1 (char 0))\n")),
        (
            "PUT",
            "/alterations/k",
            b'{"series": "up", "action": "dorp"}',
            (400, "alteration: no action called 'dorp'; did you mean 'drop'?\n"),
        ),
        (
            "GET",
            "/health",
            b"",
            (
                404,
                (
                    "nothing is called '/health' here; there are /ready, /deliveries, /refused, /scrapes, /alterations/KEY, "
                    "/certificates/NAME\n"
                ),
            ),
        ),
    ],
)
def test_a_wrong_question_gets_the_reason(method: str, target: str, body: bytes, answer: tuple[int, str]) -> None:
    assert asked(control(), method, target, body) == answer
