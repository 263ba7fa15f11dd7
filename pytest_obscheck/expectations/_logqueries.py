"""The queries of panels about logs, asked of LogQL itself."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_obscheck.errors import LookFailed
from pytest_obscheck.expectations._panelqueries import EMPTY, ERROR, Ask, Result, worded
from pytest_obscheck.panel.times import Range
from pytest_obscheck.signals import AnswersLogQL


@dataclass(frozen=True)
class LogQueries:
    """Asks for one look."""

    store: AnswersLogQL

    def results(self, asks: Sequence[Ask]) -> list[Result]:
        """Return what each query gives."""
        return [self._result(ask) for ask in asks]

    def _result(self, ask: Ask) -> Result:
        start = ask.span.end - ask.step if ask.instant else ask.span.start
        try:
            found = self.store.query_logql(ask.expr, start, ask.span.end, ask.step)
        except LookFailed as error:
            return Result(ERROR, str(error))
        return worded(found) or self.why_nothing(ask.expr)

    def why_nothing(self, expr: str) -> Result:
        """Return that it gives nothing: Loki knows of no line but those that it has."""
        return Result(EMPTY, f"nothing comes back for {expr!r}")

    def values_of(self, query: str, span: Range) -> list[str]:
        """Return names or values of labels, whether asked for in a function or in the fields of Grafana's editor."""
        label, selector = _asked(query)
        return self.store.stream_labels(label, selector, span.start, span.end)


def _asked(query: str) -> tuple[str, str]:
    """Return the label (none for the names of all) and the streams that the query of a variable is about."""
    found = re.fullmatch(r"label_values\((?:(.+),)?\s*(\w+)\s*\)", query.strip(), re.DOTALL)
    if found:
        return found[2], (found[1] or "").strip()
    if re.fullmatch(r"label_names\(\)", query.strip()):
        return "", ""
    try:
        fields = json.loads(query)
        return str(fields.get("label") or ""), str(fields.get("stream") or "")
    except (ValueError, AttributeError):
        raise LookFailed(f"{query!r} is not a query for labels of Loki") from None
