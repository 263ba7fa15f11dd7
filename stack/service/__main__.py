"""Start the checkout service: ``python -m service --port 8080``."""

from __future__ import annotations

import gc
import logging
import os
import sys

from service.logs import set_up_logs
from service.settings import SettingsError, read_settings


def main() -> int:
    """Serve on 127.0.0.1 (or ``$HOST``) until SIGTERM; returns 2 where the settings are wrong."""
    try:
        settings = read_settings(os.environ, sys.argv[1:])
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  there is no logging yet
        return 2
    set_up_logs(settings.name, settings.log_level, settings.log_format, most=64)
    # What is imported and made now stays until the end: the garbage collector need not look at it again and again.
    gc.disable()
    import uvicorn  # noqa: PLC0415

    from service.app import create_app  # noqa: PLC0415

    app = create_app(settings)
    gc.freeze()
    gc.enable()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="asyncio",
        http="h11",
        ws="none",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # Everything is closed; a thread that still waits for a dead database must not keep the process.
    os._exit(code)
