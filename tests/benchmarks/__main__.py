"""Runs the benchmarks and prints a Markdown table: `make bench`, or with names of files."""

from __future__ import annotations

import platform
import sys
from importlib import import_module

NAMES = (
    "check_latency",
    "scaling",
    "training_step",
    "training_speed",
    "export_time",
    "zoo_times",
    "augmentation",
    "input_pipeline",
    "data_audit",
    "word2vec",
    "averages",
    "feature_cache",
    "transfer",
    "monitors",
    "onnx_nodes",
    "serving",
)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no benchmark is called {unknown[0]}; there are {', '.join(NAMES)}")
        return 2
    print(f"Measured on {platform.machine()}, Python {platform.python_version()}.\n")
    print("| what | ratio |\n| --- | --- |")
    for name in names or NAMES:
        for what, ratio in import_module(f"tests.benchmarks.{name}").run():
            print(f"| {what} | {ratio} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
