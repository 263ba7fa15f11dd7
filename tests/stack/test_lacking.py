"""What is said where nobody can do what is asked of a stack, in the words of whoever writes stories."""

from __future__ import annotations

from typing import Protocol

import pytest

from pytest_obscheck.capabilities import Pausable, does
from pytest_obscheck.signals import AnswersTraceQL, AnswersTraces
from pytest_obscheck.stack.lacking import lacking


@pytest.mark.parametrize(
    ("capability", "named", "able", "expected"),
    [
        (AnswersTraceQL, None, [], "no member of the stack holds traces and evaluates TraceQL; add one to stack.yaml: tempo"),
        (
            AnswersTraceQL,
            "jaeger",
            ["tempo", "traces"],
            "'jaeger' is no member that holds traces and evaluates TraceQL; those that do: tempo, traces",
        ),
        (
            AnswersTraces,
            "shop",
            [],
            "'shop' is no member that holds traces and finds them again; add one to stack.yaml: jaeger, tempo, zipkin",
        ),
        (Pausable, "staging", [], "'staging' is no member that can be stopped from running without being ended"),
    ],
)
def test_what_is_lacking_and_what_would_have_it(capability: type, named: str | None, able: list[str], expected: str) -> None:
    assert lacking(capability, named, able) == expected


def test_a_capability_that_says_nothing_of_itself_is_called_by_its_name() -> None:
    class Flies(Protocol):
        pass

    assert does(Flies) == "does what Flies says"
