"""The text of a first spec for a folder of pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dlc.runtime.drafting.sizes import sizes_for


def draft_pictures(
    classes: Sequence[tuple[str, int]], *, source: str, side: int, channels: int, command: str
) -> str:
    """A small convolutional network for pictures of classes with so many rows each, brought to
    `side` times `side` pixels."""
    rows = sum(count for _, count in classes)
    sizes = sizes_for(rows, side, len(classes))
    widths = [16, 32, 64][: 2 if side < 32 or rows < 500 else 3]
    blocks = []
    for width in widths:
        blocks += [
            f"  - conv2d: {{out_channels: {width}, kernel_size: 3, padding: 1, bias: false}}",
            "  - batch_norm2d",
            "  - relu",
            "  - max_pool2d: 2",
        ]
    lines = [
        f"# A first spec, from `{command}`:",
        f"# {rows:,} pictures of {len(classes)} classes. Every choice below may be changed.",
        "dlc: 1",
        "",
        "inputs:",
        f"  image: float[N, {channels}, {side}, {side}]",
        "",
        "layers:",
        "  # A small convolutional network; `specs/resnet18.yaml` is a larger one.",
        *blocks,
        "  - global_avg_pool",
        f"  - linear: {len(classes)}  # a score for each class",
        "    output: logits",
        "",
        "init: {conv2d: kaiming_normal, linear: kaiming_normal, bias: zeros}",
        "",
        "targets:",
        "  label: int[N]",
        "",
        "data:",
        f"  source: {json.dumps(source, ensure_ascii=False)}",
        "  columns: {image: image, label: label}",
        "  # Each class keeps its share in every part.",
        "  split: {train: 0.8, validation: 0.1, test: 0.1, stratify: label, seed: 0}",
        f"  batch_size: {min(64, sizes.batch_size)}",
        "# One batch has one size; bigger pictures show more, and cost more.",
        "preprocess:",
        f'  image: ["resize({side}, {side})", standardize]',
        "postprocess:",
        "  logits: [softmax, labels]",
        "loss: cross_entropy(logits, label)",
        "metrics: accuracy(logits, label)",
        "optimizer: {adamw: {lr: 1e-3, weight_decay: 0.01}}",
        "schedule: cosine",
        "train:",
        f"  epochs: {min(50, sizes.epochs)}",
        "  # Ends where the validation part stops improving, and keeps the best weights.",
        f"  early_stopping: {{patience: {max(3, min(50, sizes.epochs) // 10)}, monitor: val_loss}}",
    ]
    return "\n".join(lines) + "\n"
