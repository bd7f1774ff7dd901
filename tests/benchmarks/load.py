"""A client that asks a server as fast as it may, or at a rate, in a process of its own.

    python -m tests.benchmarks.load '{"port": 8000, "path": ..., "seconds": 5, "clients": 64}'

One JSON object comes out: for each status how many answers and the quantiles of their seconds.
With `rate`, requests are sent at even distances whatever comes back, each over a connection
that is free; those for which none is free are counted as unsent.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from typing import Any


class Client(asyncio.Protocol):
    """One connection, with one request under way at most."""

    def __init__(self, request: bytes, done: Any) -> None:
        self.request = request
        self.done = done
        self.buffer = b""
        self.began = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def send(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(body) >= length:
            self.buffer = b""
            self.done(self, int(head.split(b" ", 2)[1]), time.perf_counter() - self.began)

    def connection_lost(self, error: Any) -> None:
        if self.buffer or self.began:
            self.done(None, 0, 0.0)


def request_of(path: str, rows: int, side: int) -> bytes:
    """A request of zeros in binary."""
    size = 4 * rows * side
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "x",
                    "shape": [rows, side],
                    "datatype": "FP32",
                    "parameters": {"binary_data_size": size},
                }
            ],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    return (
        (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(head) + size}\r\n"
            f"Inference-Header-Content-Length: {len(head)}\r\n\r\n"
        ).encode()
        + head
        + bytes(size)
    )


async def load(given: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    request = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    if "path" in given:
        request = request_of(given["path"], given.get("rows", 1), given["side"])
    seconds: dict[int, list[float]] = defaultdict(list)
    free: list[Client] = []
    ends = 0.0
    rate = given.get("rate")

    def done(client: Client | None, status: int, took: float) -> None:
        seconds[status].append(took)
        if client is None:
            return
        if rate is None and time.perf_counter() < ends:
            client.send()
        else:
            free.append(client)

    clients = []
    for _ in range(given["clients"]):
        _, client = await loop.create_connection(
            lambda: Client(request, done), "127.0.0.1", given["port"]
        )
        clients.append(client)
    began = time.perf_counter()
    ends = began + given["seconds"]
    unsent = 0
    if rate is None:
        for client in clients:
            client.send()
        await asyncio.sleep(given["seconds"])
    else:
        free += clients
        sent = 0
        while (now := time.perf_counter()) < ends:
            while sent < (now - began) * rate:
                sent += 1
                if free:
                    free.pop().send()
                else:
                    unsent += 1
            await asyncio.sleep(0.001)
    took = time.perf_counter() - began
    answered = {status: len(found) for status, found in seconds.items()}
    await asyncio.sleep(1)
    for client in clients:
        client.began = 0.0
        client.transport.abort()
    return {
        "seconds": took,
        "unsent": unsent,
        "answers": {
            str(status): {
                "count": count,
                "p50": quantile(seconds[status], 0.5),
                "p99": quantile(seconds[status], 0.99),
                "most": max(seconds[status]),
            }
            for status, count in answered.items()
        },
    }


def quantile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(load(json.loads(sys.argv[1])))))
