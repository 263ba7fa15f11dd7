"""Makes traffic by a user's own locustfile, unmodified, and keeps a log of every request."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Launch, Place

_LOG, _READY, _GO = "requests.csv", "ready", "go"
_HEADER = "end,method,name,status,seconds,bytes,error,id,lag\n"
_FRONT = "http://${front.address}"


@dataclass(frozen=True)
class Locust:
    """Traffic by Locust: ``users`` of the user classes in ``file``, started ``spawn_rate`` a second (all at once by default).

    ``file`` is relative to the story's folder. ``host`` is what the users talk to; the stack's last service, unless given.
    """

    file: str
    users: int = 10
    spawn_rate: float | None = None
    host: str = ""

    def __post_init__(self) -> None:
        """Refuse a load of nobody."""
        if isinstance(self.users, bool) or not isinstance(self.users, int) or self.users < 1:
            raise ValueError(f"users: {self.users!r} is not a whole number of 1 or more; write it like 10")
        if self.spawn_rate is not None and not self.spawn_rate > 0:
            raise ValueError(f"spawn_rate: {self.spawn_rate!r} starts nobody; write users a second, like 5")

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why there can be no such traffic: the file cannot be read, is no Python, or there is nobody to talk to."""
        try:
            _compiled(Path(self.file))
        except OSError as error:
            yield f"locustfile {self.file!r} cannot be read ({error.strerror}); write its path relative to the story"
        except SyntaxError as error:
            yield f"{self.file}:{error.lineno or 1}: {error.msg}; a locustfile is Python"
        if not self.host and "service" not in plan.members.values():
            yield "the stack has no service to talk to; write host: http://..."

    def launch(self, place: Place) -> Launch:
        """Return how to start Locust; it waits for ``begin``, opens no port, and failing requests do not fail it."""
        ours = Path(__file__).with_name("_requestlog.py")
        argv = (
            "python", "-m", "pytest_obscheck.loads._start", "-f", f"{self.file},{ours}",
            "--headless", "--only-summary", "--loglevel", "WARNING",
            "--users", str(self.users), "--spawn-rate", f"{self.spawn_rate or self.users:g}",
            "--host", place.fill(self.host or _FRONT), "--exit-code-on-error", "0",
        )  # fmt: skip
        environment = {"OBSCHECK_LOAD": str(place.folder)}
        # Empty means not yet: a folder that was used before must not start the traffic.
        files = {_LOG: _HEADER, _READY: "", _GO: ""}
        return Launch(argv, place.folder, cwd=Path(self.file).parent, environment=environment, files=files)

    def waiting(self, place: Place) -> bool:
        """Whether everything is imported and the users are about to start."""
        return _filled(place.folder / _READY)

    def begin(self, place: Place) -> None:
        """Let the users start; they do within 20 ms."""
        (place.folder / _GO).write_text("go\n", encoding="utf-8")

    def requests(self, place: Place) -> str:
        """Return the log of every request that ended so far.

        Columns: ``end`` (Unix seconds), ``method``, ``name``, ``status`` (0 where there was no answer), ``seconds``, ``bytes``
        of the body, ``error`` (empty for none), ``id`` (its correlation id, from the header X-Correlation-ID), ``lag`` (how
        many of the seconds may be Locust's own, which had to wait for a processor or was busy). A line with an ``end``
        alone says when the users stopped. The last line of a log that was cut short is left as it is.
        """
        try:
            return (place.folder / _LOG).read_text(encoding="utf-8")
        except FileNotFoundError:
            return _HEADER

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.users} user{'s' * (self.users > 1)} of {Path(self.file).name}"


def _compiled(path: Path) -> None:
    with warnings.catch_warnings():
        # Whether a warning is an error is for the locust process to say, not for ours.
        warnings.simplefilter("ignore")
        compile(path.read_bytes(), str(path), "exec", dont_inherit=True)


def _filled(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
