"""`dlc serve` under load: clients and server share the machine, whose cores both want.

The model is a chain of products with large matrices, whose weights are fetched from memory
once for a batch: what dynamic batching is for.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, LAYERS = 2048, 4
_CLIENTS = 64


@dataclass
class Process:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    port: int

    def resident(self) -> float:
        """Resident memory in MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1000
        return 0.0

    def load(self, seconds: float, clients: int = _CLIENTS, **options: Any) -> dict[str, Any]:
        """What clients in another process saw."""
        given = {
            "port": self.port,
            "path": "/v2/models/chain/infer",
            "seconds": seconds,
            "clients": clients,
            "side": SIDE,
            **options,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.load", json.dumps(given)],
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds + 120,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@contextmanager
def served(model: Path, *options: str) -> Iterator[Process]:
    words = ["serve", f"chain={model}", "--port", "0", "--grpc-port", "none", "--format", "json"]
    with subprocess.Popen(
        [sys.executable, "-m", "dlc.compiler.cli.main", *words, *options],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as process:
        assert process.stdout is not None
        try:
            said = json.loads(process.stdout.readline())
            yield Process(process, int(said["url"].rpartition(":")[2]))
        finally:
            process.terminate()
            process.wait(60)


def chain(path: Path) -> Path:
    """A model of `LAYERS` products with matrices of `SIDE` by `SIDE`."""
    draw = np.random.default_rng(0)
    nodes, weights, value = [], [], "x"
    for index in range(LAYERS):
        matrix = draw.normal(0, SIDE**-0.5, (SIDE, SIDE)).astype(np.float32)
        weights.append(numpy_helper.from_array(matrix, f"w_{index}"))
        nodes.append(helper.make_node("MatMul", [value, f"w_{index}"], [f"m_{index}"]))
        value = f"h_{index}"
        nodes.append(helper.make_node("Relu", [f"m_{index}"], [value]))
    axes = numpy_helper.from_array(np.array([1]), "axes")
    nodes.append(helper.make_node("ReduceSum", [value, "axes"], ["y"]))
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
        [*weights, axes],
    )
    opset = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=opset), path)
    return path


def run() -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        model = chain(Path(folder) / "chain.onnx")
        return [*batching(model), *overload(model), *slow_connections(model)]


def rate(found: dict[str, Any]) -> float:
    """Good answers a second."""
    count: float = found["answers"].get("200", {"count": 0})["count"]
    return count / float(found["seconds"])


def batching(model: Path, rounds: int = 3, seconds: float = 6) -> list[tuple[str, str]]:
    ratios, delays = [], []
    rates = []
    with served(model, "--max-batch", "64") as ours, served(model, "--max-batch", "1") as alone:
        for server in (ours, alone):
            server.load(1)
        for _ in range(rounds):
            a, b = ours.load(seconds), alone.load(seconds)
            ratios.append(rate(a) / rate(b))
            rates.append((rate(a), rate(b)))
            # One client after the other: what batching costs where there is nothing to batch.
            c, d = ours.load(3, clients=1), alone.load(3, clients=1)
            delays.append(c["answers"]["200"]["p50"] / d["answers"]["200"]["p50"])
    ratio, (most, least) = statistics.median(ratios), rates[len(rates) // 2]
    return [
        (
            f"{_CLIENTS} clients: throughput with batches over one request at a time",
            f"{ratio:.1f} [{min(ratios):.1f} .. {max(ratios):.1f}] ({most:.0f} over {least:.0f} "
            "requests a second)",
        ),
        (
            "one client: median latency with batches over without",
            f"{statistics.median(delays):.2f} [{min(delays):.2f} .. {max(delays):.2f}]",
        ),
    ]


def overload(model: Path, seconds: float = 30) -> list[tuple[str, str]]:
    with served(model, "--max-batch", "16", "--queue", "64") as server:
        server.load(2)
        capacity = rate(server.load(8, clients=48))
        server.load(5, clients=400, rate=2 * capacity)
        before = server.resident()
        found = server.load(seconds, clients=400, rate=2 * capacity)
        after = server.resident()
        again = rate(server.load(8, clients=48))
    capacity = (capacity + again) / 2
    refused = found["answers"].get("503", {"count": 0, "p50": 0, "p99": 0, "most": 0})
    others = {s: a["count"] for s, a in found["answers"].items() if s not in ("200", "503")}
    return [
        (
            "twice the capacity: good answers over those at the capacity",
            f"{rate(found) / capacity:.2f} (capacity {capacity:.0f} a second; "
            f"{refused['count']} refused, {found['unsent']} unsent, other answers {others})",
        ),
        (
            "twice the capacity: time to a 503, median / 99th percentile / longest",
            f"{refused['p50'] * 1e3:.1f} / {refused['p99'] * 1e3:.1f} / "
            f"{refused['most'] * 1e3:.1f} ms",
        ),
        (
            f"twice the capacity: memory after {seconds:.0f} s over that before",
            f"{after / before:.3f} ({before:.0f} MB before)",
        ),
    ]


def slow_connections(model: Path, count: int = 500) -> list[tuple[str, str]]:
    with served(model) as server, ExitStack() as stack:
        began = time.monotonic()
        places = {}
        for _ in range(count):
            found = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 30))
            found.sendall(b"POST /v2/models/chain/infer HTTP/1.1\r\nX-A: ")
            found.setblocking(False)
            places[found] = 0.0
        while not all(places.values()) and time.monotonic() - began < 60:
            time.sleep(0.5)
            for found, closed in places.items():
                if closed:
                    continue
                try:
                    found.sendall(b"a")
                    ended = found.recv(4096) in (b"",)
                except BlockingIOError:
                    ended = False
                except OSError:
                    ended = True
                if ended:
                    places[found] = time.monotonic() - began
        answers = server.load(2, clients=1)["answers"]
    last = max(places.values()) if all(places.values()) else float("inf")
    return [
        (
            f"{count} connections that drip their head: the last closed after",
            f"{last:.1f} s (then {answers['200']['count']} good answers in 2 s)",
        )
    ]
