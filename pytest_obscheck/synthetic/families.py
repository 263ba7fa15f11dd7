"""A scrape as families of Prometheus's protobuf: metrics are put together from the series that they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from pytest_obscheck.synthetic import protobuf
from pytest_obscheck.synthetic.details import Moment
from pytest_obscheck.synthetic.exposition import Exposed, Page, Showing
from pytest_obscheck.synthetic.histogram import Histogram, Value
from pytest_obscheck.synthetic.notation import NAME

_KINDS = {"counter": protobuf.COUNTER, "gauge": protobuf.GAUGE}


@dataclass(frozen=True)
class Metric:
    """The series of one metric that have a value, and at which moment."""

    kind: str
    name: str
    seen: tuple[tuple[Exposed, Value], ...]
    moment: Moment
    interval: float

    def messages(self) -> Iterator[tuple[str, int, bytes]]:
        """Yield (family, type, message): one for the whole, or one for each series where the whole lacks something."""
        native = next((value for _, value in self.seen if isinstance(value, Histogram)), None)
        floats = [(each, value) for each, value in self.seen if not isinstance(value, Histogram)]
        whole: tuple[str, ...] = ()
        if native or (self.kind == "histogram" and self._complete("_bucket")):
            kind = protobuf.GAUGE_HISTOGRAM if native and (native.gauge or self.kind == "gauge") else protobuf.HISTOGRAM
            whole = ("_bucket", "_sum", "_count")
            yield self.name, kind, protobuf.metric(kind, self._labels(), self._histogram(native))
        elif self.kind == "summary" and self._complete(""):
            whole = ("", "_sum", "_count")
            yield self.name, protobuf.SUMMARY, protobuf.metric(protobuf.SUMMARY, self._labels(), self._summary())
        for each, value in floats:
            if each.part not in whole:
                yield self._single(each, value)

    def _labels(self) -> dict[str, str]:
        return dict(self.seen[0][0].metric)

    def _parts(self, part: str) -> list[tuple[Exposed, float]]:
        return [(each, value) for each, value in self.seen if each.part == part and not isinstance(value, Histogram)]

    def _complete(self, inner: str) -> bool:
        """Whether the message would have nothing that was not written, and be read as what was."""
        single = all(len(self._parts(part)) == 1 for part in ("_sum", "_count"))
        if inner:
            return single and any(_bound(each, "le") == float("inf") for each, _ in self._parts(inner))
        return single and all(value.is_integer() and value >= 0 for _, value in self._parts("_count"))

    def _histogram(self, native: Histogram | None) -> bytes:
        inside = protobuf.native(native) if native else self._total(4, 2)
        for each, value in sorted(self._parts("_bucket"), key=lambda pair: _bound(pair[0], "le")):
            ends = protobuf.double(4, value) + protobuf.double(2, _bound(each, "le"))
            inside += protobuf.held(3, ends + self._exemplar(3, each))
        own = b"".join(self._exemplar(16, each) for each, value in self.seen if isinstance(value, Histogram))
        return inside + own + protobuf.timestamp(15, self._created())

    def _total(self, count: int, total: int) -> bytes:
        (_, counted), (_, summed) = self._parts("_count")[0], self._parts("_sum")[0]
        return protobuf.double(count, counted) + protobuf.double(total, summed)

    def _summary(self) -> bytes:
        (_, counted), (_, summed) = self._parts("_count")[0], self._parts("_sum")[0]
        inside = protobuf.whole(1, int(counted)) + protobuf.double(2, summed)
        for each, value in self._parts(""):
            inside += protobuf.held(3, protobuf.double(1, _bound(each, "quantile")) + protobuf.double(2, value))
        return inside + protobuf.timestamp(4, self._created())

    def _single(self, each: Exposed, value: float) -> tuple[str, int, bytes]:
        kind = _KINDS.get(self.kind, protobuf.UNTYPED)
        inside = protobuf.double(1, value)
        if kind == protobuf.COUNTER:
            inside += self._exemplar(2, each) + protobuf.timestamp(3, self._created())
        labels = {name: text for name, text in each.written.labels.items() if name != NAME}
        return each.written.labels[NAME], kind, protobuf.metric(kind, labels, inside)

    def _created(self) -> float | None:
        found = (self.moment.created(each.written.created) for each, _ in self.seen)
        return next((unix for unix in found if unix is not None), None)

    def _exemplar(self, at: int, each: Exposed) -> bytes:
        seen = each.written.exemplar
        if not seen:
            return b""
        return protobuf.exemplar(at, seen.labels, seen.value, self.moment.observed(seen, self.interval))


def delimited(page: Page, value: Showing, moment: Moment) -> bytes:
    """Return the families of a scrape in which each series has this value, each with its length before it."""
    found: dict[tuple[str, int], list[bytes]] = {}
    for family in page.families:
        for _, series in groupby(family.series, key=lambda each: each.metric):
            seen = tuple((each, number) for each in series if (number := value(each)) is not None)
            metric = Metric(family.kind, family.name, seen, moment, page.interval)
            for name, kind, message in metric.messages() if seen else ():
                found.setdefault((name, kind), []).append(message)
    return b"".join(protobuf.family(name, kind, messages) for (name, kind), messages in found.items())


def _bound(each: Exposed, label: str) -> float:
    """Return the number in a label; NaN where there is none."""
    try:
        return float(each.written.labels.get(label, "nan"))
    except ValueError:
        return float("nan")
