"""Training with the monitors over training without them, in steps of the trainer itself.

A round is the distance between two samples, so that each has exactly one; validations and
checkpoints, which would hide it, are not made. The first samples of a run are closer together.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import torch

from dlc.compiler import Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.runtime.loading import load_module
from dlc.runtime.training.engine.choices import Choices
from dlc.runtime.training.plan import plan_of
from dlc.runtime.training.progress import Silent
from dlc.runtime.training.session import begin
from dlc.runtime.training.signals import Stop
from dlc.runtime.training.trainer import Trainer
from tests.benchmarks.measure import interleaved

SPECS = Path(__file__).resolve().parents[2] / "specs"
CASES = (("LeNet-5", "lenet5", 5), ("MLP", "mlp", 9), ("BiLSTM", "bilstm", 3))
DISTANCE = 1024


def _trainer(name: str, folder: Path, *, on: bool) -> Trainer:
    path = SPECS / f"{name}.yaml"
    # A stretch of a run that is never finished: nothing is due in it.
    sets = [
        f"train.{key}"
        for key in (
            "epochs=null",
            "steps=1000000",
            "validate_every=steps(1000000)",
            "checkpoint.every=steps(1000000)",
            f"monitors={str(on).lower()}",
        )
    ]
    text = path.read_text()
    result = check(Source(path.name, text, "yaml"), path=path, sets=sets)
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    plan = plan_of(result.compilation, generate(result.compilation))
    run = folder / f"{name}-{on}"
    begun = begin(plan, run, spec=(path.name, text), say=lambda line: None, device="cpu")
    trainer = begun.trainer(load_module, Silent(), Stop(), choices=Choices())
    for hook in trainer.hooks.all:
        if hook.name == "monitors":
            hook._asked = DISTANCE  # type: ignore[attr-defined]
    return trainer


def _stretch(trainer: Trainer) -> Callable[[], None]:
    take = trainer.open_epoch()

    def run() -> None:
        nonlocal take
        for _ in range(DISTANCE):
            first, end = trainer.span()
            if not trainer.took(end, *trainer.step(take, first, end, trainer.epochs.batch_size)):
                take = trainer.open_epoch()

    return run


def run() -> Iterator[tuple[str, str]]:
    torch.set_num_threads(1)
    for title, name, rounds in CASES:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as sessions:
            pair = [_trainer(name, Path(folder), on=on) for on in (True, False)]
            for trainer in pair:
                sessions.enter_context(trainer.session())
            ratio = interleaved(_stretch(pair[0]), _stretch(pair[1]), rounds)
            yield (
                f"{title}, {DISTANCE} steps with a sample of the monitors / without",
                f"{ratio.text}, processor time {ratio.cpu:.3f}",
            )
