"""``python -m pytest_obscheck`` is the ``obscheck`` command."""

from __future__ import annotations

import sys

from pytest_obscheck.cli import main

sys.exit(main())
