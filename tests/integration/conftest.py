"""What several stories on real programs are about."""

from __future__ import annotations

import pytest

TALKING = """import http.server, json, sys, threading, time

def talk():
    for number in range(10000):
        level = "error" if number % 10 == 5 else "info"
        print(json.dumps({"level": level, "message": "sold", "user": {"id": number % 3}, "number": number}))
        time.sleep(0.1)

threading.Thread(target=talk, daemon=True).start()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture
def talking_shop() -> str:
    """Return a service, to be started with a port, that writes ten lines a second as JSON, one of them an error."""
    return TALKING
