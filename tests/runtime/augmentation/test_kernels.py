"""What each kernel does to a sample is what torchvision does with the same parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchvision.transforms.v2 as v2
from torchvision.transforms import autoaugment
from torchvision.transforms.v2 import functional

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
from dlc.compiler.components.augmentations.rotation import Rotation
from dlc.compiler.components.augmentations.scaling import Scaling
from dlc.compiler.components.augmentations.shift import Shift
from dlc.compiler.components.augmentations.time_series_jitter import TimeSeriesJitter
from dlc.compiler.components.augmentations.token_dropping import TokenDropping
from dlc.compiler.components.augmentations.vertical_flip import VerticalFlip
from dlc.runtime.augmentation import colors, policies, vision
from dlc.runtime.augmentation.base import Picture, kernel_of
from dlc.runtime.augmentation.draws import Draws
from dlc.runtime.augmentation.kernels import random_resized_crop

COUNT = 12


def pictures(channels: int = 3, height: int = 14, width: int = 17) -> torch.Tensor:
    return torch.rand((COUNT, channels, height, width), generator=torch.Generator().manual_seed(1))


def draws(count: int = COUNT, seed: int = 3) -> Draws:
    return Draws(seed, 2, 0, np.arange(count))


def run(step: Augmentation, x: torch.Tensor, **picture: Any) -> tuple[Any, torch.Tensor]:
    step.validate()
    kernel = kernel_of(step)
    drawn = kernel.draw(step, draws(len(x)), tuple(x.shape[1:]))
    return drawn, kernel.apply(step, Picture(x=x, **picture), drawn)


def same(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("step", "function"),
    [
        (HorizontalFlip(), functional.horizontal_flip),
        (VerticalFlip(), functional.vertical_flip),
    ],
)
def test_flips_mirror_the_samples_that_are_drawn(step: Augmentation, function: Any) -> None:
    x = pictures()
    mask, found = run(step, x)
    assert 0 < mask.sum() < COUNT
    for index in range(COUNT):
        expected = function(x[index]) if mask[index] else x[index]
        assert torch.equal(found[index], expected)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize(
    "step",
    [
        Rotation(degrees=40.0),
        Scaling(low=0.6, high=1.7),
        Affine(degrees=30.0, translate=(0.2, 0.3), scale=(0.7, 1.4), shear=(20.0, 10.0)),
    ],
    ids=lambda step: step.name,
)
def test_maps_are_those_of_torchvision(step: Any, interpolation: str) -> None:
    x = pictures()
    step = type(step)(**{**vars(step), "interpolation": interpolation})
    drawn, found = run(step, x)
    for index in range(COUNT):
        expected = functional.affine(
            x[index],
            angle=float(drawn.degrees[index]),
            translate=[float(drawn.right[index]), float(drawn.down[index])],
            scale=float(drawn.scale[index]),
            shear=[float(drawn.shear_x[index]), float(drawn.shear_y[index])],
            interpolation=v2.InterpolationMode(interpolation),
        )
        wrong = (found[index] - expected).abs() > 1e-4
        # Between two pixels the nearer one is a matter of the last bit.
        assert wrong.float().mean() < (0.01 if interpolation == "nearest" else 1e-9)


def test_what_comes_from_outside_is_the_fill() -> None:
    x = torch.full((COUNT, 1, 9, 9), 0.25)
    _, found = run(Rotation(degrees=90.0, fill=0.25), x)
    same(found, x)
    _, found = run(Scaling(low=0.2, high=0.3, fill=1.0), x * 255.0, white=255.0)
    assert torch.all(found[:, :, 0, 0] == 255.0)


def test_shifts_are_whole_pixels() -> None:
    x = pictures()
    step = Shift(width=0.3, height=0.2, fill=0.5)
    (right, down), found = run(step, x)
    assert np.abs(right).max() <= round(0.3 * 17)
    assert np.abs(down).max() <= round(0.2 * 14)
    assert len(set(right.tolist())) > 3
    for index in range(COUNT):
        expected = functional.affine(
            x[index],
            angle=0.0,
            translate=[int(right[index]), int(down[index])],
            scale=1.0,
            shear=[0.0, 0.0],
            fill=[0.5],
        )
        same(found[index], expected)


def test_crops_of_a_widened_picture() -> None:
    x = pictures()
    step = RandomCrop(height=12, width=16, padding=3, fill=1.0)
    (tops, lefts), found = run(step, x)
    wide = functional.pad(x, [3, 3, 3, 3], fill=1.0)
    for index in range(COUNT):
        expected = functional.crop(wide[index], int(tops[index]), int(lefts[index]), 12, 16)
        assert torch.equal(found[index], expected)
    assert tops.max() <= 14 + 6 - 12
    assert lefts.max() <= 17 + 6 - 16


def test_a_crop_larger_than_the_picture_is_filled() -> None:
    _, found = run(RandomCrop(height=20, width=30), pictures() + 1.0)
    assert found.shape == (COUNT, 3, 20, 30)
    assert torch.all((found > 0).sum(dim=(1, 2, 3)) == 3 * 14 * 17)


@pytest.mark.parametrize("size", [(8, 10), (23, 19), (14, 17), (1, 1)])
@pytest.mark.parametrize("at_once", [True, False])
def test_resized_crops_are_those_of_torchvision(
    size: tuple[int, int], at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random_resized_crop, "_MOST_PRODUCTS", 1e9 if at_once else 0)
    x = pictures()
    step = RandomResizedCrop(height=size[0], width=size[1], scale=(0.05, 0.9))
    windows, found = run(step, x)
    for index in range(COUNT):
        expected = functional.resized_crop(
            x[index], *windows[index].tolist(), size=list(size), antialias=True
        )
        same(found[index], expected, 1e-6)


@pytest.mark.parametrize("size", [(8, 10), (23, 19), (14, 17), (1, 1)])
def test_resized_crops_of_classes_are_those_of_torchvision(size: tuple[int, int]) -> None:
    x = (pictures(1) * 9).floor()
    step = RandomResizedCrop(height=size[0], width=size[1], scale=(0.05, 0.9))
    windows, found = run(step, x, classes=True)
    for index in range(COUNT):
        expected = functional.resized_crop(
            x[index],
            *windows[index].tolist(),
            size=list(size),
            interpolation=vision.NEAREST,
        )
        assert torch.equal(found[index], expected)


def test_a_window_that_never_fits_is_the_largest_in_the_middle() -> None:
    step = RandomResizedCrop(height=8, ratio=(9.0, 10.0), scale=(0.9, 1.0))
    windows, _ = run(step, pictures())
    assert np.unique(windows, axis=0).tolist() == [[6, 0, 2, 17]]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("white", [1.0, 255.0])
@pytest.mark.parametrize(
    ("change", "function", "low", "high"),
    [
        (colors.brightness, functional.adjust_brightness, 0.0, 2.0),
        (colors.contrast, functional.adjust_contrast, 0.0, 2.0),
        (colors.saturation, functional.adjust_saturation, 0.0, 2.0),
        (colors.hue, functional.adjust_hue, -0.5, 0.5),
    ],
)
def test_colors_are_those_of_torchvision(
    change: Any, function: Any, low: float, high: float, white: float, channels: int
) -> None:
    x = pictures(channels)
    x[0] = 0.3  # gray all over
    amounts = draws().uniform(low, high)
    found = change(Picture(x=x * white, white=white), amounts) / white
    for index in range(COUNT):
        same(found[index], function(x[index], float(amounts[index])))


def test_color_jitter_makes_its_changes_in_the_drawn_order() -> None:
    x = pictures()
    step = ColorJitter(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.2)
    drawn, found = run(step, x)
    functions = (
        functional.adjust_brightness,
        functional.adjust_contrast,
        functional.adjust_saturation,
        functional.adjust_hue,
    )
    assert len({tuple(order) for order in drawn.order.tolist()}) > 4
    for index in range(COUNT):
        expected = x[index]
        for change in drawn.order[index]:
            expected = functions[change](expected, float(drawn.amounts[change][index]))
        same(found[index], expected, 1e-4)


def test_one_amount_of_color_jitter_leaves_the_others() -> None:
    x = pictures()
    drawn, found = run(ColorJitter(contrast=0.5), x)
    same(found, colors.contrast(Picture(x=x), drawn.amounts[1]))
    _, found = run(Brightness(amount=0.0), x)
    same(found, x)


def test_blurs_are_those_of_torchvision() -> None:
    x = pictures()
    drawn, found = run(GaussianBlur(kernel_size=7, sigma=(0.3, 3.0), p=0.7), x)
    assert 0 < drawn.mask.sum() < COUNT
    for index in range(COUNT):
        expected = functional.gaussian_blur(x[index], [7, 7], [float(drawn.sigma[index])])
        same(found[index], expected if drawn.mask[index] else x[index])


@pytest.mark.parametrize("value", [0.5, "random"])
def test_erased_rectangles(value: Any) -> None:
    x = pictures()
    drawn, found = run(RandomErasing(p=0.7, value=value), x * 255.0, white=255.0)
    erased = 0
    for index in range(COUNT):
        top, left, height, width = drawn.rectangles[index].tolist()
        hole = found[index, :, top : top + height, left : left + width] / 255.0
        erased += hole.numel() > 0
        expected = functional.erase(x[index], top, left, height, width, hole)
        same(found[index] / 255.0, expected)
        if value != "random":
            assert torch.all(hole == 0.5)
    assert 3 < erased < COUNT


def test_noise_is_normal_and_stays_between_black_and_white() -> None:
    x = torch.full((200, 1, 20, 20), 0.5)
    _, found = run(GaussianNoise(std=0.05), x)
    assert float((found - x).mean()) == pytest.approx(0.0, abs=1e-3)
    assert float((found - x).std()) == pytest.approx(0.05, rel=0.02)
    _, found = run(GaussianNoise(std=3.0), x * 255.0, white=255.0)
    assert float(found.min()) == 0.0
    assert float(found.max()) == 255.0


@pytest.mark.parametrize("policy", ["imagenet", "cifar10", "svhn"])
def test_auto_augment_has_the_tables_of_torchvision(policy: str) -> None:
    from dlc.runtime.augmentation.kernels.auto_augment import POLICIES

    theirs = v2.AutoAugment(v2.AutoAugmentPolicy(policy))
    assert list(POLICIES[policy]) == theirs._get_policies(theirs.policy)


@pytest.mark.parametrize("levels", [10, 31])
def test_strengths_are_those_of_torchvision(levels: int) -> None:
    space = autoaugment.AutoAugment()._augmentation_space(levels, (14, 17))
    for name, (strengths, _) in space.items():
        for level in range(levels):
            expected = float(strengths[level]) if strengths.ndim else 0.0
            assert policies.strength(name, level, levels, (14, 17)) == pytest.approx(expected)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "step", [AutoAugment(), AutoAugment(policy="svhn"), RandAugment(num_ops=3, magnitude=15)]
)
def test_policies_are_those_of_torchvision(step: Augmentation, channels: int) -> None:
    x = (pictures(channels) * 255.0).round_()
    turns, found = run(step, x, white=255.0)
    theirs = v2.AutoAugment()
    touched = 0
    for index in range(COUNT):
        expected = x[index].to(torch.uint8)
        for turn in turns:
            change = turn[index]
            if change is not None:
                touched += 1
                # Theirs takes the level from which on pixels are inverted as a share of white.
                share = 255.0 if change.name == "Solarize" else 1.0
                expected = theirs._apply_image_or_video_transform(
                    expected,
                    change.name,
                    change.strength / share,
                    theirs.interpolation,
                    theirs._fill,
                )
        assert torch.equal(found[index], expected.float())
    assert touched > 6


def test_samples_that_a_policy_leaves_keep_their_levels() -> None:
    x = pictures()
    turns, found = run(AutoAugment(), x)
    untouched = [i for i in range(COUNT) if all(turn[i] is None for turn in turns)]
    for index in untouched:
        assert torch.equal(found[index], x[index])


def test_mixup_blends_with_the_sample_before() -> None:
    x = pictures()
    kernel = kernel_of(Mixup())
    share = kernel.draw(Mixup(), draws(COUNT - 1), (3, 14, 17))
    found = kernel.mix(Mixup(), x, share)
    for index, kept in enumerate(kernel.shares(share)):
        same(found[index], x[index + 1] * kept + x[index] * (1 - kept))


def test_cutmix_pastes_what_its_share_says() -> None:
    x = pictures()
    kernel = kernel_of(Cutmix())
    drawn = kernel.draw(Cutmix(), draws(COUNT - 1), (3, 14, 17))
    found = kernel.mix(Cutmix(), x, drawn)
    for index, kept in enumerate(kernel.shares(drawn)):
        pasted = (found[index] == x[index]).all(0)
        own = (found[index] == x[index + 1]).all(0)
        assert torch.all(pasted | own)
        assert float(own.float().mean()) == pytest.approx(kept)
    assert np.ptp(kernel.shares(drawn)) > 0.3


def test_tokens_are_dropped_and_padding_stays() -> None:
    x = torch.randint(2, 50, (COUNT, 40), generator=torch.Generator().manual_seed(0))
    x[:, 30:] = 0
    _, found = run(TokenDropping(p=0.3), x)
    assert torch.all(found[:, 30:] == 0)
    changed = found[:, :30] != x[:, :30]
    assert torch.all(found[:, :30][changed] == 1)
    assert float(changed.float().mean()) == pytest.approx(0.3, abs=0.08)
    _, found = run(TokenDropping(p=0.5, padding=None, token=7), x)
    assert (found[:, 30:] == 7).any()


@pytest.mark.parametrize("shape", [(COUNT, 50), (COUNT, 50, 4)])
def test_series_are_stretched_and_get_noise(shape: tuple[int, ...]) -> None:
    x = torch.ones(shape)
    _, found = run(TimeSeriesJitter(std=0.0, scale=0.2), x)
    assert torch.all(found == found[:, :1])
    assert float(found[:, 0].std()) > 0.05
    _, found = run(TimeSeriesJitter(std=0.1), x)
    assert float((found - x).std()) == pytest.approx(0.1, rel=0.15)
