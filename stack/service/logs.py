"""Log lines that machines can read: one JSON object each, with the ids of the request that they belong to."""

from __future__ import annotations

import json
import logging
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from functools import partial
from typing import Any, TextIO

import orjson

from service.timing import now, stamp

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_WORDS = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warn",
    logging.ERROR: "error",
    logging.CRITICAL: "error",
}
_OWN = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "color_message", "taskName", "bound"})
"""What every record has; anything else was given as ``extra``."""

_BOUND: ContextVar[Mapping[str, Any]] = ContextVar("bound", default={})  # noqa: B039  never changed in place


@dataclass
class bound:  # noqa: N801  read as a verb: with bound({...})
    """Puts fields into every line that is logged inside, in this task and in what it starts."""

    fields: Mapping[str, Any]
    _before: Token[Mapping[str, Any]] | None = None

    def __enter__(self) -> None:
        self._before = _BOUND.set({**_BOUND.get(), **self.fields})

    def __exit__(self, *_: object) -> None:
        if self._before:
            _BOUND.reset(self._before)


@dataclass(slots=True)
class Line:
    """A line as every request writes one. To make a ``LogRecord`` of it takes several times as long as to keep this."""

    name: str
    levelno: int
    message: str
    given: Mapping[str, Any]
    created: float
    bound: Mapping[str, Any]

    def getMessage(self) -> str:  # noqa: N802  as a LogRecord has it
        """Return the message."""
        return self.message


Write = Callable[[int, str, Mapping[str, Any]], None]
"""Logs a line: its level, its message, its fields."""


def short_cut(log: logging.Logger) -> Write:
    """Return what logs a line that is known to be wanted, past loggers and filters where the process writes by ``Batches``."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Batches):
            return partial(handler.keep, log.name)
    return lambda level, message, fields: log.log(level, message, extra=dict(fields))


def line_fields(record: logging.LogRecord | Line, service: str) -> dict[str, Any]:
    """Return all fields of a line, in the order in which they are shown."""
    return {
        "timestamp": stamp(record.created),
        "level": _WORDS.get(record.levelno) or logging.getLevelName(record.levelno).lower(),
        "service": service,
        "message": record.getMessage(),
        "logger": record.name,
        **getattr(record, "bound", _BOUND.get()),
        **(record.given if isinstance(record, Line) else _extra(record)),
    }


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    given = {name: value for name, value in vars(record).items() if name not in _OWN}
    return given | (_error(record) if record.exc_info else {})


def _error(record: logging.LogRecord) -> dict[str, Any]:
    kind, error = (record.exc_info or (None, None, None))[:2]
    if kind is None:
        return {}
    trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
    return {"error_type": kind.__name__, "error": str(error), "stack": trace}


@dataclass(frozen=True)
class Lines:
    """Writes each record as one line of text; ``shape`` turns its fields into it. Stands in for ``logging.Formatter``."""

    service: str
    shape: Callable[[dict[str, Any]], str]

    def format(self, record: logging.LogRecord | Line) -> str:
        """Return the line."""
        return self.shape(line_fields(record, self.service))


class Batches(logging.Handler):
    """Writes lines some at a time: at once what is a warning or worse, with all before it, and the rest when told.

    A line alone costs as much as all other instrumentation of a request: a system call, and code that nothing else keeps warm.
    """

    def __init__(self, stream: TextIO, most: int) -> None:
        """Write to ``stream``, and keep back fewer than ``most`` lines."""
        super().__init__()
        self.stream, self.most = stream, most
        self._kept: deque[logging.LogRecord | Line] = deque()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, with the ids of the request that it belongs to."""
        record.bound = _BOUND.get()
        self._add(record)

    def keep(self, name: str, level: int, message: str, fields: Mapping[str, Any]) -> None:
        """Keep a line of a logger's name, with the same ids."""
        self._add(Line(name, level, message, fields, now(), _BOUND.get()))

    def _add(self, record: logging.LogRecord | Line) -> None:
        self._kept.append(record)
        if record.levelno >= logging.WARNING or len(self._kept) >= self.most:
            self.flush()

    def flush(self) -> None:
        """Write all lines that were kept back."""
        with self._own_lock():
            # One by one: another thread may add a line meanwhile, without the lock.
            kept: list[Any] = [self._kept.popleft() for _ in range(len(self._kept))]
            if kept:
                self.stream.write("".join(f"{self.format(record)}\n" for record in kept))
                self.stream.flush()

    @contextmanager
    def _own_lock(self) -> Iterator[None]:
        self.acquire()
        try:
            yield
        finally:
            self.release()


def as_json(fields: dict[str, Any]) -> str:
    """Return the fields as one JSON object."""
    try:
        return orjson.dumps(fields, default=str).decode()
    except TypeError:
        # Half a character, a number beyond 64 bits: whatever it is, the line must not be lost.
        return json.dumps(fields, default=str)


def as_text(fields: dict[str, Any]) -> str:
    """Return the fields as people read them: ``2026-… INFO checkout: paid duration=0.012``."""
    rest = {
        name: value
        for name, value in fields.items()
        if name not in {"timestamp", "level", "service", "message", "logger", "stack"}
    }
    words = "".join(f" {name}={_word(value)}" for name, value in rest.items())
    stack = f"\n{fields['stack']}" if "stack" in fields else ""
    message = str(fields["message"]).replace("\n", "\\n")
    return f"{fields['timestamp']} {fields['level'].upper()} {fields['service']}: {message}{words}{stack}"


def _word(value: Any) -> str:
    # Quoted where a reader could take it for two words, or for two lines.
    text = str(value)
    return text if text.isprintable() and " " not in text else json.dumps(text)


def write_lines() -> None:
    """Write all lines that were kept back."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def set_up_logs(service: str, level: str, shape: str, most: int = 1) -> None:
    """Send every line of the process to standard error, in one of the shapes ``json`` and ``text``.

    Fewer than ``most`` lines are kept back; who gives more than 1 calls ``write_lines`` now and then.
    """
    handler = Batches(sys.stderr, most)
    lines: Any = Lines(service, as_json if shape == "json" else as_text)
    handler.setFormatter(lines)
    logging.basicConfig(handlers=[handler], level=LEVELS[level], force=True)
    logging.captureWarnings(True)
    # Of no use to anybody here, and half of the time that a line takes.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for loud in ("httpx", "httpcore", "uvicorn", "celery", "kombu", "amqp", "opentelemetry"):
        logging.getLogger(loud).setLevel(max(logging.WARNING, LEVELS[level]))
