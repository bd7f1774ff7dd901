"""Batches with their augmentations: a function of seed, epoch and sample, targets included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from dlc.compiler.components.augmentations.affine import Affine
from dlc.compiler.components.augmentations.auto_augment import AutoAugment
from dlc.compiler.components.augmentations.base import Augmentation
from dlc.compiler.components.augmentations.brightness import Brightness
from dlc.compiler.components.augmentations.color_jitter import ColorJitter
from dlc.compiler.components.augmentations.cutmix import Cutmix
from dlc.compiler.components.augmentations.gaussian_blur import GaussianBlur
from dlc.compiler.components.augmentations.gaussian_noise import GaussianNoise
from dlc.compiler.components.augmentations.horizontal_flip import HorizontalFlip
from dlc.compiler.components.augmentations.mixup import Mixup
from dlc.compiler.components.augmentations.rand_augment import RandAugment
from dlc.compiler.components.augmentations.random_crop import RandomCrop
from dlc.compiler.components.augmentations.random_erasing import RandomErasing
from dlc.compiler.components.augmentations.random_resized_crop import RandomResizedCrop
from dlc.compiler.components.augmentations.shift import Shift
from dlc.compiler.components.augmentations.time_series_jitter import TimeSeriesJitter
from dlc.compiler.components.augmentations.token_dropping import TokenDropping
from dlc.compiler.components.losses.cross_entropy import CrossEntropy
from dlc.compiler.components.losses.mse_loss import MseLoss
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.preprocessing.center_crop import CenterCrop
from dlc.compiler.components.preprocessing.normalize import Normalize
from dlc.compiler.components.preprocessing.resize import Resize
from dlc.compiler.components.preprocessing.scale import Scale
from dlc.compiler.components.preprocessing.standardize import Standardize
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import TensorType, float_tensor, int_tensor
from dlc.runtime.augmentation.augmenter import Augmenter
from dlc.runtime.augmentation.places import Unfinished, leading, places
from dlc.runtime.data.preprocessing import apply, transform
from dlc.runtime.training.samples import Samples

N = symbol("N")
ROWS = 40
IMAGE = float_tensor(N, 3, 12, 10)
OUTPUTS = {"logits": float_tensor(N, 5)}
CLASSIFIES = (CrossEntropy(input="logits", target="label"),)


def arrays() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "image": rng.random((ROWS, 3, 12, 10), np.float32),
        "label": rng.integers(0, 5, ROWS),
    }


def augmenter(
    steps: Sequence[Augmentation],
    data: Mapping[str, Any],
    *,
    inputs: Mapping[str, TensorType] | None = None,
    targets: Mapping[str, TensorType] | None = None,
    losses: Any = CLASSIFIES,
    outputs: Mapping[str, TensorType] = OUTPUTS,
    unfinished: Mapping[str, Unfinished] | None = None,
    seed: int = 3,
) -> Augmenter:
    inputs = inputs or {"image": IMAGE}
    targets = targets if targets is not None else {"label": int_tensor(N)}
    for step in steps:
        step.validate()
        step.check(inputs, targets, outputs, losses)
    samples = Samples(data, inputs=[*inputs], targets=[*targets], device=torch.device("cpu"))
    return Augmenter(
        steps,
        samples,
        inputs=inputs,
        targets=targets,
        outputs=outputs,
        losses=losses,
        unfinished=unfinished or {},
        seed=seed,
    )


def epoch_of(
    made: Augmenter, order: Any, batch: int, epoch: int = 1
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    take = made.in_order(order, epoch)
    parts = [take(i, min(i + batch, len(order))) for i in range(0, len(order), batch)]
    joined = [
        {name: torch.cat([part[side][name] for part in parts]) for name in parts[0][side]}
        for side in (0, 1)
    ]
    return joined[0], joined[1]


EVERY: list[tuple[Augmentation, ...]] = [
    (HorizontalFlip(), Shift(width=0.2), Affine(degrees=20.0, scale=(0.8, 1.2))),
    (RandomCrop(height=12, width=10, padding=2), ColorJitter(brightness=0.4, hue=0.2)),
    (RandomResizedCrop(height=12, width=10), GaussianBlur(kernel_size=3)),
    (RandomErasing(value="random"), GaussianNoise(std=0.1)),
    (AutoAugment(), RandAugment()),
    (Brightness(), Mixup(alpha=0.4)),
    (Shift(), Cutmix(), HorizontalFlip(), Mixup(p=0.5)),
]


@pytest.mark.parametrize("steps", EVERY, ids=lambda s: "+".join(step.name for step in s))
def test_a_sample_is_the_same_picture_in_every_batch(steps: tuple[Augmentation, ...]) -> None:
    data = arrays()
    order = np.random.default_rng(1).permutation(ROWS)
    inputs, targets = epoch_of(augmenter(steps, data), order, ROWS)
    assert not torch.equal(inputs["image"], torch.from_numpy(data["image"])[order])
    for batch in (1, 7, 16):
        others, labels = epoch_of(augmenter(steps, data), order, batch)
        assert torch.equal(others["image"], inputs["image"])
        assert torch.equal(labels["label"], targets["label"])


def test_the_order_of_samples_does_not_change_what_is_drawn() -> None:
    steps = EVERY[0]
    order = np.random.default_rng(1).permutation(ROWS)
    one, _ = epoch_of(augmenter(steps, arrays()), np.arange(ROWS), 8)
    two, _ = epoch_of(augmenter(steps, arrays()), order, 8)
    assert torch.equal(two["image"], one["image"][order])


def test_ranks_see_the_pictures_of_one_process() -> None:
    made = augmenter(EVERY[0], arrays())
    order = np.random.default_rng(1).permutation(ROWS)
    whole, _ = epoch_of(made, order, 8)
    for rank in range(3):
        part, _ = epoch_of(made, order[rank::3], 4)
        assert torch.equal(part["image"], whole["image"][rank::3])


def test_epochs_and_seeds_differ() -> None:
    steps, order = EVERY[0], np.arange(ROWS)
    one, _ = epoch_of(augmenter(steps, arrays()), order, 8)
    two, _ = epoch_of(augmenter(steps, arrays()), order, 8, epoch=2)
    other, _ = epoch_of(augmenter(steps, arrays(), seed=4), order, 8)
    assert not torch.equal(one["image"], two["image"])
    assert not torch.equal(one["image"], other["image"])


def test_the_same_change_twice_is_drawn_twice() -> None:
    twice, _ = epoch_of(
        augmenter((HorizontalFlip(p=0.5), HorizontalFlip(p=0.5)), arrays()), np.arange(ROWS), 8
    )
    same = (twice["image"] == torch.from_numpy(arrays()["image"])).flatten(1).all(1)
    assert 0.2 < float(same.float().mean()) < 0.8


def test_mixed_targets_are_probabilities_that_metrics_see_as_classes() -> None:
    data, order = arrays(), np.random.default_rng(1).permutation(ROWS)
    made = augmenter((Mixup(alpha=0.3),), data)
    inputs, targets = epoch_of(made, order, 7)
    soft = targets["label"]
    assert soft.shape == (ROWS, 5)
    torch.testing.assert_close(soft.sum(1), torch.ones(ROWS))
    images = torch.from_numpy(data["image"])[order]
    labels = torch.from_numpy(data["label"])[order]
    changed = (inputs["image"] - images).abs().flatten(1).amax(1)
    assert float(changed.min()) > 1e-5, "all have a partner that is not themselves"
    for place in range(ROWS):
        own, before = int(labels[place]), int(labels[place - 1])
        if own == before:
            continue
        share = soft[place, own]
        assert 0.0 < float(share) < 1.0
        torch.testing.assert_close(soft[place, before], 1 - share)
        expected = images[place] * share + images[place - 1] * (1 - share)
        torch.testing.assert_close(inputs["image"][place], expected)
    assert torch.equal(made.plain(targets)["label"], soft.argmax(1))
    logits = torch.randn(ROWS, 5)
    assert torch.isfinite(torch.nn.functional.cross_entropy(logits, soft, label_smoothing=0.1))


def test_regression_targets_are_blended() -> None:
    data = arrays() | {"age": np.random.default_rng(2).random(ROWS).astype(np.float32)}
    del data["label"]
    made = augmenter(
        (Mixup(),),
        data,
        targets={"age": float_tensor(N)},
        losses=(MseLoss(input="y", target="age"),),
        outputs={"y": float_tensor(N)},
    )
    _, targets = epoch_of(made, np.arange(ROWS), 9)
    ages = torch.from_numpy(data["age"])
    low, high = torch.minimum(ages, ages.roll(1)), torch.maximum(ages, ages.roll(1))
    assert torch.all((targets["age"] >= low - 1e-6) & (targets["age"] <= high + 1e-6))
    assert not torch.equal(targets["age"], ages)


@pytest.mark.parametrize("kind", ["classes", "depth"])
def test_maps_move_with_their_pictures(kind: str) -> None:
    data = arrays()
    data["mask"] = (
        (data["image"][:, 0] * 4).astype(np.int64)
        if kind == "classes"
        else data["image"][:, 0].copy()
    )
    del data["label"]
    type = (int_tensor if kind == "classes" else float_tensor)(N, 12, 10)
    logits = float_tensor(N, 4, 12, 10) if kind == "classes" else float_tensor(N, 12, 10)
    losses = (
        (CrossEntropy(input="logits", target="mask"),)
        if kind == "classes"
        else (MseLoss(input="logits", target="mask"),)
    )
    made = augmenter(
        (HorizontalFlip(), Shift(width=0.3), RandomCrop(height=12, width=10, padding=1)),
        data,
        targets={"mask": type},
        losses=losses,
        outputs={"logits": logits},
    )
    inputs, targets = epoch_of(made, np.arange(ROWS), 8)
    first = inputs["image"][:, 0]
    expected = (first * 4).long() if kind == "classes" else first
    assert targets["mask"].dtype == expected.dtype
    assert torch.equal(targets["mask"], expected)


def test_classes_of_pixels_stay_classes_under_turns() -> None:
    data = arrays()
    data["mask"] = np.random.default_rng(0).choice([0, 3], (ROWS, 12, 10))
    del data["label"]
    made = augmenter(
        (Affine(degrees=45.0),),
        data,
        targets={"mask": int_tensor(N, 12, 10)},
        losses=(CrossEntropy(input="logits", target="mask"),),
        outputs={"logits": float_tensor(N, 4, 12, 10)},
    )
    _, targets = epoch_of(made, np.arange(ROWS), 8)
    assert set(targets["mask"].unique().tolist()) == {0, 3}


def test_texts_and_series() -> None:
    rng = np.random.default_rng(0)
    data = {
        "tokens": rng.integers(1, 50, (ROWS, 20)),
        "series": rng.random((ROWS, 20, 2), np.float32),
        "label": rng.integers(0, 5, ROWS),
    }
    made = augmenter(
        (TokenDropping(p=0.3), TimeSeriesJitter(std=0.1)),
        data,
        inputs={"tokens": int_tensor(N, 20), "series": float_tensor(N, 20, 2)},
    )
    inputs, targets = epoch_of(made, np.arange(ROWS), 6)
    assert inputs["tokens"].dtype == torch.int64
    assert float((inputs["tokens"] == 1).float().mean()) > 0.2
    assert not np.array_equal(inputs["series"].numpy(), data["series"])
    assert np.array_equal(targets["label"].numpy(), data["label"])


# ── where augmentation stands ────────────────────────────────────────────────


def finished(
    chain: tuple[Preprocess, ...],
    statistics: Any,
    raw: Any,
    steps: tuple[Augmentation, ...],
    declared: TensorType,
) -> tuple[Any, Any]:
    """The input after an augmentation that changes nothing, and as validation has it."""
    place = places(steps, {"image": declared}, {"image": chain})["image"]
    values = transform(raw, place.before, [{}] * len(place.before))
    unfinished = Unfinished(
        values=values, steps=chain[place.index :], statistics=statistics[place.index :]
    )
    labels = {"label": np.zeros(len(raw), np.int64)}
    made = augmenter(
        steps,
        {"image": values, **labels},
        inputs={"image": declared},
        unfinished={"image": unfinished},
    )
    inputs, _ = epoch_of(made, np.arange(len(raw)), 3)
    return inputs["image"].numpy(), apply(raw, chain, statistics, declared)


@pytest.mark.parametrize(
    "chain",
    [
        (),
        (Scale(factor=1 / 255),),
        (Resize(height=12, width=10), Scale(factor=1 / 255)),
        (Scale(factor=1 / 255), Normalize(mean=(0.1, 0.2, 0.3), std=0.5)),
        (Scale(factor=1 / 255), Standardize()),
    ],
    ids=lambda c: "+".join(step.name for step in c) or "none",
)
def test_training_without_a_change_is_validation(chain: tuple[Preprocess, ...]) -> None:
    raw = np.random.default_rng(0).integers(0, 256, (9, 3, 12, 10)).astype(np.uint8)
    statistics = tuple(
        {
            "mean": np.full((1, 3, 1, 1), 0.4, np.float32),
            "std": np.full((1, 3, 1, 1), 0.3, np.float32),
        }
        if step.statistics
        else {}
        for step in chain
    )
    found, expected = finished(chain, statistics, raw, (Brightness(amount=0.0),), IMAGE)
    assert np.array_equal(found, expected)


def test_white_is_what_the_next_step_makes_one() -> None:
    pixels = np.zeros((1, 1, 8, 8), np.int64)
    white = Unfinished(values=pixels, steps=(Scale(factor=1 / 16),), statistics=({},)).white
    assert white == pytest.approx(16.0)
    assert Unfinished(values=pixels.astype(np.uint8), steps=(), statistics=()).white == 255.0
    assert Unfinished(values=pixels.astype(np.float32), steps=(), statistics=()).white == 1.0


def test_steps_in_front_run_before_and_arithmetic_after() -> None:
    chain = (Resize(height=12, width=10), Scale(factor=0.5))
    assert leading(chain).index == 1
    place = places((HorizontalFlip(),), {"image": IMAGE}, {"image": chain})["image"]
    assert place.before == chain[:1]


def test_a_window_at_random_takes_the_place_of_the_crop() -> None:
    chain = (Resize(height=30), CenterCrop(height=13), Normalize(mean=0.0, std=1.0))
    declared = float_tensor(N, 3, 13, 13)
    steps = (RandomCrop(height=13),)
    place = places(steps, {"image": declared}, {"image": chain})["image"]
    assert place.index == 1
    assert place.before == (chain[0], CenterCrop(height=29, width=29))
    without = places((HorizontalFlip(),), {"image": declared}, {"image": chain})["image"]
    assert without.before == chain[:2]


@pytest.mark.parametrize("target", range(9, 31))
@pytest.mark.parametrize("sides", [(31, 52), (40, 33), (30, 30)])
def test_the_larger_crop_keeps_the_pixels_of_validation(
    target: int, sides: tuple[int, int]
) -> None:
    raw = np.random.default_rng(0).random((2, 3, *sides)).astype(np.float32)
    chain = (Resize(height=30), CenterCrop(height=target))
    declared = float_tensor(N, 3, target, target)
    place = places((RandomCrop(height=target),), {"image": declared}, {"image": chain})["image"]
    stored = transform(raw, place.before, [{}] * len(place.before))
    validated = transform(stored, chain[place.index :], [{}])
    assert np.array_equal(validated, transform(raw, chain, [{}, {}]))
