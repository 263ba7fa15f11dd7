"""How long a stack with every signal takes to be ready, and how soon a log line or a span is visible after it was written.

Run it: ``python tests/performance/signals.py`` (about two minutes; needs Loki, a collector, Jaeger and Tempo), or with one of
``jaeger`` and ``tempo`` after it; each is measured in a stack of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from figures import Figure, a_project, a_session, median, milliseconds, ready_in, tell

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.errors import StackError
from pytest_obscheck.signals import AnswersLogs, AnswersTraces, LogFilter

STACK = "stack.signals.yaml"
STORES = ("jaeger", "tempo")
ROUNDS = 5
REQUESTS = 10
READY, VISIBLE = 6.0, 1.0
IN_CONTAINERS = 1.5
"""How many times longer than as processes it may take in containers."""
CLOCK = SystemClock()


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


def starting(home: Path, store: str) -> Iterator[Figure]:
    """Yield how long it takes to be ready, as processes and in containers, in turn; the first start warms what is cached."""
    name = f"stack with every signal ready, warm, with {store}"
    ready = partial(ready_in, home, stack=STACK)
    ready()
    try:
        ready("container")
        rounds = [(ready(), ready("container")) for _ in range(ROUNDS)]
    except StackError as error:
        took = median(ready() for _ in range(ROUNDS))
        contained = Figure("  in containers, images present", f"not measured: {error}")
    else:
        took, inside = (median(each) for each in zip(*rounds, strict=True))
        shown = f"{milliseconds(inside)}, {inside / took:.2f} times as processes"
        contained = Figure("  in containers, images present", shown, f"<= {IN_CONTAINERS:g}", inside <= IN_CONTAINERS * took)
    yield Figure(name, milliseconds(took), f"<= {READY:g} s", took <= READY)
    yield contained


def figures(store: str) -> Iterator[Figure]:
    """Yield the figures with traces in that store."""
    with a_project() as home:
        stored_in(home, store)
        yield from starting(home, store)
        for what, times in zip(("log line", f"span in {store} by a collector"), visible(home), strict=True):
            worst = max(times)
            shown = f"{milliseconds(median(times))}, at most {milliseconds(worst)}"
            yield Figure(f"{what} visible after the answer", shown, f"<= {VISIBLE:g} s", worst <= VISIBLE)


if __name__ == "__main__":
    sys.exit(tell(figure for store in sys.argv[1:] or STORES for figure in figures(store)))
