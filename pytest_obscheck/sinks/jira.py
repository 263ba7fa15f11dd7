"""Jira: issues that are searched for, created, updated, and moved through their workflow.

The protocol: https://developer.atlassian.com/cloud/jira/platform/rest/v2/ and …/v3/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts, status
from pytest_obscheck.sinks._posted import answer, words

DONE = ("Done", "Resolve", "Resolved", "Resolve Issue", "Close", "Closed", "Close Issue")
OPEN = ("To Do", "Open", "Reopen", "Reopened", "Reopen Issue", "Backlog", "In Progress")
TRANSITIONS = (*DONE, *OPEN)
"""The transitions that every issue has here; Alertmanager refuses a ``resolve_transition`` of another name."""

_ISSUE = re.compile(r"/rest/api/[^/]+/issue(?:/([^/?]+))?(/transitions)?$")
_GROUP = re.compile(r"ALERT\{([0-9a-f]+)\}")


@dataclass
class Issue:
    """One issue: the group that it is about, and whether it is done."""

    key: str
    group: str
    done: bool = False


@dataclass(frozen=True)
class Jira:
    """The pretend Jira, which remembers its issues. Labels are read from the default description."""

    name = "jira"
    receiver_key = "jira_configs"
    issues: dict[str, Issue] = field(default_factory=dict)

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the API, of whatever version: Alertmanager searches by another one than it writes."""
        host, path = address(config.get("api_url") or defaults.get("jira_api_url"), "jira-api-url.invalid:80")
        return host, re.sub(r"(/rest/api/).*", r"\1", path)

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery | None]:
        """Answer a search, a creation (201), an update (204) or a transition (204); only what is written is a message."""
        message = _object(body)
        if method == "POST" and re.search(r"/search(/jql)?$", path):
            return 200, answer(issues=list(self._found(str(message.get("jql", ""))))), None
        asked = _ISSUE.search(path)
        if not asked or (asked[1] and asked[1] not in self.issues):
            return self._refused(404, "Issue does not exist or you do not have permission to see it.")
        if asked[2]:
            return self._moved(method, self.issues[asked[1]], message)
        return self._written(self.issues.get(asked[1] or ""), message.get("fields") or {})

    def _found(self, jql: str) -> Iterator[dict[str, Any]]:
        group = _GROUP.search(jql)
        for issue in self.issues.values():
            if group and issue.group == group[1] and not (issue.done and "statusCategory != Done" in jql):
                category = {"key": "done" if issue.done else "indeterminate"}
                yield {"key": issue.key, "fields": {"status": {"name": category["key"], "statusCategory": category}}}

    def _moved(self, method: str, issue: Issue, message: Mapping[str, Any]) -> tuple[int, bytes, Delivery | None]:
        if method == "GET":
            return 200, answer(transitions=[{"id": str(at), "name": name} for at, name in enumerate(TRANSITIONS)]), None
        issue.done = TRANSITIONS[int((message.get("transition") or {}).get("id", 0))] in DONE
        return 204, b"", None

    def _written(self, issue: Issue | None, fields: Mapping[str, Any]) -> tuple[int, bytes, Delivery]:
        group = next((found[1] for label in fields.get("labels") or () if (found := _GROUP.fullmatch(label))), "")
        if not fields.get("project") or (issue is None and not fields.get("summary")):
            return self._refused(400, "project and summary are required.")
        known = issue or self.issues.setdefault(f"OBS-{len(self.issues) + 1}", Issue(f"OBS-{len(self.issues) + 1}", group))
        described = "\n".join(_texts(fields.get("description")))
        named = {name: (fields.get(name) or {}).get("name") for name in ("priority", "issuetype")}
        text = words(fields.get("summary"), {name: value for name, value in named.items() if value}, described)
        said = Delivery(self.name, status(text), alerts(described), text, group, merges=issue is not None)
        return (204, b"", said) if issue else (201, answer(id="1", key=known.key), said)

    def _refused(self, code: int, why: str) -> tuple[int, bytes, Delivery]:
        return code, answer(errorMessages=[why], errors={}), Delivery(self.name, "invalid", (), why)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _texts(description: Any) -> Iterator[str]:
    """Yield the texts of a description: one of version 2 is text, one of version 3 a document of nodes."""
    if isinstance(description, str):
        yield description
    elif isinstance(description, Mapping):
        yield from _texts(description.get("text"))
        yield from _texts(description.get("content"))
    elif isinstance(description, list):
        for node in description:
            yield from _texts(node)
