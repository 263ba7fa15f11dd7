from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration


def test_it_ends_at_once_and_well_on_sigterm_with_connections_open(inbox: Callable[..., Any]) -> None:
    started = inbox()
    assert started.client.ready()

    started.process.terminate()

    assert (started.process.wait(2), started.process.communicate()[1]) == (0, "")


def test_a_port_that_is_taken_is_named(beginner: Any, tmp_path: Path) -> None:
    proxy, smtp = beginner.free(2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        control = f"127.0.0.1:{taken.getsockname()[1]}"
        process = beginner.launch(
            "inbox", {"listen": {"proxy": proxy, "smtp": smtp, "control": control}, "folder": str(tmp_path)}
        )
        said = process.communicate(timeout=5)

    assert (process.returncode, said) == (
        2,
        ("", f"{tmp_path / 'inbox.json'}: port {control} cannot be had (already in use)\n"),
    )


def test_a_broken_configuration_is_named(beginner: Any, tmp_path: Path) -> None:
    process = beginner.launch("inbox", [])
    said = process.communicate(timeout=5)

    words = f"{tmp_path / 'inbox.json'}: is not a JSON object; it needs 'listen', 'hosts', 'routes' and 'folder'\n"
    assert (process.returncode, said) == (2, ("", words))


@pytest.mark.parametrize("mechanism", ["cram_md5", "login", "plain", ""])
def test_mail_is_taken_within_tls_with_any_credentials(inbox: Callable[..., Any], mechanism: str) -> None:
    started = inbox()
    host, _, port = started.listen["smtp"].partition(":")

    with smtplib.SMTP(host, int(port), timeout=5) as smtp:
        smtp.starttls(context=ssl.create_default_context(cafile=started.ca_file))
        smtp.ehlo()
        if mechanism:
            smtp.user, smtp.password = "me", "not-a-secret"
            code, _ = smtp.auth(mechanism.replace("_", "-"), getattr(smtp, f"auth_{mechanism}"))
            assert code == 235
        smtp.sendmail("a@prod.example", ["oncall@prod.example"], "Subject: [RESOLVED] X\n\nwords\n")

    _, (delivery,) = started.client.deliveries(0)
    assert (delivery.sink, delivery.status, delivery.text) == (
        "email",
        "resolved",
        "To: oncall@prod.example\nSubject: [RESOLVED] X\nwords",
    )
    started.process.terminate()
    assert started.process.communicate(timeout=2) == ("", "")
