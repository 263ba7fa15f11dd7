"""How long a stack with every signal takes to be ready, and how soon a log line or a span is visible after it was written.

Run it: ``python tests/performance/signals.py`` (about two minutes; needs Loki, a collector, Jaeger and Tempo), or with one of
``jaeger`` and ``tempo`` after it; each is measured in a stack of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from figures import Figure, a_project, a_session, median, milliseconds, tell

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.signals import AnswersLogs, AnswersTraces, LogFilter

STACK = "stack.signals.yaml"
STORES = ("jaeger", "tempo")
ROUNDS = 3
REQUESTS = 10
READY, VISIBLE = 6.0, 1.0
CLOCK = SystemClock()


def ready(home: Path) -> float:
    """Return the seconds from a plan to a stack of which every member is ready."""
    with a_session(home, stack=STACK) as session:
        assert session.plan
        begun = CLOCK.now()
        session.stack()
        return CLOCK.now() - begun


def visible(home: Path) -> tuple[list[float], list[float]]:
    """Return, for each of some requests, the seconds from its answer until its line and its span are found."""
    with a_session(home, stack=STACK) as session:
        stack = session.stack()
        url = f"http://{stack.seats['checkout'].place.addresses['http']}/checkout"
        both = [(_line(stack, url, f"line-{n}"), _span(stack, url, f"span-{n}")) for n in range(REQUESTS)]
    return [line for line, _ in both], [span for _, span in both]


def _line(stack: Any, url: str, id_: str) -> float:
    store, wanted = stack.that(AnswersLogs), LogFilter({"service_name": "checkout"}, {"correlation_id": id_})
    return _until_found(url, id_, lambda at: bool(store.find_lines(wanted, at - 1, CLOCK.now())))


def _span(stack: Any, url: str, id_: str) -> float:
    store = stack.that(AnswersTraces)

    def found(at: float) -> bool:
        spans = store.find_spans("checkout", at - 1, CLOCK.now())
        return any(span.attributes.get("correlation.id") == id_ for span in spans)

    return _until_found(url, id_, found)


def _until_found(url: str, id_: str, found: Callable[[float], bool]) -> float:
    httpx.post(url, json={}, headers={"X-Correlation-ID": id_})
    answered = CLOCK.now()
    assert until(CLOCK, lambda: found(answered), 10.0, 0.02)
    return CLOCK.now() - answered


def stored_in(home: Path, store: str) -> None:
    """Let the stack hold its traces in this store."""
    path = home / "stack" / STACK
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("  jaeger:\n", f"  {store}:\n").replace("[jaeger]", f"[{store}]"), encoding="utf-8")


def figures(store: str) -> Iterator[Figure]:
    """Yield the figures with traces in that store; the first start warms what is cached."""
    with a_project() as home:
        stored_in(home, store)
        ready(home)
        took = median(ready(home) for _ in range(ROUNDS))
        yield Figure(f"stack with every signal ready, warm, with {store}", milliseconds(took), f"<= {READY:g} s", took <= READY)
        for what, times in zip(("log line", f"span in {store} by a collector"), visible(home), strict=True):
            worst = max(times)
            shown = f"{milliseconds(median(times))}, at most {milliseconds(worst)}"
            yield Figure(f"{what} visible after the answer", shown, f"<= {VISIBLE:g} s", worst <= VISIBLE)


if __name__ == "__main__":
    sys.exit(tell(figure for store in sys.argv[1:] or STORES for figure in figures(store)))
