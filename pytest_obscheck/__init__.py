"""Prove alerts, dashboards and SLOs on the real monitoring stack, from fault to page."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_obscheck.errors import ConfigError, ObscheckError, StackError, StoryFailed, StoryUnknown
    from pytest_obscheck.expectations.alert import Alert
    from pytest_obscheck.expectations.budget import Budget
    from pytest_obscheck.expectations.correlated import Correlated
    from pytest_obscheck.expectations.dashboard import Dashboard
    from pytest_obscheck.expectations.error import Error
    from pytest_obscheck.expectations.fireable import Fireable
    from pytest_obscheck.expectations.health import Health
    from pytest_obscheck.expectations.logs import Logs
    from pytest_obscheck.expectations.lost import Lost
    from pytest_obscheck.expectations.metric import Metric
    from pytest_obscheck.expectations.notification import Notification
    from pytest_obscheck.expectations.overhead import Overhead
    from pytest_obscheck.expectations.proved import Proved
    from pytest_obscheck.expectations.resolved import Resolved
    from pytest_obscheck.expectations.scraped import Scraped
    from pytest_obscheck.expectations.sla import Sla
    from pytest_obscheck.expectations.traces import Traces
    from pytest_obscheck.expectations.uptime import Uptime
    from pytest_obscheck.faults.bandwidth import Bandwidth
    from pytest_obscheck.faults.certificate import Certificate
    from pytest_obscheck.faults.cpu import Cpu
    from pytest_obscheck.faults.disconnect import Disconnect
    from pytest_obscheck.faults.down import Down
    from pytest_obscheck.faults.flood import Flood
    from pytest_obscheck.faults.freeze import Freeze
    from pytest_obscheck.faults.full_disk import FullDisk
    from pytest_obscheck.faults.garbage import Garbage
    from pytest_obscheck.faults.kill import Kill
    from pytest_obscheck.faults.latency import Latency
    from pytest_obscheck.faults.limit_data import LimitData
    from pytest_obscheck.faults.memory import Memory
    from pytest_obscheck.faults.packet_loss import PacketLoss
    from pytest_obscheck.faults.reset_peer import ResetPeer
    from pytest_obscheck.faults.restart import Restart
    from pytest_obscheck.faults.sample import Sample
    from pytest_obscheck.faults.script import Script
    from pytest_obscheck.faults.skew import Skew
    from pytest_obscheck.faults.slicer import Slicer
    from pytest_obscheck.faults.slow_close import SlowClose
    from pytest_obscheck.faults.slow_scrape import SlowScrape
    from pytest_obscheck.faults.timeout import Timeout
    from pytest_obscheck.loads.locust import Locust
    from pytest_obscheck.when import always, during, eventually, never, once, within

__all__ = [
    "Alert", "Bandwidth", "Budget", "Certificate", "ConfigError", "Correlated", "Cpu", "Dashboard", "Disconnect", "Down",
    "Error", "Fireable", "Flood", "Freeze", "FullDisk", "Garbage", "Health", "Kill", "Latency", "LimitData", "Locust", "Logs",
    "Lost", "Memory", "Metric", "Notification", "ObscheckError", "Overhead", "PacketLoss", "Proved", "ResetPeer", "Resolved",
    "Restart", "Sample", "Scraped", "Script", "Skew", "Sla", "Slicer", "SlowClose", "SlowScrape", "StackError", "StoryFailed",
    "StoryUnknown", "Timeout", "Traces", "Uptime",
    "always", "during", "eventually", "never", "once", "within",
]  # fmt: skip

_HOMES = {
    "errors": ("ConfigError", "ObscheckError", "StackError", "StoryFailed", "StoryUnknown"),
    "when": ("always", "during", "eventually", "never", "once", "within"),
    "expectations": (
        "Alert", "Budget", "Correlated", "Dashboard", "Error", "Fireable", "Health", "Logs", "Lost", "Metric", "Notification",
        "Overhead", "Proved", "Resolved", "Scraped", "Sla", "Traces", "Uptime",
    ),
    "loads": ("Locust",),
    "faults": (
        "Bandwidth", "Certificate", "Cpu", "Disconnect", "Down", "Flood", "Freeze", "FullDisk", "Garbage", "Kill", "Latency",
        "LimitData", "Memory", "PacketLoss", "ResetPeer", "Restart", "Sample", "Script", "Skew", "Slicer", "SlowClose",
        "SlowScrape", "Timeout",
    ),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: importing the package costs next to nothing."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}{_file(home, name)}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _file(home: str, name: str) -> str:
    """Return the file of an extension: ``.limit_data`` for ``LimitData``."""
    if home in ("errors", "when"):
        return ""
    return "." + "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
