from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from pytest_obscheck.components._kept import Answer, Kept


@dataclass
class Server:
    """Answers every GET with what was asked for, keeps connections, and notes who connected and asked."""

    url: str = ""
    status: int = 200
    callers: list[tuple[str, int]] = field(default_factory=list)
    hangs_up: bool = False


@pytest.fixture
def server(serving: Any) -> Iterator[Server]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.callers.append(self.client_address)
            body = self.path.encode()
            self.send_response(made.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            # Without a word about it in the answer: the caller keeps a connection that is not there any more.
            self.close_connection = made.hangs_up

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Handler) as real:
        made.url = f"http://127.0.0.1:{real.server_port}"
        yield made


@pytest.fixture
def kept(server: Server) -> Iterator[Kept]:
    def refuse(answer: Answer) -> None:
        raise LookupError(f"{answer.status_code}: {answer.text}")

    made = Kept(server.url, 5.0, refuse)
    yield made
    made.close()


def test_a_connection_is_kept_for_the_next_request(server: Server, kept: Kept) -> None:
    answers = [kept.request("GET", f"{server.url}/q", {"query": f"up[{number}s]"}) for number in (1, 2)]

    assert [answer.text for answer in answers] == ["/q?query=up%5B1s%5D", "/q?query=up%5B2s%5D"]
    assert len(set(server.callers)) == 1


def test_a_connection_that_was_closed_since_is_replaced(server: Server, kept: Kept) -> None:
    server.hangs_up = True

    answers = [kept.request("GET", f"{server.url}/q", {"n": str(number)}) for number in (1, 2)]

    assert [answer.text for answer in answers] == ["/q?n=1", "/q?n=2"]
    assert len(set(server.callers)) == 2


def test_several_threads_have_a_connection_each(server: Server, kept: Kept) -> None:
    together, texts = threading.Barrier(3), []

    def ask(number: int) -> None:
        together.wait(5)
        texts.append(kept.request("GET", f"{server.url}/q", {"n": str(number)}).text)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(texts) == ["/q?n=0", "/q?n=1", "/q?n=2"]


def test_an_answer_that_is_not_200_is_told_to_whoever_wants_to_say_it_better(server: Server, kept: Kept) -> None:
    server.status = 422

    with pytest.raises(LookupError) as caught:
        kept.request("GET", f"{server.url}/q", {"n": "1"})

    assert caught.value.args == ("422: /q?n=1",)


def test_where_nobody_listens_it_says_so() -> None:
    nobody = Kept("http://127.0.0.1:1", 5.0, lambda _: None)

    with pytest.raises(ConnectionRefusedError):
        nobody.request("GET", "http://127.0.0.1:1/q", {})
