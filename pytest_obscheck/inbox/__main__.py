"""Run the inbox: ``python -m pytest_obscheck.inbox CONFIG.json``."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.errors import ConfigError, PortTaken
from pytest_obscheck.inbox.arrival import Door
from pytest_obscheck.inbox.authority import Authority
from pytest_obscheck.inbox.config import Config, read
from pytest_obscheck.inbox.control import Control
from pytest_obscheck.inbox.ledger import Ledger
from pytest_obscheck.inbox.mailbox import SMTP, Mailbox
from pytest_obscheck.inbox.proxy import Proxy, at_the_door
from pytest_obscheck.inbox.samples import Alterations
from pytest_obscheck.inbox.wire import listen, welcome
from pytest_obscheck.registry import find

MAIL_NAMES = ("127.0.0.1", "localhost")
USAGE = "usage: python -m pytest_obscheck.inbox CONFIG.json"


def main(argv: list[str]) -> int:
    """Serve until SIGTERM and return 0; 2 with one sentence where that cannot be."""
    if len(argv) != 1:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    path = Path(argv[0])
    # What is imported stays: searched for garbage again and again, it would make scrapes late.
    gc.freeze()
    try:
        asyncio.run(_run(path, read(path)))
    except (ConfigError, PortTaken) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _run(path: Path, config: Config) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    authority = Authority(SystemClock().now)
    listeners = _listeners(config, authority)
    for name, address in config.listen.items():
        try:
            await listeners[name](address)
        except PortTaken as error:
            raise PortTaken(f"{path}: {error}") from None
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if any(route.host == SMTP for route in config.routes):
        loop.run_in_executor(None, _prepare_mail, authority)
    await stop.wait()


def _prepare_mail(authority: Authority) -> None:
    """Import what mail needs, which takes longer than a quick scrape may: no scrape shall wait while the first mail comes."""
    from pytest_obscheck.inbox import mail  # noqa: F401, PLC0415 - runs without mail start sooner

    find("sinks", "email")
    authority.context(*MAIL_NAMES)


def _listeners(config: Config, authority: Authority) -> dict[str, Callable[[str], Awaitable[object]]]:
    """Return what begins to listen on an address, by the name that the configuration gives it."""
    clock = SystemClock()
    authority.write(config.folder / "ca.pem")
    mailbox, ledger, alterations = Mailbox(config.routes, clock.now), Ledger(clock.now), Alterations()
    hosts = {host.lower(): address for host, address in config.hosts.items()}
    proxy = Proxy(hosts, mailbox, ledger, alterations, authority)
    control = Control(mailbox, ledger, alterations, authority)
    http = {"proxy": proxy.answer, "control": control.answer, "door": at_the_door(proxy, config.listen.get("door", ""))}
    smtp = _smtp(mailbox, authority)
    return {**{name: partial(listen, answer=answer) for name, answer in http.items()}, "smtp": partial(welcome, protocol=smtp)}


def _smtp(mailbox: Mailbox, authority: Authority) -> Callable[[Door], asyncio.BaseProtocol]:
    def protocol(_: Door) -> asyncio.BaseProtocol:
        from pytest_obscheck.inbox import mail  # noqa: PLC0415 - runs without mail start sooner

        return mail.protocol(mailbox.mail, authority.context(*MAIL_NAMES))

    return protocol


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
