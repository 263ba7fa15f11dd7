"""What promtool finds wrong when it plays rules over series, with no server and no clock: days pass in milliseconds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_obscheck.errors import LookFailed

SECONDS = 60.0
"""How long that may take."""


BEHIND = ("nice", "-n", "19") if shutil.which("nice") else ()
"""A proof has time: what is played live beside it has none."""


def unit_test(promtool: str | Path, groups: list[Mapping[str, Any]], test: Mapping[str, Any]) -> str:
    """Return what promtool says against a test (a ``tests`` entry of its unit tests) of these rule groups; ``""`` for nothing.

    Rules are evaluated at the test's ``interval``, group after group. ``LookFailed`` where there is no answer.
    """
    if shutil.which(promtool) is None:
        raise LookFailed(f"promtool gave no answer: {promtool} cannot be run")
    with tempfile.TemporaryDirectory(prefix="obscheck-") as folder:
        rules, asked = Path(folder) / "rules.yml", Path(folder) / "test.yml"
        rules.write_text(json.dumps({"groups": groups}), encoding="utf-8")
        order = [group["name"] for group in groups]
        whole = {
            "rule_files": [rules.name],
            "evaluation_interval": test["interval"],
            "group_eval_order": order,
            "tests": [test],
        }
        asked.write_text(json.dumps(whole), encoding="utf-8")
        return _said([*BEHIND, str(promtool), "test", "rules", str(asked)])


def _said(argv: list[str]) -> str:
    try:
        told = subprocess.run(
            argv,
            env={**os.environ, "GOMAXPROCS": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LookFailed(f"promtool gave no answer: {error}") from None
    if told.returncode == 0:
        return ""
    failures = f"{told.stdout}\n{told.stderr}".partition("FAILED:")[2]
    return " ".join(failures.split()) or "promtool failed without a word"
