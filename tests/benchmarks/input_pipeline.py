"""Samples into a training step: what dlc does over what torch's DataLoader, Hugging Face
datasets and pandas do for the same batches. A ratio is time over time, so below 1 dlc is
the faster one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, get_worker_info

from dlc.compiler.components.preprocessing.resize import Resize
from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.sections.split import Split
from dlc.compiler.components.sources.image_folder import ImageFolder
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import float_tensor, int_tensor
from dlc.runtime.data.dataset import DataSet, prepare
from dlc.runtime.training.samples import Epochs, Samples
from dlc.runtime.training.streamed import StreamedSamples, samples_of
from tests.benchmarks.measure import Ratio, interleaved
from tests.benchmarks.training_step import generated

ALL = Split(train=1.0, validation=0.0, test=0.0)
CPU = torch.device("cpu")
N = symbol("N")
Row = tuple[str, str]
Use = Callable[[Tensor, Tensor], None]


def run() -> Iterator[Row]:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # two threads on a shared machine measure the neighbours
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        yield from _resident()
        yield from _image_folder(root)
        yield from _streamed(root)
        yield from _csv(root)
    yield from _shares()


def _row(title: str, ratio: Ratio, samples: int) -> Row:
    ours, other = samples / ratio.ours, samples / ratio.yardstick
    # Workers are other processes, whose processor time is not in ours.
    cpu = "" if title.endswith("2 workers") else f"; processor time {ratio.cpu:.2f}"
    return title, f"{ratio.text} ({ours:,.0f} over {other:,.0f} samples/s{cpu})"


# ── the two sides ────────────────────────────────────────────────────────────


def _epochs_of(data: DataSet, batch_size: int, use: Use | None = None) -> Callable[[], None]:
    """Each call takes the batches of a further epoch."""
    samples = samples_of(data, inputs=["x"], targets=["y"], device=CPU)
    epochs = Epochs(
        data.division.train, batch_size=batch_size, seed=0, shuffle=True, blocks=data.blocks
    )
    if isinstance(samples, StreamedSamples):
        samples.following = epochs.order
    return _taking(samples, epochs, use)


def _taking(samples: Samples, epochs: Epochs, use: Use | None = None) -> Callable[[], None]:
    numbers, used = count(), use or _use

    def run() -> None:
        for inputs, targets in _batches(samples, epochs, next(numbers)):
            used(inputs["x"], targets["y"])
        if isinstance(samples, StreamedSamples):
            # What is read ahead for the next epoch is not to be paid for by the other side.
            samples.reader.submit(int).result()

    return run


def _batches(samples: Samples, epochs: Epochs, epoch: int) -> Iterator[tuple[Any, Any]]:
    take = samples.in_order(epochs.order(epoch), epoch)
    for start in range(0, epochs.usable, epochs.batch_size):
        yield take(start, min(start + epochs.batch_size, epochs.usable))


def _loading(loader: DataLoader[Any], use: Use) -> Callable[[], None]:
    def run() -> None:
        for x, y in loader:
            use(x, y)

    return run


def _use(x: Tensor, y: Tensor) -> None:
    assert len(x) == len(y)


def _workers(
    dataset: Any,
    batch_size: int | None,
    *,
    shuffle: bool | None = True,
    use: Use | None = None,
) -> Iterator[tuple[str, Callable[[], None]]]:
    """DataLoaders as the documentation sets them up: workers stay from epoch to epoch."""
    for workers in (0, 2):
        loader: DataLoader[Any] = DataLoader(
            dataset,
            batch_size=batch_size,
            shuffle=shuffle,
            num_workers=workers,
            persistent_workers=workers > 0,
        )
        yield f"DataLoader, {workers} workers", _loading(loader, use or _use)


# ── data in memory ───────────────────────────────────────────────────────────


def _resident() -> Iterator[Row]:
    rows, batch_size = 20_000, 128
    x = np.random.default_rng(0).random((rows, 784), np.float32)
    y = np.arange(rows) % 10
    samples = Samples({"x": x, "y": y}, inputs=["x"], targets=["y"], device=CPU)
    epochs = Epochs(np.arange(rows), batch_size=batch_size, seed=0, shuffle=True)
    dataset = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    for name, other in _workers(dataset, batch_size):
        ratio = interleaved(_taking(samples, epochs), other, 5)
        yield _row(f"data in memory, 784 numbers a sample, over {name}", ratio, rows)
    if find_spec("datasets") is None:
        yield "data in memory, over Hugging Face datasets", "not measured: not installed"
        return
    yield _row(
        "data in memory, 784 numbers a sample, over Hugging Face datasets",
        interleaved(_taking(samples, epochs), _hugging_face(x, y, batch_size), 3),
        rows,
    )


def _hugging_face(x: Any, y: Any, batch_size: int) -> Callable[[], None]:
    content = pa.table({"x": pa.FixedSizeListArray.from_arrays(x.reshape(-1), 784), "y": y})
    datasets = import_module("datasets")
    dataset = datasets.Dataset(content).with_format("torch")
    seeds = count()

    def run() -> None:
        for batch in dataset.shuffle(seed=next(seeds)).iter(batch_size):
            _use(batch["x"], batch["y"])

    return run


# ── a folder of images ───────────────────────────────────────────────────────


def _image_folder(root: Path) -> Iterator[Row]:
    from PIL import Image
    from torchvision.datasets import ImageFolder as Folder
    from torchvision.transforms import v2

    images, classes = 512, 4
    draw = np.random.default_rng(0)
    for index in range(images):
        folder = root / "images" / f"class{index % classes}"
        folder.mkdir(parents=True, exist_ok=True)
        # Smooth, as photographs are: noise does not compress.
        coarse = draw.integers(0, 256, (12, 12, 3), np.uint8)
        Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC).save(
            folder / f"{index}.png"
        )

    def read() -> DataSet:
        return prepare(
            Data(
                source=ImageFolder(path="images"), columns={"x": "image", "y": "label"}, split=ALL
            ),
            inputs={"x": float_tensor(N, 3, 64, 64)},
            targets={"y": int_tensor(N)},
            root=root,
            preprocess={"x": (Resize(height=64, width=64),)},
        )

    work = v2.Compose(
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Resize((64, 64), antialias=True)]
    )
    dataset = Folder(str(root / "images"), work)
    for name, other in _workers(dataset, 32):
        first = interleaved(lambda: _epochs_of(read(), 32)(), other, 5)
        yield _row(f"folder of PNG, first epoch, over {name}", first, images)
        later = interleaved(_epochs_of(read(), 32), other, 5)
        yield _row(f"folder of PNG, later epochs, over {name}", later, images)


# ── a file that is larger than memory ────────────────────────────────────────


class _ParquetRows(IterableDataset[tuple[Tensor, Tensor]]):
    """What a user writes by hand: row groups in a drawn order, shuffled each, in batches."""

    def __init__(self, path: Path, features: int, batch_size: int) -> None:
        self.path = path
        self.features = features
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        from pyarrow import parquet

        worker = get_worker_info()
        with parquet.ParquetFile(self.path) as file:
            groups = torch.randperm(file.num_row_groups).tolist()
            mine = groups if worker is None else groups[worker.id :: worker.num_workers]
            for group in mine:
                content = file.read_row_group(group, use_threads=False)
                columns = [content.column(f"f{i}").to_numpy() for i in range(self.features)]
                x = torch.from_numpy(np.stack(columns, axis=1))
                y = torch.from_numpy(content.column("y").to_numpy().copy())
                order = torch.randperm(len(x))
                for part in order.split(self.batch_size):
                    yield x[part], y[part]


def _streamed(root: Path) -> Iterator[Row]:
    from pyarrow import parquet

    rows, features, group, batch_size = 1_500_000, 64, 50_000, 256
    draw = np.random.default_rng(0)
    path = root / "rows.parquet"
    names = [f"f{i}" for i in range(features)]
    schema = pa.schema([*((name, pa.float32()) for name in names), ("y", pa.float32())])
    with parquet.ParquetWriter(path, schema, write_page_checksum=True) as writer:
        for _ in range(0, rows, group):
            columns = [draw.random(group, np.float32) for _ in range(features + 1)]
            writer.write_table(pa.table(columns, schema=schema), row_group_size=group)
    data = prepare(
        Data(source="rows.parquet", columns={"x": "f*"}, split=ALL, memory="stream"),
        inputs={"x": float_tensor(N, features)},
        targets={"y": float_tensor(N)},
        root=root,
    )
    size = rows * features * 4 >> 20
    dataset = _ParquetRows(path, features, batch_size)
    steps: dict[str, Use] = {"": _use, ", into steps of a small network": _small_step(features)}
    for into, use in steps.items():
        for name, other in _workers(dataset, None, shuffle=None, use=use):
            ratio = interleaved(_epochs_of(data, batch_size, use), other, 3)
            yield _row(f"Parquet of {size} MiB, streamed{into}, over {name}", ratio, rows)


def _small_step(features: int) -> Use:
    model = nn.Sequential(nn.Linear(features, 128), nn.ReLU(), nn.Linear(128, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, fused=True)

    def use(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        F.mse_loss(model(x).squeeze(1), y).backward()
        optimizer.step()

    return use


# ── text ─────────────────────────────────────────────────────────────────────


def _csv(root: Path) -> Iterator[Row]:
    """Of what is more than pandas does, a third is the hash of the file, which the run record
    holds; the rest goes to checks of every value (finite, missing, ragged rows, one class
    alone) and to Arrow's parser, which takes as long as pandas' for numbers of few digits."""
    title = "CSV of 50 columns to tensors, over pandas.read_csv"
    if find_spec("pandas") is None:
        yield title, "not measured: not installed"
        return
    pandas = import_module("pandas")
    rows, features = 50_000, 49
    draw = np.random.default_rng(0)
    content = draw.normal(size=(rows, features)).round(5)
    names = [f"f{i}" for i in range(features)]
    frame = pandas.DataFrame(content, columns=names)
    frame["y"] = draw.integers(0, 5, rows)
    frame.to_csv(root / "rows.csv", index=False)

    def ours() -> None:
        data = prepare(
            Data(source="rows.csv", columns={"x": "f*"}, split=ALL),
            inputs={"x": float_tensor(N, features)},
            targets={"y": int_tensor(N)},
            root=root,
        )
        samples_of(data, inputs=["x"], targets=["y"], device=CPU)

    def other() -> None:
        found = pandas.read_csv(root / "rows.csv")
        torch.from_numpy(found[names].to_numpy(np.float32, copy=True))
        torch.from_numpy(found["y"].to_numpy(np.int64, copy=True))

    yield _row(title, interleaved(ours, other, 5), rows)


# ── shares of a step ─────────────────────────────────────────────────────────


def _shares() -> Iterator[Row]:
    cases: tuple[tuple[str, nn.Module, tuple[int, ...], int, int], ...] = (
        ("LeNet-5, batch 128", generated("lenet5"), (1, 28, 28), 128, 40),
        ("ResNet-18 on 64x64, batch 32", generated("resnet18", "classes=10"), (3, 64, 64), 32, 6),
    )
    for title, model, shape, batch_size, steps in cases:
        rows = batch_size * steps
        x = np.random.default_rng(0).random((rows, *shape), np.float32)
        arrays = {"x": x, "y": np.arange(rows) % 10}
        samples = Samples(arrays, inputs=["x"], targets=["y"], device=CPU)
        epochs = Epochs(np.arange(rows), batch_size=batch_size, seed=0, shuffle=True)
        ratio = interleaved(_taking(samples, epochs), _training(model, samples, epochs), 7)
        share = f"{ratio.median:.1%} [{ratio.low:.1%} .. {ratio.high:.1%}]"
        yield f"{title}: share of the input pipeline in training", share


def _training(model: nn.Module, samples: Samples, epochs: Epochs) -> Callable[[], None]:
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, fused=True)
    numbers = count()

    def run() -> None:
        for inputs, targets in _batches(samples, epochs, next(numbers)):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(inputs["x"])["logits"], targets["y"]).backward()
            optimizer.step()

    return run
