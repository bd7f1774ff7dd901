"""A sheet of examples: what augmentation makes of some training samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFont

from dlc.compiler.components.augmentations.base import input_of
from dlc.runtime.augmentation.augmenter import Augmenter
from dlc.runtime.data.dataset import DataSet
from dlc.runtime.failures import failure
from dlc.runtime.training.plan import Plan
from dlc.runtime.training.samples import Epochs, Samples

_ROWS = 8
_DRAWS = 7
# Small pictures are enlarged by whole numbers to about this, large ones made smaller.
_SIDE = 112
_GAP = 8
_LINE = 14
_PAPER, _INK = (255, 255, 255), (40, 40, 40)
# A class with less is not worth its place under a picture.
_LEAST_SHARE = 0.05

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Example:
    """One training sample: as it is, and as some epochs see it, with what is to be learned."""

    pictures: tuple[Pixels, ...]
    texts: tuple[str, ...]


def refuse_pictureless(plan: Plan) -> str:
    """The input that a sheet shows. Raises `Failure` E0309 where none is augmented."""
    for step in plan.data.augment:
        if step.takes == "images":
            return input_of(step, plan.inputs)
    raise failure(
        "E0309",
        "the spec augments no pictures",
        help="add some: `data: {augment: [horizontal_flip, rotation(10)]}`",
    )


def examples(
    plan: Plan, data: DataSet, samples: Samples, augmenter: Augmenter, count: int = _ROWS
) -> list[Example]:
    """The first training samples of epoch 0, and what the first epochs make of each."""
    name = refuse_pictureless(plan)
    train = data.division.train
    epochs = Epochs(
        train,
        batch_size=len(train),
        seed=plan.settings.train.seed,
        shuffle=plan.data.shuffle,
        blocks=data.blocks,
    )
    order = epochs.order(0)
    rows = order[: min(count, len(order))]
    unfinished = data.unfinished[name]
    white = unfinished.white
    if data.stream is not None:
        taken = data.stream.take(rows, unfinished=True)[name]
    else:
        taken = unfinished.values[rows]
    given = torch.from_numpy(np.ascontiguousarray(taken))
    _, targets = samples.in_order(rows)(0, len(rows))
    columns = [(pixels(given.float(), white), _texts(targets, data))]
    for epoch in range(_DRAWS):
        drawn, mixed = augmenter.in_order(order, epoch, finish=False)(0, len(rows))
        columns.append((pixels(drawn[name], white), _texts(mixed, data)))
    return [
        Example(
            pictures=tuple(shown[row] for shown, _ in columns),
            texts=tuple(words[row] for _, words in columns),
        )
        for row in range(len(rows))
    ]


def pixels(x: torch.Tensor, white: float) -> Pixels:
    """[N, C, H, W] from black, 0, to `white` as bytes of [N, H, W, 3]."""
    scaled = (x.detach().cpu() * (255.0 / white)).round().clamp(0, 255).to(torch.uint8)
    if scaled.shape[1] not in (3, 4):
        scaled = scaled[:, :1].expand(-1, 3, -1, -1)
    found: Pixels = scaled[:, :3].permute(0, 2, 3, 1).contiguous().numpy()
    return found


def _texts(targets: Mapping[str, torch.Tensor], data: DataSet) -> list[str]:
    """What is to be learned of each sample, in few words."""
    parts: list[list[str]] = []
    for name, values in targets.items():
        words = data.preprocessing.labels.get(name, ())
        if values.dim() == 1 and not values.is_floating_point():
            parts.append([_word(int(value), words) for value in values])
        elif values.dim() == 1:
            parts.append([f"{float(value):.3g}" for value in values])
        elif values.dim() == 2:
            parts.append([_shares(row, words) for row in values])
    return [", ".join(found) for found in zip(*parts, strict=True)] if parts else []


def _word(number: int, words: Sequence[str]) -> str:
    return words[number] if 0 <= number < len(words) else str(number)


def _shares(row: torch.Tensor, words: Sequence[str]) -> str:
    """The classes of a mixed sample, the largest share first."""
    shares, classes = row.float().topk(min(2, len(row)))
    shown = []
    for share, number in zip(shares.tolist(), classes.tolist(), strict=True):
        if share >= _LEAST_SHARE:
            word = _word(int(number), words)
            shown.append(word if share > 1 - _LEAST_SHARE else f"{word} {share:.0%}")
    return "  +  ".join(shown)


def drawn(found: Sequence[Example]) -> Image.Image:
    """The sheet: a row for each sample, its own picture first."""
    columns = max(len(example.pictures) for example in found)
    cells = [[_fitted(picture) for picture in example.pictures] for example in found]
    width = max(cell.width for row in cells for cell in row)
    height = max(cell.height for row in cells for cell in row)
    font: Any = ImageFont.load_default(size=11)
    step_x, step_y = width + _GAP, height + _LINE + _GAP
    # The original stands apart from what is made of it.
    left = 2 * _GAP
    sheet = Image.new(
        "RGB", (columns * step_x + 2 * _GAP + left, len(found) * step_y + _LINE + 2 * _GAP), _PAPER
    )
    pen = ImageDraw.Draw(sheet)
    for column in range(columns):
        x = _GAP + column * step_x + (left if column else 0)
        title = f"epoch {column}" if column else "original"
        pen.text((x, _GAP // 2), title, fill=_INK, font=font)
        for row, example in enumerate(found):
            y = _LINE + _GAP + row * step_y
            cell = cells[row][column]
            sheet.paste(cell, (x, y))
            pen.rectangle((x - 1, y - 1, x + cell.width, y + cell.height), outline=(200, 200, 200))
            if example.texts:
                words = _shortened(pen, example.texts[column], width, font)
                pen.text((x, y + height + 1), words, fill=_INK, font=font)
    return sheet


def _fitted(picture: Pixels) -> Image.Image:
    image = Image.fromarray(picture)
    longest = max(image.size)
    if longest <= _SIDE:
        factor = max(_SIDE // longest, 1)
        size = (image.width * factor, image.height * factor)
        return image.resize(size, Image.Resampling.NEAREST)
    size = (
        max(round(image.width * _SIDE / longest), 1),
        max(round(image.height * _SIDE / longest), 1),
    )
    return image.resize(size, Image.Resampling.BILINEAR)


def _shortened(pen: Any, text: str, width: int, font: Any) -> str:
    if pen.textlength(text, font=font) <= width:
        return text
    while text and pen.textlength(text + "…", font=font) > width:
        text = text[:-1]
    return text + "…"
