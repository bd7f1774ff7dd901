"""What augmentation takes of a training step of LeNet-5 on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from dlc.compiler import Source, check
from dlc.compiler.components.augmentations.random_resized_crop import RandomResizedCrop
from dlc.runtime.augmentation.augmenter import Augmenter
from dlc.runtime.augmentation.base import Picture, kernel_of
from dlc.runtime.augmentation.draws import Draws
from dlc.runtime.augmentation.vision import functional
from dlc.runtime.training.samples import Samples, Take
from tests.benchmarks.measure import interleaved
from tests.benchmarks.training_step import generated

_BATCH = 128
_BATCHES = 10
_LISTS = (
    "shift(0.1)",
    "affine(degrees=10, translate=[0.1, 0.1], scale=[0.9, 1.1])",
    "[shift(0.1), random_erasing(0.3), mixup(0.2)]",
)


def augmented(listed: str, samples: Samples) -> Augmenter:
    """The augmenter of LeNet-5 with these augmentations."""
    path = Path("specs/lenet5.yaml")
    source = Source(path.name, path.read_text(), "yaml")
    found = check(source, path=path, sets=(f"data.augment={listed}",)).compilation
    assert found is not None
    assert found.settings.data is not None
    graph = found.program.graph
    return Augmenter(
        found.settings.data.augment,
        samples,
        inputs={name: graph.values[name] for name in graph.inputs},
        targets=dict(found.program.targets),
        outputs={name: graph.values[value] for name, value in graph.outputs},
        losses=[term.loss for term in found.settings.loss],
        unfinished={},
        seed=0,
    )


def steps(model: torch.nn.Module, take: Take) -> Callable[[], None]:
    """Some optimizer steps, with the taking of their batches."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def run() -> None:
        for start in range(0, _BATCH * _BATCHES, _BATCH):
            inputs, targets = take(start, start + _BATCH)
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(**inputs)["logits"], targets["label"]).backward()
            optimizer.step()

    return run


def run() -> list[tuple[str, str]]:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # two threads on a shared machine measure the neighbours
    rng = np.random.default_rng(0)
    count = _BATCH * _BATCHES
    samples = Samples(
        {
            "image": rng.random((count, 1, 28, 28), np.float32),
            "label": rng.integers(0, 10, count),
        },
        inputs=["image"],
        targets=["label"],
        device=torch.device("cpu"),
    )
    order = np.arange(count)
    plain = steps(generated("lenet5"), samples.in_order(order))
    rows = []
    for listed in _LISTS:
        take = augmented(listed, samples).in_order(order, 0)
        ratio = interleaved(steps(generated("lenet5"), take), plain, 30)
        rows.append(
            (f"LeNet-5, batch {_BATCH}, CPU: step with `{listed}` over without", ratio.text)
        )
    return [*rows, *_crops()]


def _crops() -> Iterator[tuple[str, str]]:
    """The batch at once over a loop, and larger pictures, where it is the loop."""
    for size, batch in ((28, 128), (32, 128), (64, 64), (224, 16)):
        picture = Picture(x=torch.rand(batch, 3, size, size))
        step = RandomResizedCrop(height=size)
        kernel = kernel_of(step)
        drawn = kernel.draw(step, Draws(0, 0, 0, np.arange(batch)), (3, size, size))
        ratio = interleaved(
            partial(kernel.apply, step, picture, drawn), partial(_looped, picture, drawn, size), 20
        )
        yield f"random_resized_crop of {batch} pictures of {size} x {size} over a loop", ratio.text


def _looped(picture: Picture, windows: npt.NDArray[np.int64], size: int) -> torch.Tensor:
    parts = [
        functional.resized_crop(x, *window, size=[size, size], antialias=True)
        for x, window in zip(picture.x, windows.tolist(), strict=True)
    ]
    return torch.stack(parts)
