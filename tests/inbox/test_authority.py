"""The certificates that the run's authority shows: for ever, for so long, and for ever again."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_obscheck.inbox.authority import Authority

NOW = 4_000_000_000.0
"""Long after today: what ended before is refused by no clock of ours."""


def shown(authority: Authority, name: str, ca_file: Path) -> float:
    """Return when the certificate ends (Unix seconds) that a client is shown who asks for a name, by a handshake in memory."""
    authority.write(ca_file)
    context = ssl.create_default_context(cafile=str(ca_file))
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(back, there, server_hostname=name)
    server = authority.context("proxy.prod.example").wrap_bio(there, back, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    told = client.getpeercert()
    assert told
    return datetime.strptime(str(told["notAfter"]), "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC).timestamp()


def test_a_certificate_ends_when_it_is_told_to_and_lasts_when_it_is_renewed(tmp_path: Path) -> None:
    authority = Authority(lambda: NOW)
    lasting = shown(authority, "shop.prod.example", tmp_path / "ca.pem")

    authority.expire("shop.prod.example", 86400.0)

    assert shown(authority, "shop.prod.example", tmp_path / "ca.pem") == NOW + 86400
    assert shown(authority, "other.prod.example", tmp_path / "ca.pem") == lasting
    assert authority.left("shop.prod.example") == 86400.0
    authority.renew("shop.prod.example")
    authority.renew("shop.prod.example")
    assert shown(authority, "shop.prod.example", tmp_path / "ca.pem") == lasting > NOW + 86400
    assert authority.left("shop.prod.example") is None


def test_a_certificate_that_has_ended_is_refused_by_who_checks_it(tmp_path: Path) -> None:
    authority = Authority(lambda: 1_000_000_000.0)

    authority.expire("shop.prod.example", -60.0)

    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        shown(authority, "shop.prod.example", tmp_path / "ca.pem")
