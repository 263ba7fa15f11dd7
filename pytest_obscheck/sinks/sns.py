"""Amazon SNS: Publish of its query API, to topics, targets and (SMS) phone numbers, signed with AWS Signature Version 4.

The protocol: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import parse_qsl

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts, status
from pytest_obscheck.sinks._posted import words

NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
DESTINATIONS = ("TopicArn", "TargetArn", "PhoneNumber")
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/[0-9]{8}/[^/]+/sns/aws4_request, ?SignedHeaders=.+, ?Signature=[0-9a-f]{64}"
)


@dataclass(frozen=True)
class Sns:
    """The pretend SNS. Labels are read from the default message; that a request is signed is looked at, not by whom."""

    name = "sns"
    receiver_key = "sns_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of ``api_url``, else that of the region's service."""
        region = (config.get("sigv4") or {}).get("region") or "us-east-1"
        return address(config.get("api_url") or f"https://sns.{region}.amazonaws.com/", "sns.amazonaws.com:443")

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take a message: 200 with its id; 403 where it is not signed, 400 where SNS would not take it, as its subject."""
        given = dict(parse_qsl(body.decode("utf-8", "replace"))) if method == "POST" else {}
        if not _SIGNED.fullmatch(headers.get("authorization", "")):
            return self._refused(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        wrong = next(_errors(given), "")
        if wrong:
            return self._refused(400, "InvalidParameter", wrong)
        message = given["Message"]
        to = {name: given[name] for name in DESTINATIONS if given.get(name)}
        text = words(given.get("Subject"), to, message)
        group, merges = given.get("MessageGroupId", ""), "MessageDeduplicationId" in given
        said = Delivery(self.name, status(text), alerts(message), text, group, merges=merges)
        return 200, _xml("PublishResponse", "<PublishResult><MessageId>0</MessageId></PublishResult>"), said

    def _refused(self, code: int, kind: str, why: str) -> tuple[int, bytes, Delivery]:
        error = f"<Error><Type>Sender</Type><Code>{kind}</Code><Message>{escape(why, quote=False)}</Message></Error>"
        return code, _xml("ErrorResponse", error), Delivery(self.name, "invalid", (), why)


def _errors(given: Mapping[str, str]) -> Iterator[str]:
    if given.get("Action") != "Publish":
        yield f"Action is {given.get('Action')!r}; it is 'Publish'"
    if sum(bool(given.get(name)) for name in DESTINATIONS) != 1:
        yield f"Invalid parameter: exactly one of {', '.join(DESTINATIONS)} is needed"
    if not given.get("Message"):
        yield "Invalid parameter: Empty message"
    subject = given.get("Subject", "")
    if len(subject) > 100 or not subject.isascii() or re.search(r"[\x00-\x1f]", subject):
        yield "Invalid parameter: Subject (ASCII, at most 100 characters, no line break)"


def _xml(name: str, inner: str) -> bytes:
    metadata = "<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata>"
    return f'<{name} xmlns="{NAMESPACE}">{inner}{metadata}</{name}>'.encode()
