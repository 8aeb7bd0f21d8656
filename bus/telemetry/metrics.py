"""Prometheus metrics of one process. Labels hold names of the registry and error codes, never a caller's text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from bus.ports import Record
from bus.resilience.pressure import Pressure
from transformers.errors import MeridianError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

#: Errors after which service and operation are only what the caller wrote into the URL.
_UNRESOLVED = frozenset(
    {"not-authenticated", "unknown-service", "unknown-version", "unknown-operation", "face-not-offered", "not-found"}
)
_OWN_DOORS = frozenset({"workflow", "backbone"})
_STATES = {"closed": 0.0, "half-open": 1.0, "open": 2.0}

#: More different label sets than this in one process are counted together as ``other``.
_MOST_SERIES = 5000

Describe = Callable[[], Iterable[Mapping[str, Any]]]
_Key = tuple[str, str, str, str, str]


class Metrics:
    """All metrics of this process in a registry of their own. ``observe`` costs 1 µs; ``render`` any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._exchanges = _Exchanges()
        self.registry.register(self._exchanges)
        self._refusals = Counter(
            "meridian_refused_credentials",
            "Credentials that were not accepted",
            ("kind", "consumer"),
            registry=self.registry,
        )

    def observe(self, record: Record) -> None:
        """Count an exchange that ended and note how long it took."""
        self._exchanges.observe(record)

    def refused(self, kind: str, consumer: str) -> None:
        """Count a credential that was not accepted: its kind, and the consumer it claims to be, if there is one."""
        self._refusals.labels(kind, consumer).inc()

    def watch(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """Show ``read()`` as a gauge at every scrape; a store that cannot answer shows as NaN."""
        Gauge(name, documentation, registry=self.registry).set_function(lambda: _read(read))

    def watch_endpoints(self, describe: Describe) -> None:
        """Show every endpoint's breaker (0 closed, 1 half-open, 2 open), health, and calls under way and waiting."""
        self.registry.register(_Endpoints(describe))

    def watch_pressure(self, pressure: Pressure) -> None:
        """Show what the bus measures of its own room: backlog, disk and memory, and whether it refuses."""
        self.registry.register(_Pressure(pressure))

    def render(self) -> bytes:
        """The Prometheus text format of everything."""
        return generate_latest(self.registry)


class _Times:
    """How often something took how long: one count per bucket (the last is for anything longer), and the sum."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BUCKETS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(_BUCKETS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        return list(zip((*map(floatToGoString, _BUCKETS), "+Inf"), map(float, accumulate(self.counts)), strict=True))


class _Exchanges(Collector):
    """Counts and times of exchanges, in plain numbers: the library's own objects cost each message as much as a hop."""

    def __init__(self) -> None:
        self._counts: dict[_Key, int] = {}
        self._times: dict[tuple[str, str], tuple[_Times, _Times]] = {}

    def observe(self, record: Record) -> None:
        """Count one, and note how long it took and how much of that its provider."""
        key = _labels(record)
        if key not in self._counts and len(self._counts) >= _MOST_SERIES:
            key = ("other", "other", "other", key[3], key[4])
        self._counts[key] = self._counts.get(key, 0) + 1
        times = self._times.get(key[:2])
        if times is None:
            times = self._times[key[:2]] = _Times(), _Times()
        times[0].observe(record.duration_us / 1e6)
        if record.attempts:
            times[1].observe(record.sent_us / 1e6)

    def collect(self) -> Iterable[Metric]:
        """One counter and two histograms."""
        where = ("service", "operation")
        ended = CounterMetricFamily(
            "meridian_exchanges", "Exchanges that ended", labels=(*where, "consumer", "status", "error")
        )
        for labels, count in self._counts.copy().items():
            ended.add_metric(labels, count)
        yield ended
        duration, waited = (
            HistogramMetricFamily(name, words, labels=where)
            for name, words in (
                ("meridian_exchange_seconds", "From the last byte of the request to the answer"),
                ("meridian_provider_wait_seconds", "Of that, waiting for the provider"),
            )
        )
        for place, times in self._times.copy().items():
            for family, one in zip((duration, waited), times, strict=True):
                family.add_metric(place, one.cumulative(), one.total)
        yield duration
        yield waited


class _Endpoints(Collector):
    """Reads the endpoints' states when somebody asks for them."""

    def __init__(self, describe: Describe) -> None:
        self._describe = describe

    def collect(self) -> Iterable[Metric]:
        """One sample per endpoint and gauge."""
        gauges = {
            "breaker": GaugeMetricFamily("meridian_endpoint_breaker", "0 closed, 1 half-open, 2 open", labels=["url"]),
            "healthy": GaugeMetricFamily("meridian_endpoint_healthy", "By its health probes", labels=["url"]),
            "in_flight": GaugeMetricFamily("meridian_endpoint_in_flight", "Calls under way", labels=["url"]),
            "queued": GaugeMetricFamily("meridian_endpoint_queued", "Calls that wait for a place", labels=["url"]),
        }
        for one in self._describe():
            labels = [str(one["url"])]
            gauges["breaker"].add_metric(labels, _STATES[str(one["state"])])
            for name in ("healthy", "in_flight", "queued"):
                gauges[name].add_metric(labels, float(one[name]))
        return gauges.values()


class _Pressure(Collector):
    """The figures of the last look, which is a second old at the most."""

    def __init__(self, pressure: Pressure) -> None:
        self._pressure = pressure

    def collect(self) -> Iterable[Metric]:
        """One gauge a figure; limits of 0 are none."""
        pressure, shortage = self._pressure, self._pressure.shortage
        figures = {
            "meridian_backlog_letters": ("Accepted messages that are not finished", pressure.load.letters),
            "meridian_backlog_limit": ("The most that may be (max_backlog)", pressure.settings.max_backlog),
            "meridian_disk_free_bytes": ("Free space in the data folder", pressure.free),
            "meridian_disk_limit_bytes": ("The least of it (min_free_disk)", pressure.settings.min_free_disk),
            "meridian_memory_limit_bytes": ("The most that a process may hold (max_memory)", pressure.memory_limit),
            "meridian_refusing": (
                "1 while writes and asynchronous messages are refused",
                bool(shortage and shortage.causes),
            ),
        }
        for name, (words, value) in figures.items():
            yield GaugeMetricFamily(name, words, value=float(value))
        services = GaugeMetricFamily(
            "meridian_service_backlog_letters", "Of those, of a service with a bound of its own", labels=["service"]
        )
        for name, letters in pressure.load.services.items():
            services.add_metric([name], float(letters))
        yield services


def _labels(record: Record) -> _Key:
    if record.door in _OWN_DOORS or (record.consumer and record.error not in _UNRESOLVED):
        return record.service, record.operation, record.consumer, record.status, record.error
    return "", "", record.consumer, record.status, record.error


def _read(read: Callable[[], float]) -> float:
    try:
        return read()
    except MeridianError:
        return float("nan")
