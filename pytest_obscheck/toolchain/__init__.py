"""Where a component's program comes from: PATH, then the cache; installed from a release archive or a Go module."""

from __future__ import annotations

from pytest_obscheck.toolchain.checkup import Row, doctor, doctor_text
from pytest_obscheck.toolchain.commands import doctor_command, install_command
from pytest_obscheck.toolchain.index import distribution_of, image_of, index_names, knows, pinned, usual_names
from pytest_obscheck.toolchain.installation import install
from pytest_obscheck.toolchain.programs import Missing, Program, find, in_words, missing, unlike

__all__ = [
    "Missing", "Program", "Row", "distribution_of", "doctor", "doctor_command", "doctor_text", "find",
    "image_of", "in_words", "index_names", "install", "install_command", "knows", "missing", "pinned", "unlike", "usual_names",
]  # fmt: skip
