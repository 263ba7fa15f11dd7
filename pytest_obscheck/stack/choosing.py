"""Where a stack runs: what was asked for, or what can be had here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_obscheck import registry, toolchain
from pytest_obscheck.errors import StackError
from pytest_obscheck.protocols import Runtime
from pytest_obscheck.stack.file import StackFile
from pytest_obscheck.stack.programs import asked

AUTO = "auto"
_BEST_FIRST = ("container", "process")


def programs_of(file: StackFile) -> list[str]:
    """Return the programs that a stack needs: of each member's distribution all, for some check what the others then read."""
    of = {name: toolchain.distribution_of(name) for name in toolchain.index_names()}
    members = file.members.values()
    return list(dict.fromkeys(asked(name, each.component) for name in of for each in members if of[name] == each.type))


def able(wanted: str, ability: type) -> bool:
    """Whether the runtime that was asked for has an ability; which one ``auto`` takes is not known before something starts."""
    return wanted != AUTO and isinstance(registry.find("runtimes", wanted), ability)


def choose(wanted: str, file: StackFile, folder: Path) -> tuple[Runtime, str]:
    """Return the runtime that was asked for, or with ``auto`` the best that can be had, and which it is and why.

    ``StackError`` where the one that was asked for cannot be had.
    """
    images = [image.name for name in programs_of(file) if (image := toolchain.image_of(name))]
    reasons: list[str] = []
    for name in _BEST_FIRST if wanted == AUTO else (wanted,):
        runtime: Runtime = registry.find("runtimes", name)(folder)
        reason = runtime.unable(images)
        if not reason:
            return runtime, f"runtime {name}{_aside(reasons)}"
        runtime.close()
        reasons.append(reason)
    raise StackError("; ".join(reasons))


def _aside(reasons: Sequence[str]) -> str:
    """Return in brackets why nothing better was taken, without advice: who has no Docker need not get one."""
    whys = [reason.partition(": ")[2].partition("; ")[0] for reason in reasons]
    return f" ({'; '.join(whys)})" if whys else ""
