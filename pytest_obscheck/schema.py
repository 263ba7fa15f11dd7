"""The JSON Schema of the story language, made from the classes, so that editors complete and check stories."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any

from pytest_obscheck import registry
from pytest_obscheck.reading import fields_of
from pytest_obscheck.when import DURATION_PATTERN, SPANS

_DURATION = {"type": "string", "pattern": DURATION_PATTERN}
_SPAN = {"type": "string", "pattern": r"^[0-9.a-z]+\s*\.\.\s*[0-9.a-z]+$", "description": "story time, like '10s .. 20s'"}
_COLUMN = {"type": "string", "pattern": r"\$\{[^{}]+\}", "description": "what a column of 'rows' says"}
_SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": ["string", "number", "boolean"]},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a ``*.obs.yaml`` file."""
    moment = _or_column(_DURATION)
    planned = {"from": moment, "until": moment, "as": {"type": "string"}}
    claims = {"type": "array", "minItems": 1, "items": _claim()}
    rows = {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {"row": _SCALARS[str]}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pytest-obscheck story",
        "type": "object",
        "additionalProperties": False,
        "required": ["expect"],
        "properties": {
            "name": {"type": "string"},
            "rows": {**rows, "description": "one story for each: '${column}' in the other texts is what the row says"},
            "stack": {"type": "string", "description": "the stack.yaml to play it on, relative to this file"},
            "speed": {
                "type": ["string", "number"],
                "description": "how much faster its time passes, in place of --obs-speed",
            },
            "instant": {"type": "string", "description": "what the clock of its scripted samples shows when it begins"},
            "share": _or_column(
                {"type": "boolean", "description": "may run on a stack that other stories have used, or use now"}
            ),
            "load": _or_column({"type": "array", "items": _entry("loads", planned, required=["from", "until"])}),
            "faults": _or_column({"type": "array", "items": _entry("faults", planned, required=["from", "until"])}),
            "expect": _or_column(claims),
        },
    }


def _claim() -> dict[str, Any]:
    spans = dict.fromkeys(SPANS, _or_column(_SPAN))
    text, warm = {"type": "string"}, _or_column({"type": "boolean"})
    words = {**spans, "within": _or_column(_DURATION), "after": text, "as": text, "warm": warm}
    phrases = [{"required": [word]} for word in spans]
    together = {"within": ["after"], "after": ["within"]}
    when = {"oneOf": [*phrases, {"required": ["within", "after"]}], "dependentRequired": together}
    return {**_entry("expectations", words, required=[]), **when}


def _entry(kind: str, words: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    named = {name: _extension(registry.find(kind, name)) for name in registry.names(kind)}
    one = {"oneOf": [{"required": [name]} for name in named]}
    properties = {**named, **words}
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": required, "allOf": [one]}


def _extension(cls: type) -> dict[str, Any]:
    fields = fields_of(cls)
    return {
        "type": ["object", "null"] if not any(spec.required for spec in fields.values()) else "object",
        "description": inspect.getdoc(cls) or "",
        "additionalProperties": False,
        "properties": {name: _or_column(_type(spec.type)) for name, spec in fields.items()},
        "required": [name for name, spec in fields.items() if spec.required],
    }


def _or_column(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a value that may come from the story's table."""
    if "string" in wanted.get("type", ()) and "pattern" not in wanted:
        return dict(wanted)
    return {"anyOf": [wanted, _COLUMN]}


def _type(wanted: Any) -> dict[str, Any]:
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is typing.Annotated:
        return {"type": "string", "pattern": inner[1]}
    if origin is typing.Literal:
        return {"enum": list(inner)}
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [{"type": "null"} if each is type(None) else _type(each) for each in inner]}
    if origin in (tuple, list):
        return {"type": "array", "items": _or_column(_type(inner[0]))}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _or_column(_type(inner[1]))}
    return _SCALARS.get(wanted, {})
