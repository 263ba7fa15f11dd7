"""Where a URL of Alertmanager's configuration leads."""

from __future__ import annotations

import re

_URL = re.compile(r"(https?)://(?:[^/?#]*@)?(\[[^\]]*\]|[^/:?#]+)(?::([0-9]+))?([^?#]*)", re.IGNORECASE)


def address(url: object, otherwise: str) -> tuple[str, str]:
    """Return ``host:port`` and path of a URL; ``otherwise`` (a host:port) and no path where it is none."""
    found = _URL.match(str(url or ""))
    if not found:
        return otherwise, ""
    port = found[3] or ("443" if found[1].lower() == "https" else "80")
    return f"{found[2].lower()}:{port}", found[4]
