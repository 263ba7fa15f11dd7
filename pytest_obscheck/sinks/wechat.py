"""WeChat Work (WeCom): a token, then messages of an application.

The protocol: https://developer.work.weixin.qq.com/document/path/90236
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts, status
from pytest_obscheck.sinks._posted import answer, posted, words

API = "https://qyapi.weixin.qq.com/cgi-bin/"
TOKEN = "the-run's-own"  # noqa: S105 -- it opens nothing
LONGEST = 2048


@dataclass(frozen=True)
class WeChat:
    """The pretend WeChat Work. Labels are read from the default message."""

    name = "wechat"
    receiver_key = "wechat_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the API."""
        return address(config.get("api_url") or defaults.get("wechat_api_url") or API, "qyapi.weixin.qq.com:443")

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery | None]:
        """Give a token, or take a message. What is refused is answered with 200 and ``errcode``, as the service does."""
        asked = urlsplit(path)
        if asked.path.endswith("/gettoken"):
            return 200, answer(errcode=0, errmsg="ok", access_token=TOKEN, expires_in=7200), None
        message = posted(method, body) or {}
        content = str((message.get(str(message.get("msgtype") or "text")) or {}).get("content") or "")
        code, why = _wrong(parse_qs(asked.query), content)
        if why:
            return 200, answer(errcode=code, errmsg=why), Delivery(self.name, "invalid", (), why)
        to = {name: message[name] for name in ("touser", "toparty", "totag", "agentid") if message.get(name)}
        return 200, answer(errcode=0, errmsg="ok"), Delivery(self.name, status(content), alerts(content), words(to, content))


def _wrong(query: Mapping[str, list[str]], content: str) -> tuple[int, str]:
    if query.get("access_token") != [TOKEN]:
        return 40014, "invalid access_token"
    if not content:
        return 44004, "empty content"
    return (45002, f"content is longer than {LONGEST} bytes") if len(content.encode()) > LONGEST else (0, "")
