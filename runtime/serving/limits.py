"""What a server takes at most. Every bound answers with a 4xx or 503, none with memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Sizes in bytes, times in seconds.

    `batch` rows run together at most, `rows` may one request bring, and no size that a model
    leaves open may pass `dim`. `queue` requests may wait for each model; `held` bytes of bodies
    may all requests together hold. A request that is not answered within `timeout` gets 504.
    `head` is for the first line and the headers of a request. A server that ends takes new
    connections for `notice_seconds` yet, and answers for `drain_seconds` at most.
    """

    batch: int = 64
    rows: int = 4096
    dim: int = 16_384
    queue: int = 256
    body: int = 16 << 20
    held: int = 256 << 20
    timeout: float = 30.0
    connections: int = 1000
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    head: int = 64 << 10
    idle_seconds: float = 60.0
    notice_seconds: float = 0.5
    drain_seconds: float = 30.0
