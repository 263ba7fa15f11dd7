"""The SMTP server behind the mail sink: STARTTLS with the run's certificate, any credentials taken and none kept."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, auth_mechanism

LIMIT = 64 * 1024 * 1024


class Postman:
    """Hands every message on."""

    def __init__(self, take: Callable[[Iterable[str], bytes], str]) -> None:
        """Give each message's recipients and content to ``take``, which returns the SMTP answer."""
        self._take = take

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take one message."""
        # A long mail takes 25 ms to read: scrapes, which pass here too, need not wait for that.
        return await asyncio.to_thread(self._take, envelope.rcpt_tos, envelope.content)

    @auth_mechanism("CRAM-MD5")
    async def auth_cram_md5(self, server: Any, _args: list[str]) -> Any:
        """Pose a challenge and take any answer to it."""
        await server.challenge_auth("<obscheck@localhost>")
        return AuthResult(success=True)


def _anybody(*_: Any) -> Any:
    return AuthResult(success=True)


def protocol(take: Callable[[Iterable[str], bytes], str], context: ssl.SSLContext) -> asyncio.Protocol:
    """Return the protocol of one SMTP connection."""
    # aiosmtpd logs what clients say, and they say passwords.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    server = SMTP(
        Postman(take),
        hostname="localhost",
        ident="obscheck",
        tls_context=context,
        data_size_limit=LIMIT,
        enable_SMTPUTF8=True,
        authenticator=_anybody,
        auth_require_tls=False,
        loop=asyncio.get_running_loop(),
    )
    # aiosmtpd's own challenges are Exim's old ones, which Alertmanager does not take.
    server.AuthLoginUsernameChallenge, server.AuthLoginPasswordChallenge = "Username:", "Password:"
    smtp: asyncio.Protocol = server
    return smtp
