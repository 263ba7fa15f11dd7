"""What a gateway passes on, what it refuses, and what it says of an answer that is none."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from pytest_obscheck.errors import LookFailed
from pytest_obscheck.gateway.__main__ import Gateway
from pytest_obscheck.gateway.credentials import headers
from pytest_obscheck.inbox.wire import Request

URL = "https://prometheus.example/prefix"
NOTHING = dict.fromkeys(("token_file", "token_env", "user", "password_file", "password_env"), "")
HTML = {"content-type": "text/html; charset=utf-8"}


def asked(answer: Callable[[httpx.Request], httpx.Response], *requests: Request) -> tuple[list[tuple[int, str]], str]:
    """Return the statuses and texts that a gateway gives, and why it ends by itself."""

    async def all_of_them() -> tuple[list[tuple[int, str]], str]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            gateway = Gateway(URL, client, asyncio.Event())
            found = [await gateway.answer(request) for request in requests]
            assert gateway.stop.is_set() == bool(gateway.trouble)
            return [(each.status, each.body.decode()) for each in found if isinstance(each.body, bytes)], gateway.trouble

    return asyncio.run(all_of_them())


def test_a_question_is_passed_on_with_its_path_and_its_words() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=f"{request.method} {request.url} {request.content.decode()}")

    found, trouble = asked(answer, Request("GET", "/api/v1/query?query=up"), Request("POST", "/api/v1/query", (), b"query=up"))

    wanted = [(200, f"GET {URL}/api/v1/query?query=up "), (200, f"POST {URL}/api/v1/query query=up")]
    assert (found, trouble) == (wanted, "")


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v2/silences"), ("DELETE", "/api/v2/silence/1"), ("PUT", "/query")])
def test_what_would_change_something_never_gets_there(method: str, path: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request)

    found, trouble = asked(answer, Request(method, path))

    assert (found, trouble) == ([(403, f"{URL} is attached, and read-only: {method} {path} is refused\n")], "")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (
            httpx.Response(302, headers={"location": "/login"}),
            "redirects to '/login', a login page perhaps; give it a token or a password",
        ),
        (httpx.Response(401), "answers 401: it wants other credentials; write token_file, or user and password_file"),
        (
            httpx.Response(200, headers=HTML, text="<html>"),
            "answers with a page of HTML instead of its API; write the URL under which its API is",
        ),
    ],
)
def test_an_answer_that_is_none_ends_the_gateway_with_the_reason(given: httpx.Response, wanted: str) -> None:
    found, trouble = asked(lambda _: given, Request("GET", "/-/ready"))

    assert (found, trouble) == ([(502, f"{URL} {wanted}\n")], f"{URL} {wanted}")


def test_who_refuses_connections_is_named() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno 111] Connection refused")

    _, trouble = asked(answer, Request("GET", "/-/ready"))

    assert trouble == f"{URL} does not answer ([Errno 111] Connection refused); it must already run"


def test_what_fails_after_it_has_worked_is_evidence_and_no_end() -> None:
    answers = iter([httpx.Response(200), httpx.Response(302, headers={"location": "/login"})])

    found, trouble = asked(lambda _: next(answers), Request("GET", "/-/ready"), Request("GET", "/-/ready"))

    assert ([status for status, _ in found], trouble) == ([200, 502], "")


def test_a_token_comes_from_a_file_or_the_environment_and_a_password_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("from-file\n")
    monkeypatch.setenv("SECRET", "from-env")
    config: dict[str, Any] = NOTHING

    assert headers(config) == {}
    assert headers({**config, "token_file": f"{tmp_path}/secret"}) == {"Authorization": "Bearer from-file"}
    assert headers({**config, "token_env": "SECRET"}) == {"Authorization": "Bearer from-env"}
    basic = {"Authorization": "Basic bWU6ZnJvbS1maWxl"}
    assert headers({**config, "user": "me", "password_file": f"{tmp_path}/secret"}) == basic


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"token_file": "/nowhere/token"}, "token_file: /nowhere/token cannot be read (No such file or directory)"),
        ({"token_env": "NO_SUCH_TOKEN"}, "token_env: the variable NO_SUCH_TOKEN is not set; export it before the run"),
    ],
)
def test_a_secret_that_cannot_be_read_is_named(more: dict[str, str], wanted: str) -> None:
    with pytest.raises(LookFailed) as caught:
        headers({**NOTHING, **more})

    assert str(caught.value) == wanted


AUTHORITY = trustme.CA()
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def told_of(certificate: trustme.LeafCert, trusted: trustme.CA) -> tuple[str, str]:
    """Return why a gateway ends that meets a server with a certificate, and the URL of that server."""

    async def meet() -> tuple[str, str]:
        context, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
        certificate.configure_cert(context)
        trusted.configure_trust(ours)
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, httpx.AsyncClient(trust_env=False, verify=ours) as client:
            gateway = Gateway(url, client, asyncio.Event())
            await gateway.answer(Request("GET", "/-/ready"))
            return gateway.trouble, url

    return asyncio.run(meet())


@pytest.mark.parametrize(
    ("certificate", "trusted", "words"),
    [
        (
            AUTHORITY.issue_cert("prometheus.example"),
            AUTHORITY,
            "shows a certificate for another name; write the host as the certificate has it",
        ),
        (
            AUTHORITY.issue_cert("127.0.0.1", not_after=LONG_AGO),
            AUTHORITY,
            "shows a certificate that has expired; it must be renewed there",
        ),
        (
            AUTHORITY.issue_cert("127.0.0.1"),
            trustme.CA(),
            "shows a certificate that is not trusted here; write its authority as ca_file",
        ),
    ],
    ids=["another name", "expired", "another authority"],
)
def test_a_certificate_that_will_not_do_is_told_with_what_is_wrong_with_it(
    certificate: trustme.LeafCert, trusted: trustme.CA, words: str
) -> None:
    trouble, url = told_of(certificate, trusted)

    assert trouble == f"{url} {words}"
