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
        given = {"path": "/v2/models/chain/infer", "side": SIDE, **options}
        return result(clients_of(self.port, seconds, clients, **given))


def clients_of(port: int, seconds: float, clients: int, **options: Any) -> subprocess.Popen[str]:
    """A process of clients; without a path they ask whether the server lives."""
    given = {"port": port, "seconds": seconds, "clients": clients, **options}
    command = [sys.executable, "-m", "tests.benchmarks.load", json.dumps(given)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result(clients: subprocess.Popen[str]) -> dict[str, Any]:
    """What such a process saw."""
    said, _ = clients.communicate(timeout=300)
    found: dict[str, Any] = json.loads(said)
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


def chain(path: Path, layers: int = LAYERS, shared: bool = False) -> Path:
    """A model of products with matrices of `SIDE` by `SIDE`, or with one of them, `shared`."""
    draw = np.random.default_rng(0)
    nodes, weights, value = [], [], "x"
    for index in range(layers):
        name = "w_0" if shared else f"w_{index}"
        if name == f"w_{index}":
            matrix = draw.normal(0, SIDE**-0.5, (SIDE, SIDE)).astype(np.float32)
            weights.append(numpy_helper.from_array(matrix, name))
        nodes.append(helper.make_node("MatMul", [value, name], [f"m_{index}"]))
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
        heavy = chain(Path(folder) / "heavy.onnx", layers=48, shared=True)
        return [*batching(model), *overload(heavy, model), *slow_connections(model)]


def rate(found: dict[str, Any]) -> float:
    """Good answers a second."""
    count: float = found["answers"].get("200", {"count": 0})["count"]
    return count / float(found["seconds"])


def batching(model: Path, rounds: int = 3, seconds: float = 6) -> list[tuple[str, str]]:
    ratios, delays, rates = [], [], []
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


def overload(heavy: Path, model: Path, seconds: float = 30) -> list[tuple[str, str]]:
    """Beside the server that has too much to do, one that has nothing to do is asked how it is:
    what that takes is the delay of the machine and of the client."""
    options = ("--max-batch", "8", "--queue", "32")
    with served(heavy, *options) as server, served(model) as idle:
        server.load(2, clients=24)
        capacity = rate(server.load(8, clients=24))
        server.load(5, clients=200, rate=2 * capacity)
        before = server.resident()
        control = clients_of(idle.port, seconds, 4, rate=20)
        found = server.load(seconds, clients=200, rate=2 * capacity)
        asked = result(control)["answers"]["200"]
        after = server.resident()
        again = rate(server.load(8, clients=24))
    refused = found["answers"].get("503", {"count": 0, "p50": 0, "p99": 0, "most": 0})
    others = {s: a["count"] for s, a in found["answers"].items() if s not in ("200", "503")}
    return [
        (
            "twice the capacity: good answers over those at the capacity",
            f"{2 * rate(found) / (capacity + again):.2f} (capacity {capacity:.0f} before and "
            f"{again:.0f} after, a second; {refused['count']} refused, {found['unsent']} unsent, "
            f"other answers {others})",
        ),
        ("twice the capacity: time to a 503, median / 99 % / longest", _times(refused)),
        ("the same of an idle server beside it", _times(asked)),
        (
            f"twice the capacity: memory after {seconds:.0f} s over that before",
            f"{after / before:.3f} ({before:.0f} MB before)",
        ),
    ]


def _times(found: dict[str, float]) -> str:
    return " / ".join(f"{found[key] * 1e3:.1f}" for key in ("p50", "p99", "most")) + " ms"


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
