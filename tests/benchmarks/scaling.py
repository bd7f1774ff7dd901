"""Text to typed graph over the number of layers: the time of one layer should not grow."""

from __future__ import annotations

import statistics
import time

from dlc.compiler import Source, check

LAYERS = (10, 100, 1_000, 10_000)


def spec(layers: int) -> str:
    """A plain stack of convolutions, norms and activations, every layer written out."""
    kinds = (
        "  - conv2d: {out_channels: 16, kernel_size: 3, padding: 1}",
        "  - batch_norm2d",
        "  - relu",
        "  - dropout: 0.1",
    )
    lines = ["dlc: 1", "name: Stack", "inputs:", "  x: float[N, 16, 8, 8]", "layers:"]
    lines += [kinds[i % len(kinds)] for i in range(layers - 1)]
    return "\n".join([*lines, "  - global_avg_pool:", "    output: y", ""])


def seconds(layers: int) -> float:
    """The median time of compiling a spec of so many layers."""
    source = Source("stack.yaml", spec(layers), "yaml")
    times = []
    for _ in range(max(3, min(15, 3_000 // layers))):
        start = time.perf_counter()
        assert check(source).ok
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def run() -> list[tuple[str, str]]:
    seconds(10)  # imports
    found = {layers: seconds(layers) for layers in LAYERS}
    base = found[1_000] / 1_000
    return [
        (
            f"{layers:,} layers: time of one layer over that at 1,000",
            f"{found[layers] / layers / base:.2f} ({found[layers] * 1e3:.0f} ms in all)",
        )
        for layers in LAYERS
    ]
