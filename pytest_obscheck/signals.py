"""What members of a stack can tell beside metrics and alerts: logs, traces, errors, exemplars, dashboards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from pytest_obscheck.capabilities import Series
from pytest_obscheck.errors import LookFailed


@dataclass(frozen=True)
class LogLine:
    """One line of a log: when it was written (Unix seconds), its text, and the labels of its stream."""

    at: float
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LogFilter:
    """Which lines are meant, in words that every store of logs understands; ``~regex`` is one for a label or a field.

    ``fields`` are those of a line that is JSON (``user.id`` reaches inside). ``contains`` is text, ``matches`` a regex (RE2).
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    contains: str = ""
    matches: str = ""


@runtime_checkable
class AnswersLogs(Protocol):
    """Holds log lines and finds them again; both methods raise ``LookFailed`` where they cannot."""

    def query_lines(self, query: str, start: float, end: float) -> list[LogLine]:
        """Return the lines that a query in the store's own language finds after ``start``, up to and with ``end``, in order."""

    def find_lines(self, wanted: LogFilter, start: float, end: float) -> list[LogLine]:
        """Return the lines that a filter lets pass, likewise."""


@dataclass(frozen=True)
class Span:
    """One span: where it belongs, when it began (Unix seconds), how long it took, and what it says of itself.

    ``parent`` is the id of the span above it, ``""`` for none. ``kind``: server, client, producer, consumer or internal.
    """

    trace: str
    id: str
    parent: str
    service: str
    name: str
    kind: str
    start: float
    seconds: float
    failed: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class AnswersTraces(Protocol):
    """Holds traces and finds them again."""

    def find_spans(self, service: str, start: float, end: float) -> list[Span]:
        """Return all spans of the traces that a service had a part in and that began in that time; ``LookFailed``."""


@runtime_checkable
class AnswersTraceQL(Protocol):
    """Holds traces and evaluates TraceQL."""

    def query_spans(self, query: str, start: float, end: float) -> list[Span]:
        """Return the spans that a query finds in that time; ``LookFailed``."""


@dataclass(frozen=True)
class ErrorReport:
    """What an SDK reported: when it arrived (Unix seconds), ``event`` or ``transaction``, its JSON, its trace's sample rate."""

    at: float
    kind: str
    event: Mapping[str, Any]
    sample_rate: str = ""


@dataclass(frozen=True)
class ErrorReports:
    """Reports of some time; since the start ``counts`` by type of item, and what SDKs ``lost``, by category and reason."""

    reports: tuple[ErrorReport, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class CatchesErrors(Protocol):
    """Holds the errors that services reported."""

    def error_reports(self, since: float, until: float) -> ErrorReports:
        """Return what arrived after the Unix second ``since``, up to and with ``until``; ``LookFailed``."""


@runtime_checkable
class AnswersLogQL(Protocol):
    """Evaluates LogQL as dashboards ask it; every method raises ``LookFailed`` where it cannot."""

    def query_logql(self, query: str, start: float, end: float, step: float) -> list[Series]:
        """Return the series of a metric query; of a query for lines, one series for each stream, with a 1 for each line."""

    def stream_labels(self, label: str, selector: str, start: float, end: float) -> list[str]:
        """Return the values of a label in the streams of a selector (``""``: all); without a label, the names of labels."""


@runtime_checkable
class ShowsDashboards(Protocol):
    """Shows dashboards, and sends the queries of their panels to the data sources that it has; raises ``LookFailed``."""

    def data_sources(self) -> list[Mapping[str, Any]]:
        """Return its data sources: ``uid``, ``name``, ``type``, ``isDefault`` and ``jsonData``, as Grafana's API names them."""

    def run_queries(self, queries: Sequence[Mapping[str, Any]], start: float, end: float) -> list[list[Series] | LookFailed]:
        """Return for each query of panels what it gives, or why it fails; they are all of one data source.

        All their variables are filled in, but ``$__interval`` and the like. This raises nothing.
        """


@dataclass(frozen=True)
class Exemplar:
    """A request that stands for a sample: when it was (Unix seconds), the series it counts in, and what it says of itself."""

    at: float
    series: Mapping[str, str]
    labels: Mapping[str, str]


@runtime_checkable
class AnswersExemplars(Protocol):
    """Holds exemplars beside its samples."""

    def exemplars(self, query: str, start: float, end: float) -> list[Exemplar]:
        """Return those of the series that a PromQL query names, in that time; ``LookFailed``."""
