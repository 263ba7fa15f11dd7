"""What a gateway shows to be let in, from files or the environment, never from the configuration itself."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_obscheck.errors import LookFailed


def headers(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the header that lets one in, none where nothing is said; ``LookFailed`` where a secret cannot be read."""
    token = _secret(config, "token")
    if token:
        return {"Authorization": f"Bearer {token}"}
    if config["user"]:
        pair = f"{config['user']}:{_secret(config, 'password')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _secret(config: Mapping[str, Any], what: str) -> str:
    file, variable = config[f"{what}_file"], config[f"{what}_env"]
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise LookFailed(f"{what}_file: {file} cannot be read ({error.strerror})") from None
    if variable and variable not in os.environ:
        raise LookFailed(f"{what}_env: the variable {variable} is not set; export it before the run")
    return os.environ[variable] if variable else ""
