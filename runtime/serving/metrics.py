"""What the server counts, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from dlc.runtime.serving.catalogue import Catalogue

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of one server. Labels are models that it has, protocols and statuses, so that
    their number is bounded whatever is asked."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "dlc_requests",
            "Requests that were answered, refused or failed",
            ("model", "protocol", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "dlc_request_seconds",
            "Time from the first byte of a request to its answer",
            ("model", "protocol"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._registry.register(_Batchers(catalogue))

    def count(self, model: str, protocol: str, status: int, seconds: float) -> None:
        """One request that ended."""
        known = model if model in self._catalogue.models else ""
        self._requests.labels(known, protocol, str(status)).inc()
        if known:
            self._seconds.labels(known, protocol).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _Batchers(Collector):
    """What the queues of the models have counted, read when it is asked for."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def collect(self) -> Iterator[Any]:
        waiting = GaugeMetricFamily(
            "dlc_queue_requests", "Requests that wait for a model", labels=("model",)
        )
        found: list[tuple[str, Any]] = [("", waiting)]
        for field, name, text in (
            ("rows", "dlc_rows", "Rows that a model ran on"),
            ("batches", "dlc_batches", "Batches that a model ran on"),
            ("run_seconds", "dlc_run_seconds", "Seconds that a model ran"),
            ("queue_seconds", "dlc_queue_seconds", "Seconds that requests waited, summed up"),
            ("refused", "dlc_refused", "Requests that found the queue full"),
            ("expired", "dlc_expired", "Requests that nobody waited for when their turn came"),
        ):
            found.append((field, CounterMetricFamily(name, text, labels=("model",))))
        for name, model in self._catalogue.models.items():
            waiting.add_metric((name,), model.batcher.waiting)
            for field, family in found[1:]:
                family.add_metric((name,), getattr(model.batcher.counts, field))
        yield from (family for _, family in found)
