"""Where a component's program comes from: PATH, then the cache; installed from a release archive or a Go module.

What a story needs is here; what ``obscheck install`` and ``obscheck doctor`` need is imported by them, from the modules.
"""

from __future__ import annotations

from pytest_obscheck.toolchain.index import check_names, distribution_of, image_of, index_names, knows, pinned, usual_names
from pytest_obscheck.toolchain.programs import Missing, Program, find, in_words, missing, unlike

__all__ = [
    "Missing", "Program", "check_names", "distribution_of", "find", "image_of", "in_words", "index_names", "knows", "missing",
    "pinned", "unlike", "usual_names",
]  # fmt: skip
