"""The machine as the service sees it: processors, load, memory, swap, disk and network, read at each scrape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

_DISK = "/"


@dataclass(frozen=True)
class SystemCollector:
    """Collects the metrics whose names begin with ``system_``; shares are from 0 to 1, sizes in bytes."""

    def collect(self) -> Iterable[Metric]:
        """Return everything at once."""
        yield from _processors()
        yield from _memory()
        yield from _disk()
        yield from _network()


def _processors() -> Iterable[Metric]:
    seconds = CounterMetricFamily("system_cpu_seconds", "Seconds of all processors by mode.", labels=["mode"])
    times = psutil.cpu_times()._asdict()
    for mode, value in times.items():
        seconds.add_metric([mode], value)
    yield seconds
    yield GaugeMetricFamily("system_cpu_count", "Processors.", psutil.cpu_count() or 1)
    for name, value in zip(("1", "5", "15"), psutil.getloadavg(), strict=True):
        yield GaugeMetricFamily(f"system_load{name}", f"Load over {name} minutes.", value)
    switches = psutil.cpu_stats().ctx_switches
    yield CounterMetricFamily("system_context_switches", "Context switches.", switches)


def _memory() -> Iterable[Metric]:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    yield GaugeMetricFamily("system_memory_total_bytes", "Memory.", memory.total)
    yield GaugeMetricFamily("system_memory_available_bytes", "Memory that can be given out without swapping.", memory.available)
    yield GaugeMetricFamily("system_memory_usage_ratio", "Share of the memory that is not available.", memory.percent / 100)
    yield GaugeMetricFamily("system_swap_total_bytes", "Swap.", swap.total)
    yield GaugeMetricFamily("system_swap_used_bytes", "Swap in use.", swap.used)


def _disk() -> Iterable[Metric]:
    disk = psutil.disk_usage(_DISK)
    for name, help_, value in (
        ("system_disk_total_bytes", "Size of the file system.", disk.total),
        ("system_disk_free_bytes", "Bytes of the file system that the service may still use.", disk.free),
        ("system_disk_usage_ratio", "Share of the file system that is used, of what the service may use.", disk.percent / 100),
    ):
        family = GaugeMetricFamily(name, help_, labels=["mountpoint"])
        family.add_metric([_DISK], value)
        yield family


def _network() -> Iterable[Metric]:
    total = psutil.net_io_counters(nowrap=False)
    for name, help_, value in (
        ("system_network_receive_bytes", "Bytes received by all interfaces.", total.bytes_recv if total else 0),
        ("system_network_transmit_bytes", "Bytes sent by all interfaces.", total.bytes_sent if total else 0),
    ):
        yield CounterMetricFamily(name, help_, value)
