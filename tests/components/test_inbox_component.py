from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.capabilities import CatchesNotifications, PassesSamples
from pytest_obscheck.components.inbox import Inbox, InboxClient
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.plan import Facts, Route
from pytest_obscheck.protocols import Delivery, Launch, Network, Place

ADDRESSES = {"control": "127.0.0.1:1", "proxy": "127.0.0.1:2", "smtp": "127.0.0.1:3"}


def place(network: Network) -> Place:
    def never(_: Any) -> Any:
        raise AssertionError("the inbox has no file of the user's")

    return Place("inbox", Path("/run/inbox"), Path("/home"), ADDRESSES, network, never, never)


def client(answer: Callable[[httpx.Request], httpx.Response]) -> InboxClient:
    return InboxClient(httpx.Client(base_url="http://inbox", transport=httpx.MockTransport(answer)))


def test_it_is_launched_with_the_network_as_its_configuration() -> None:
    routes = (Route("hooks.slack.com:443", "/x", "slack", "team-a", "alertmanager.yml:7"),)
    network = Network(hosts={"a:80": "127.0.0.1:9"}, routes=routes, ca_file=Path("/run/net/ca.pem"))

    launch = Inbox().launch(place(network))

    assert Launch(("python", "-m", "pytest_obscheck.inbox", "inbox.json"), Path("/run/inbox"), files=launch.files) == launch
    assert json.loads(launch.files["inbox.json"]) == {
        "listen": {"proxy": "127.0.0.1:2", "smtp": "127.0.0.1:3", "control": "127.0.0.1:1"},
        "hosts": {"a:80": "127.0.0.1:9"},
        "routes": [
            {
                "host": "hooks.slack.com:443",
                "path": "/x",
                "sink": "slack",
                "receiver": "team-a",
                "where": "alertmanager.yml:7",
                "resolved": True,
                "seen": True,
                "member": "",
            }
        ],
        "folder": "/run/net",
    }


def test_a_delivery_is_told_by_the_look_after_it_was_noted_however_long_ago_it_arrived() -> None:
    raw = {"sink": "email", "status": "firing", "alerts": [], "text": "", "wall": 9.9, "noted": 10.1}
    answers = iter(({"next": 0, "deliveries": []}, {"next": 1, "deliveries": [raw]}, {"next": 1, "deliveries": []}))
    inbox = client(lambda _: httpx.Response(200, json=next(answers)))
    told = [inbox.arrived(since, since + 1) for since in (9.0, 10.0, 11.0)]

    assert [[each.wall for each in found] for found in told] == [[], [9.9], []]


def test_a_door_is_one_more_address_of_its_own_and_of_this_machine_alone() -> None:
    inbox = Inbox(door="127.0.0.1:28880")
    launch = inbox.launch(place(Network(door=inbox.door)))

    assert json.loads(launch.files["inbox.json"])["listen"]["door"] == "127.0.0.1:28880"
    with pytest.raises(ValueError, match="no address of this machine") as caught:
        Inbox(door="0.0.0.0:28880")
    assert str(caught.value) == "door: '0.0.0.0:28880' is no address of this machine alone; write it like 127.0.0.1:28880"


def test_without_a_ca_file_of_the_network_its_own_folder_holds_it() -> None:
    assert json.loads(Inbox().launch(place(Network())).files["inbox.json"])["folder"] == "/run/inbox"


def test_it_has_no_configuration_of_the_users_and_needs_nobody() -> None:
    inbox = Inbox()

    assert (inbox.facts(place(Network())), inbox.ports, inbox.after) == (Facts(), ("control", "proxy", "smtp"), ())


def test_its_client_catches_notifications_and_passes_samples() -> None:
    asked = Inbox().connect(place(Network()))

    assert isinstance(asked, CatchesNotifications)
    assert isinstance(asked, PassesSamples)
    asked.close()


def test_deliveries_come_back_as_they_were() -> None:
    delivery = Delivery("slack", "firing", ({"labels": {"a": "b"}},), "words", "group", "team-a", 200, 7.0)
    raw = {**delivery.__dict__, "alerts": list(delivery.alerts)}

    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://inbox/deliveries?since=4"
        return httpx.Response(200, json={"next": 5, "deliveries": [raw]})

    assert client(answer).deliveries(4) == (5, [delivery])


def test_an_alteration_is_put_asked_and_ended_under_its_key() -> None:
    seen: list[tuple[str, str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.raw_path.decode(), request.content))
        return httpx.Response(200, json={"scrapes": 1, "samples": 0, "seen": ["up"]})

    asked = client(answer)
    asked.alter("a/b c", {"series": "up"})
    told = asked.altered("a/b c")
    asked.restore("a/b c")

    path = "/alterations/a%2Fb%20c"
    assert told == {"scrapes": 1, "samples": 0, "seen": ["up"]}
    assert [(method, target) for method, target, _ in seen] == [("PUT", path), ("GET", path), ("DELETE", path)]
    assert json.loads(seen[0][2]) == {"series": "up"}


def test_hosts_that_were_refused_and_scraped_are_told() -> None:
    rows = {"/refused": [{"host": "b:443", "by": "x", "count": 1, "first": 7.0}], "/scrapes": {"a:80": {"count": 1}}}
    asked = client(lambda request: httpx.Response(200, json=rows[request.url.path]))

    assert (asked.refused(), asked.scrapes()) == (rows["/refused"], rows["/scrapes"])


def test_a_refusal_is_told_in_the_words_of_the_inbox() -> None:
    with pytest.raises(LookFailed) as caught:
        client(lambda _: httpx.Response(400, text="alteration: no action called 'dorp'\n")).alter("k", {})

    assert str(caught.value) == "inbox: PUT /alterations/k got 400: alteration: no action called 'dorp'"


def test_silence_is_a_look_that_failed_and_not_ready() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(LookFailed) as caught:
        client(answer).deliveries(0)

    assert str(caught.value) == "inbox: GET /deliveries?since=0 got no answer (refused)"
    assert client(answer).ready() is False
    assert client(lambda _: httpx.Response(200, text="ready")).ready() is True
