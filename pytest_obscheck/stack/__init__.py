"""stack.yaml → everything that runs, addressed by name or capability."""

from __future__ import annotations

from pytest_obscheck.stack.file import Member, StackFile, read
from pytest_obscheck.stack.folder import RunFolder
from pytest_obscheck.stack.live import LiveStack
from pytest_obscheck.stack.planning import plan

__all__ = ["LiveStack", "Member", "RunFolder", "StackFile", "plan", "read"]
