"""A scrape as OpenMetrics text, which has exemplars and the moments at which series were created.

https://prometheus.io/docs/specs/om/open_metrics_spec/, as Prometheus reads it: names stay as the series have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from pytest_obscheck.inbox.exposition import number_text
from pytest_obscheck.synthetic.details import Moment
from pytest_obscheck.synthetic.exposition import Exposed, Family, Page, Showing, head, shown
from pytest_obscheck.synthetic.notation import NAME

CONTENT_TYPE = b"application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"


def text(page: Page, value: Showing, moment: Moment) -> bytes:
    """Return the text of a scrape in which each series has this value."""
    return b"".join([*(_family(family, value, moment, page.interval) for family in page.families), b"# EOF\n"])


def _family(family: Family, value: Showing, moment: Moment, interval: float) -> bytes:
    name = family.name.removesuffix("_total") if family.kind == "counter" else family.name
    lines: list[bytes] = []
    for _, metric in groupby(family.series, key=lambda each: each.metric):
        series = list(metric)
        seen = [line for each in series for line in _lines(each, value, moment, interval)]
        # Prometheus looks for it behind the metric's own lines, and nowhere else.
        lines += [*seen, *_created(name, series, moment)] if seen else []
    # Without a type the one of the family before would go on.
    return head(name, family.kind.replace("untyped", "") or "unknown") + b"\n".join([*lines, b""]) if lines else b""


def _lines(each: Exposed, value: Showing, moment: Moment, interval: float) -> Iterator[bytes]:
    exemplar = each.written.exemplar
    told = b""
    if exemplar:
        unix = moment.observed(exemplar, interval)
        dated = b"" if unix is None else b" %.3f" % unix
        told = b" # " + (shown({NAME: "x", **exemplar.labels})[1:] or b"{}") + b" " + number_text(exemplar.value) + dated
    # In place of a native histogram stand three lines, of which the first is a bucket.
    for number, line in enumerate(each.lines(value(each))):
        yield line + (told if number == 0 else b"")


def _created(name: str, series: list[Exposed], moment: Moment) -> Iterator[bytes]:
    found = [unix for each in series if (unix := moment.created(each.written.created)) is not None]
    if found:
        yield shown({NAME: f"{name}_created", **dict(series[0].metric)}) + b" %.3f" % found[0]
