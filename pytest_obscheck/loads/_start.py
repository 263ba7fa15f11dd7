"""Starts Locust sooner: ``python -m pytest_obscheck.loads._start`` for ``python -m locust``, with the same words after it.

What Locust imports stays until its end. To search that for garbage again and again takes a fifth of the time to import it, and
three quarters of the time to end.
"""

from __future__ import annotations

import gc


def main() -> None:
    """Be Locust."""
    gc.disable()
    from locust.main import main as be_locust  # noqa: PLC0415, TID251 - this file runs inside the locust process only

    gc.freeze()
    gc.enable()
    be_locust()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
