"""How long and how the network is trained."""

from __future__ import annotations

from typing import ClassVar, Literal

from dlc.compiler.components.arguments import Natural, Positive, PositiveFloat
from dlc.compiler.components.averages.base import Average
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.intervals.base import Interval
from dlc.compiler.components.intervals.epochs import Epochs
from dlc.compiler.components.intervals.steps import Steps
from dlc.compiler.components.sections.base import Section
from dlc.compiler.components.sections.checkpoint import Checkpoint
from dlc.compiler.components.sections.dropout import Dropout
from dlc.compiler.components.sections.early_stopping import EarlyStopping
from dlc.compiler.record import component

_DEFAULT_EPOCHS = 10


@component
class Train(Section):
    """How long and how the network is trained.

        train:
          epochs: 30
          early_stopping: {monitor: val_loss, patience: 5}
          seed: 1

    Arguments:
        epochs: passes over the training part; 10 where neither this nor `steps` is given
        steps: instead, the number of optimizer steps
        validate_every: the stretch between two validations
        checkpoint: when the state is saved, and how many states are kept
        precision: the number format of the arithmetic in forward and backward passes; weights,
            losses and validation are float32 always; `fp16` scales the loss; `auto` is bf16
            where the device is fast at it and the network is large enough to gain by it
        compile: whether torch.compile is used, for the `step` as a whole or for the `blocks`
            of the network; `true` is for its blocks; `auto` is what a trial finds faster, in
            runs that are long enough to pay for it
        channels_last: whether images lie in memory with their channels last; `auto` is for
            networks with 2-D convolutions
        tf32: whether a GPU may multiply float32 in TF32 while it trains; `auto` is yes
        cuda_graphs: whether a GPU records the kernels of a step and replays them, where no size
            changes; `auto` is what a trial finds faster
        checkpointing: whether blocks keep only their inputs for the backward pass and compute
            the rest again; `auto` is where a step would not fit the memory otherwise
        memory: bytes of the device that training may use, all that are free by default; a batch
            that does not fit is computed in parts, whose gradients are averaged
        clip_grad_norm: the greatest norm of all gradients together
        clip_grad_value: the greatest magnitude of a gradient's number
        accumulate: batches whose gradients are averaged into one step
        parallel: what several processes hold; `ddp` all parameters each, `fsdp` a share of them
            each; `auto` divides them where they do not fit a device
        on_nan: what a loss or gradient that is NaN or infinite does; `fail` stops, `skip` leaves
            the batch out, which costs a copy of the weights in every step, `rollback` goes back
            to the last checkpoint and then leaves the batch out
        max_skips: how many batches of a run may be left out before it fails
        dropout: how the rate of dropout changes over the epochs, for all layers or for some
        early_stopping: when to stop before the end
        average: a second set of weights, averaged over the steps
        monitors: whether signals, gradients and updates of each layer are sampled now and then,
            kept in `monitors.jsonl`, and spoken of where they cross a line
        seed: what initial weights, order and dropout are drawn from
    """

    name: ClassVar[str] = "train"

    epochs: Positive | None = None
    steps: Positive | None = None
    validate_every: Interval = Epochs(n=1)
    checkpoint: Checkpoint = Checkpoint()
    precision: Literal["auto", "float32", "bf16", "fp16"] = "auto"
    compile: bool | Literal["auto", "blocks", "step"] = "auto"
    channels_last: bool | Literal["auto"] = "auto"
    tf32: bool | Literal["auto"] = "auto"
    cuda_graphs: bool | Literal["auto"] = "auto"
    checkpointing: bool | Literal["auto"] = "auto"
    memory: PositiveFloat | None = None
    clip_grad_norm: PositiveFloat | None = None
    clip_grad_value: PositiveFloat | None = None
    accumulate: Positive = 1
    parallel: Literal["auto", "ddp", "fsdp"] = "auto"
    on_nan: Literal["fail", "skip", "rollback"] = "fail"
    max_skips: Positive = 10
    dropout: tuple[Dropout, ...] = ()
    early_stopping: EarlyStopping | None = None
    average: Average | None = None
    monitors: bool = True
    seed: Natural = 0

    @property
    def duration(self) -> Interval:
        """How long training lasts."""
        if self.steps is not None:
            return Steps(n=self.steps)
        return Epochs(n=self.counted_epochs)

    def validate(self) -> None:
        if self.epochs is not None and self.steps is not None:
            raise ComponentError(
                "E0311",
                "`epochs` and `steps` both say how long to train",
                blame="steps",
                help="keep one of the two",
            )
        if self.steps is not None and any(rate.epochs is None for rate in self.dropout):
            raise ComponentError(
                "E0303",
                "`dropout` changes over the epochs, and the run is counted in `steps`",
                blame="dropout",
                help="say over how many: `dropout: {start: 0.5, end: 0.1, epochs: 20}`",
            )

    @property
    def counted_epochs(self) -> int:
        """The epochs of a run that is not counted in steps."""
        return self.epochs or _DEFAULT_EPOCHS
