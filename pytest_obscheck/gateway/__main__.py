"""Run a gateway: ``python -m pytest_obscheck.gateway CONFIG.json``. It ends with a sentence where its first request fails."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from pytest_obscheck.errors import LookFailed, PortTaken
from pytest_obscheck.gateway.credentials import headers
from pytest_obscheck.inbox.wire import Request, Response, listen, said

PATIENCE = 5.0
"""Seconds for one answer."""
_ASKING = ("/query", "/query_range", "/query_exemplars", "/series", "/labels", "/format_query")
"""Ends of paths to which a POST changes nothing: it is a question that may be longer than a URL."""
_KEPT = frozenset({b"accept", b"content-type", b"x-scope-orgid"})


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM; 1 with one sentence where what is attached to is of no use, 2 where this is not told what."""
    if len(argv) != 1:
        sys.stderr.write("usage: python -m pytest_obscheck.gateway CONFIG.json\n")
        return 2
    try:
        return asyncio.run(_run(json.loads(Path(argv[0]).read_text(encoding="utf-8"))))
    except (PortTaken, LookFailed) as error:
        sys.stderr.write(f"{error}\n")
        return 1


async def _run(config: Mapping[str, Any]) -> int:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    own = headers(config)
    trust: Any = ssl.create_default_context(cafile=config["ca_file"] or None)
    async with httpx.AsyncClient(trust_env=False, verify=trust, headers=own, timeout=PATIENCE) as client:
        gateway = Gateway(config["url"].rstrip("/"), client, stop, html=config["html"])
        await listen(config["listen"], gateway.answer)
        await stop.wait()
    return 1 if gateway.trouble else 0


@dataclass
class Gateway:
    """Asks what is attached to, and nothing else of it. ``html``: whether a page is an answer there."""

    url: str
    client: httpx.AsyncClient
    stop: asyncio.Event
    html: bool = False
    trouble: str = field(default="", init=False)
    _worked: bool = field(default=False, init=False)

    async def answer(self, request: Request) -> Response:
        """Pass a question on; what would change something is refused, and what is no answer is a 502 with the reason."""
        path = request.target.partition("?")[0]
        if request.method not in ("GET", "HEAD") and not (request.method == "POST" and path.endswith(_ASKING)):
            return said(403, f"{self.url} is attached, and read-only: {request.method} {path} is refused")
        kept = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers if name in _KEPT}
        try:
            found = await self.client.request(request.method, self.url + request.target, content=request.body, headers=kept)
        except httpx.HTTPError as error:
            return self._of_no_use(unanswered(self.url, error))
        wrong = no_answer(self.url, found, html=self.html)
        if wrong:
            return self._of_no_use(wrong)
        self._worked = True
        kind = found.headers.get("content-type", "text/plain").encode()
        return Response(found.status_code, found.content, ((b"content-type", kind),))

    def _of_no_use(self, why: str) -> Response:
        if not self._worked and not self.trouble:
            # Nothing is going to start there that would be worth waiting for: it was said to run.
            self.trouble = why
            sys.stderr.write(f"{why}\n")
            self.stop.set()
        return said(502, why)


def unanswered(url: str, error: httpx.HTTPError) -> str:
    """Return why there was no answer at all."""
    if isinstance(error, httpx.TimeoutException):
        return f"{url} gave no answer within {PATIENCE:g} s; is this the way to it from here?"
    if "certificate is not valid for" in str(error):
        return f"{url} shows a certificate for another name; write the host as the certificate has it"
    if "certificate has expired" in str(error):
        return f"{url} shows a certificate that has expired; it must be renewed there"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return f"{url} shows a certificate that is not trusted here; write its authority as ca_file"
    return f"{url} does not answer ({error or type(error).__name__}); it must already run"


def no_answer(url: str, found: httpx.Response, *, html: bool) -> str:
    """Return why an answer is none of the member's own; ``""`` where it is one."""
    if found.is_redirect:
        return f"{url} redirects to {found.headers.get('location')!r}, a login page perhaps; give it a token or a password"
    if found.status_code in (401, 403):
        return f"{url} answers {found.status_code}: it wants other credentials; write token_file, or user and password_file"
    if not html and found.headers.get("content-type", "").startswith("text/html"):
        return f"{url} answers with a page of HTML instead of its API; write the URL under which its API is"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
