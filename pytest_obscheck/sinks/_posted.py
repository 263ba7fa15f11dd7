"""What came in a request: a JSON object, or nothing that a receiver takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def posted(method: str, body: bytes) -> Mapping[str, Any] | None:
    """Return the JSON object that was posted; ``None`` for anything else."""
    try:
        message = json.loads(body)
    except ValueError:
        return None
    return message if method == "POST" and isinstance(message, dict) else None


def answer(**facts: Any) -> bytes:
    """Return an answer's body as JSON."""
    return json.dumps(facts).encode()


def words(*said: Any) -> str:
    """Return all that was said, each once, a line each; what is empty is left out."""
    return "\n".join(dict.fromkeys(str(each) for each in _flat(said) if each))


def _flat(said: Iterable[Any]) -> Iterable[Any]:
    for each in said:
        if isinstance(each, list | tuple):
            yield from _flat(each)
        elif isinstance(each, Mapping):
            yield from (f"{name}: {value}" for name, value in each.items())
        else:
            yield each
