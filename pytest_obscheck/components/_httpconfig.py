"""The HTTP client settings that Prometheus and Alertmanager share, made to lead to the harness's own proxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_obscheck.components._files import SECRET, Spot, secrets, settings
from pytest_obscheck.document import Document
from pytest_obscheck.protocols import Network

_OTHER_WAYS = ("proxy_from_environment", "no_proxy", "proxy_connect_header", "oauth2", "sigv4")
_IDENTITY = ("ca", "ca_ref", "cert", "cert_file", "cert_ref", "key", "key_file", "key_ref")
_NOT_SECRET_FILES = ("ca_file", "cert_file", "key_file", "query_log_file", "scrape_failure_log_file")


def through_proxy(document: Document, spot: Spot, config: Any, network: Network, https: bool) -> None:
    """Send what is configured at ``spot`` through the forward proxy, and only there.

    Other ways out go: proxies of the environment, and OAuth2 and SigV4, whose token servers are not part of the stack. With
    ``https`` the run's own CA is trusted; client certificates go, since the proxy asks for none.
    """
    config = config if isinstance(config, Mapping) else {}
    for name in _OTHER_WAYS:
        if name in config:
            document.remove((*spot, name))
    document.set((*spot, "proxy_url"), network.proxy)
    trust(document, (*spot, "tls_config"), config.get("tls_config"), network, https)


def trust(document: Document, spot: Spot, config: Any, network: Network, https: bool) -> None:
    """Make TLS settings trust the run's own CA, and take the user's certificates out."""
    config = config if isinstance(config, Mapping) else {}
    for name in _IDENTITY:
        if name in config:
            document.remove((*spot, name))
    if network.ca_file and (https or "ca_file" in config or "ca" in config):
        document.set((*spot, "ca_file"), str(network.ca_file))


def without_secrets(document: Document, contents: Mapping[Spot, str], folder: str, called: str = "") -> dict[str, str]:
    """Take secrets out of a working copy; return the placeholder files for those that it reads from files.

    ``contents``: what a placeholder must hold where any text will not do. ``called``: the beginning of the files' names. The
    user's own secret files are never opened.
    """
    files: dict[str, str] = {}
    for spot, instead in secrets(document.value):
        document.set(spot, instead)
    for spot, inner in settings(document.value):
        if spot[-1] == "files" and "http_headers" in spot:
            document.remove(spot)
            document.set((*spot[:-1], "secrets"), [SECRET])
        elif isinstance(inner, str) and str(spot[-1]).endswith("_file") and spot[-1] not in _NOT_SECRET_FILES:
            name = f"{called}{'.' if called else ''}{spot[-1]}.{len(files) + 1}"
            files[name] = contents.get(spot, "placeholder")
            document.set(spot, f"{folder}/{name}")
    return files
