"""Networks trained here for a short while and exported in every number format: size, speed and
the figure that decides.

Speed is onnxruntime's on this machine's CPU, each file in turns with the float32 one on the same
rows, as the median of ratios. `python -m tests.benchmarks.precisions [NAME ...]` prints the table
of the README; trained runs stay in `build/precisions` and are taken again.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dlc.compiler.cli.main import main as dlc
from dlc.runtime.failures import Failure
from dlc.runtime.inference.predictor import Predictor, open_data
from tests.benchmarks.measure import interleaved

FOLDER = Path("build") / "precisions"
SPECS = Path("specs")
PRECISIONS = ("fp16", "bf16", "int8", "int8_dynamic")
_ROUNDS = 15
_BATCH = 32

MIXED = """\
dlc: 1
name: Mixed
inputs:
  numbers: float[N, 6]
  city: int[N]
  size: int[N]
  sold: float[N, 4]
layers:
  - {from: city, embedding: [64, 16], name: c}
  - {from: size, embedding: [3, 4], name: s}
  - {from: "[numbers, c, s, sold]", concat: {dim: 1}}
  - linear: {out_features: 256, bias: false}
  - batch_norm1d
  - relu
  - linear: 128
  - relu
  - linear: 3
    output: logits
targets: {label: "int[N]"}
data:
  source: sales.csv
  columns:
    numbers: [a, b, d]
    city: city
    size: size
    sold: sold
    label: label
  split: {train: 0.6, validation: 0.2, test: 0.2, stratify: label}
  batch_size: 128
preprocess:
  numbers: ["impute(median, indicator=true)", standardize]
  city: "hashing(64)"
  size: "ordinal([small, medium, large])"
  sold: "cyclic([month, weekday])"
postprocess: {logits: [softmax, labels]}
loss: cross_entropy(logits, label)
metrics: accuracy(logits, label)
optimizer: {adamw: {lr: 3e-3}}
train: {epochs: 30}
"""


def _lenet(folder: Path) -> tuple[str, tuple[str, ...]]:
    return _spec("lenet5"), ("train.epochs=4",)


def _resnet(folder: Path) -> tuple[str, tuple[str, ...]]:
    """The spec on digits: its blocks at full width, one plane of 28 x 28."""
    text = _spec("resnet18").replace("float[N, 3, 224, 224]", "float[N, 1, 28, 28]")
    text = text.replace(
        "{mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}", "{mean: 0.1307, std: 0.3081}"
    )
    text = text.replace(
        "{sgd: {lr: 0.1, momentum: 0.9, weight_decay: 1e-4}}", "{adamw: {lr: 1e-3}}"
    )
    text = text.replace("{cosine: {warmup_epochs: 5}}", "cosine")
    head, _, tail = text.partition("\ndata:\n")
    tail = tail.partition("\nloss: ")[2]
    data = _spec("lenet5").partition("\ndata:\n")[2].partition("\nloss: ")[0]
    return (
        f"{head}\ndata:\n{data}\nloss: {tail}",
        ("classes=10", "train.epochs=2"),
    )


def _bilstm(folder: Path) -> tuple[str, tuple[str, ...]]:
    return _spec("bilstm"), ("vocab=5000", "hidden=64", "train.epochs=3")


def _transformer(folder: Path) -> tuple[str, tuple[str, ...]]:
    return _spec("transformer_block"), ("vocab=4000", "train.epochs=3", "schedule=cosine")


def _mixed(folder: Path) -> tuple[str, tuple[str, ...]]:
    rng = np.random.default_rng(0)
    cities = [f"city {i}" for i in range(20)]
    with (folder / "sales.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "d", "city", "size", "sold", "label"])
        for _ in range(6000):
            a, b, d = rng.normal([50, 0.1, 1000], [10, 0.05, 300])
            city, size, month = rng.integers(20), rng.integers(3), rng.integers(1, 13)
            score = (a - 50) / 10 + (city % 5 - 2) / 2 + size - 1 + np.cos(month / 6 * np.pi)
            score += rng.normal(0, 0.3)
            label = 0 if score < -0.8 else 1 if score < 0.8 else 2
            given = "" if rng.random() < 0.05 else f"{b:.4f}"
            sold = f"2024-{month:02d}-{rng.integers(1, 28):02d}"
            sizes = ("small", "medium", "large")
            writer.writerow([f"{a:.2f}", given, f"{d:.1f}", cities[city], sizes[size], sold, label])
    return MIXED.replace("sales.csv", str((folder / "sales.csv").resolve())), ()


NETWORKS: dict[str, tuple[str, Callable[[Path], tuple[str, tuple[str, ...]]]]] = {
    "lenet5": ("LeNet-5", _lenet),
    "resnet18": ("ResNet-18, on digits", _resnet),
    "bilstm": ("BiLSTM, 5,000 words", _bilstm),
    "transformer_block": ("Transformer block", _transformer),
    "mixed": ("table of mixed columns", _mixed),
}


def _spec(name: str) -> str:
    text = (SPECS / f"{name}.yaml").read_text(encoding="utf-8")
    return text.replace("source: data/", f"source: {(SPECS / 'data').resolve()}/")


def run(names: list[str] | None = None) -> list[tuple[str, str]]:
    rows = []
    for name in names or list(NETWORKS):
        title, make = NETWORKS[name]
        folder = _trained(name, make)
        for line in _measured(folder):
            rows.append((title, line))
            print(f"{title} | {line}", file=sys.stderr, flush=True)
    return rows


def _trained(name: str, make: Callable[[Path], tuple[str, tuple[str, ...]]]) -> Path:
    folder = FOLDER / name
    if (folder / "run" / "summary.json").is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    text, sets = make(folder)
    spec = folder / "spec.yaml"
    spec.write_text(text, encoding="utf-8")
    given = [part for one in sets for part in ("--set", one)]
    status, told = _command("train", str(spec), "--root", "/", "--run", str(folder / "run"), *given)
    assert status == 0, told
    return folder


def _command(*arguments: str) -> tuple[int, str]:
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        status = dlc([*arguments])
    return status, told.getvalue()


def _exported(folder: Path, precision: str) -> tuple[Path, dict[str, Any] | str]:
    out = folder / f"{precision}.onnx"
    status, told = _command(
        *("export", str(folder / "run"), "-o", str(out)),
        *("--precision", precision, "--format", "json"),
    )
    found = json.loads(told)
    if status != 0:
        return out, str(found["diagnostics"][0]["message"])
    return out, found


def _measured(folder: Path) -> list[str]:
    plain, _ = _exported(folder, "float32")
    predictor = Predictor(path=plain, provider="cpu")
    feeds = _feeds(predictor, folder)
    size = plain.stat().st_size
    lines = []
    for precision in PRECISIONS:
        out, found = _exported(folder, precision)
        if isinstance(found, str):
            lines.append(f"{precision} | refused: {found}")
            continue
        record = found["precision"]
        if not lines:
            start = f"{record['metric']} {record['before']:.4f}"
            lines.append(f"float32 | {size / 1000:,.0f} kB | 1 | {start} | |")
        kept = f"{len(record['kept'])} of {record['layers']} kept" if record["kept"] else ""
        lines.append(
            f"{precision} | {out.stat().st_size / 1000:,.0f} kB ({out.stat().st_size / size:.2f})"
            f" | {_speed(out, predictor, feeds)}"
            f" | {record['metric']} {record['after']:.4f}"
            f" | {100 * record['agreement']:.1f} % | {kept}"
        )
    return lines


def _feeds(predictor: Predictor, folder: Path) -> dict[str, Any]:
    """One batch of real rows, as the file takes it."""
    found: list[dict[str, Any]] = []
    plain = predictor.session

    class Kept(type(plain)):  # type: ignore[misc]
        def run(self, feeds: Any) -> Any:
            found.append(dict(feeds))
            return super().run(feeds)

    predictor.session = Kept(**{n: getattr(plain, n) for n in plain.__dataclass_fields__})
    spec = (folder / "spec.yaml").read_text(encoding="utf-8")
    table = open_data(Path(spec.partition("source: ")[2].split()[0]))
    next(iter(predictor.answers(table, batch_size=_BATCH, limit=_BATCH)))
    predictor.session = plain
    return found[0]


def _speed(path: Path, predictor: Predictor, feeds: dict[str, Any]) -> str:
    """How many times as fast as float32."""
    try:
        other = Predictor(path=path, provider="cpu")
    except Failure:
        return "not here"
    times = max(1, 2000 // _BATCH // 8)

    def repeated(session: Any) -> Callable[[], None]:
        def go() -> None:
            for _ in range(times):
                session.run(feeds)

        return go

    ratio = interleaved(repeated(predictor.session), repeated(other.session), _ROUNDS)
    return f"{ratio.median:.2f} [{ratio.low:.2f} .. {ratio.high:.2f}]"


def main(names: list[str]) -> int:
    rows = run(names)
    print("| network | numbers | size | speed | metric | same answers | stayed float32 |")
    print("| --- | --- | --: | --: | --: | --: | --- |")
    for title, line in rows:
        print(f"| {title} | {line} |")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
