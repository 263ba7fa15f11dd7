"""Start the checkout service: ``python -m service --port 8080``."""

from __future__ import annotations

import os
import sys

import uvicorn

from service.app import create_app
from service.settings import SettingsError, read_settings


def main() -> int:
    """Serve on 127.0.0.1 until SIGTERM; returns 2 where the settings are wrong."""
    try:
        settings = read_settings(os.environ, sys.argv[1:])
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  there is no logging yet
        return 2
    uvicorn.run(
        create_app(settings),
        host="127.0.0.1",
        port=settings.port,
        loop="asyncio",
        http="h11",
        ws="none",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
