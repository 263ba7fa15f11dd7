"""Label subsets and comparisons."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

COMPARISON_PATTERN = r"^\s*(==|!=|>=|<=|>|<)\s*[-+]?([0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?|Inf|NaN)\s*$"
ComparisonText = Annotated[str, COMPARISON_PATTERN]
"""A comparison as text: ``== 1``, ``>= 0.5``."""

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """An operator and a number to compare with."""

    sign: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> Comparison:
        """Read ``'>= 0.5'``; ``ValueError`` says how to write it."""
        found = re.match(COMPARISON_PATTERN, text)
        if not found:
            raise ValueError(f"{text!r} is not a comparison; write it like '== 1' or '>= 0.5'")
        return cls(found[1], float(text.strip()[len(found[1]) :]))

    def holds(self, value: float) -> bool:
        """Whether ``value`` satisfies the comparison; NaN satisfies only ``!=``, as in PromQL."""
        return _OPERATORS[self.sign](value, self.bound)

    def __str__(self) -> str:
        """Return ``>= 0.5``."""
        return f"{self.sign} {self.bound:g}"


def label_matches(value: str, wanted: str) -> bool:
    """Whether a label's value is the wanted one; ``~regex`` matches fully anchored, as in PromQL."""
    if wanted.startswith("~"):
        return re.fullmatch(wanted[1:], value) is not None
    return value == wanted


def subset(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether every wanted label is there with the wanted value; an absent label is the empty string."""
    return all(label_matches(str(labels.get(name, "")), str(value)) for name, value in wanted.items())


def braces(labels: Mapping[str, str]) -> str:
    """Return labels as PromQL writes them: ``{a="1", b="2"}``; nothing for none."""
    inside = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return f"{{{inside}}}" if inside else ""


def expanded(expr: str, recordings: Mapping[str, str]) -> list[str]:
    """Return a PromQL expression and those of the recording rules that it names, at any depth."""
    todo, done = [expr], []
    while todo:
        each = todo.pop(0)
        if each not in done:
            done.append(each)
            todo.extend(recordings[name] for name in words(each) if name in recordings)
    return done


def words(expr: str) -> list[str]:
    """Return everything in a PromQL expression that may be a name, in order."""
    return re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", expr)
