"""What to do about foreign words that no single word of ours replaces.

By kind, like the table of `aliases.py`. Each sentence stands on the help line as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NORM: Final = (
    "it is a setting of the layer whose weights it normalizes: `linear(64, {norm}=true)`, and of "
    "convolutions and recurrent layers alike"
)
_FOLLOWS: Final = "leave it out: this size follows from the layer's input"
_FRACTIONAL: Final = (
    "write `adaptive_max_pool2d`, or a convolution with a stride: fractional pooling draws its "
    "windows at random in evaluation too, so no two answers would be the same"
)
_TRANSFORMER: Final = (
    "write it as a block of `multihead_attention`, `linear` and `layer_norm`: "
    "`specs/blocks/transformer.dlc` has PyTorch's layers to import or to change"
)

#: Words that no other word replaces: what to do instead, by kind.
ADVICE: Final[Mapping[str, Mapping[str, str]]] = {
    "op": {
        "Sequential": "layers follow each other already: list them under `layers`",
        "Input": "declare inputs in `inputs`, or with `input x: float[N, 8]` in `.dlc`",
        "Activation": "an activation is a layer of its own: write `relu`, `tanh`, ...",
        "Lambda": "a spec holds no code; write the steps as layers or as a block",
        "SyncBatchNorm": "write `batch_norm1d`, `batch_norm2d` or `batch_norm3d`; each device has "
        "the statistics of its own samples",
        "FractionalMaxPool2d": _FRACTIONAL,
        "FractionalMaxPool3d": _FRACTIONAL,
        "AdaptiveLogSoftmaxWithLoss": "write `linear`, and `cross_entropy` as the loss",
        "TransformerEncoderLayer": _TRANSFORMER,
        "TransformerDecoderLayer": _TRANSFORMER,
        "TransformerEncoder": _TRANSFORMER,
        "TransformerDecoder": _TRANSFORMER,
        "Transformer": _TRANSFORMER,
        "Softmax2d": "write `softmax(dim=1)`",
        "GEGLU": "write `a = x -> linear(d) -> gelu` and `b = x -> linear(d)`, then `a * b`",
        "ReGLU": "write `a = x -> linear(d) -> relu` and `b = x -> linear(d)`, then `a * b`",
        "GaussianDropout": "write `dropout`: the mean and deviation of what it multiplies by are "
        "the same",
        "Bidirectional": "write `lstm(..., bidirectional=true)`",
        "DepthwiseConv2D": "write `conv2d` with `groups` equal to the channels of its input",
        "RepeatVector": "write `unsqueeze(1) -> expand(-1, n, -1)`",
        "WeightNorm": _NORM.format(norm="weight_norm"),
        "weight_normalization": _NORM.format(norm="weight_norm"),
        "SpectralNorm": _NORM.format(norm="spectral_norm"),
        "spectral_normalization": _NORM.format(norm="spectral_norm"),
        "SeparableConv2D": "write a `conv2d` with `groups` and a `conv2d` with `kernel_size` 1",
    },
    "argument": {
        "activation": "an activation is a layer of its own: put `relu`, `tanh`, ... after this one",
        "keep_prob": "write `p`, the probability to drop: 1 - keep_prob",
        "survival_rate": "write `p`, the probability to drop: 1 - survival_rate",
        "noise_shape": "write `dropout1d`, `dropout2d` or `dropout3d` to drop whole channels",
        "max_value": "write `relu6`, or `hardtanh` with `min_val` and `max_val`",
        "shared_axes": "write `prelu` for one slope, `prelu(64)` for one of each of 64 channels",
        "depth_radius": "write `size`, the whole window: 2 * depth_radius + 1",
        "unbiased": "write `correction=0` for `unbiased=false`; 1 is the default",
        "input_shape": "leave it out: shapes follow from `inputs`",
        "input_dim": _FOLLOWS,
        "in_channels": _FOLLOWS,
        "in_features": _FOLLOWS,
        "num_features": _FOLLOWS,
        "num_channels": _FOLLOWS,
        "in1_features": _FOLLOWS,
        "in2_features": _FOLLOWS,
        "normalized_shape": _FOLLOWS,
        "input_size": _FOLLOWS,
        "batch_first": "leave it out: the batch is always the first dim",
        "inplace": "leave it out: the compiler decides what runs in place",
        "device": "leave it out: the device is chosen when the model runs",
        "dtype": "leave it out: types follow from `inputs`, precision from `train.precision`",
        "data_format": "leave it out: channels always come before height and width",
        "from_logits": "leave it out: our losses always take logits",
        "training": "leave it out: training and evaluation modes are set by the commands",
        "name": "in YAML write `name:` beside the op; in `.dlc` write `h = op(...)`",
        "kernel_regularizer": "penalties are in the section `regularization`",
    },
    "section": {
        "outputs": "mark the layer: `output: logits` beside it, or `output logits = ...` in `.dlc`",
        "callbacks": "early stopping, averaging and checkpoints are keys of `train`",
        "device": "the device is chosen when the model runs: `dlc train --device cuda`",
        "epochs": "put it in the section `train`",
        "batch_size": "put it in the section `data`",
        "seed": "put it in the section `train`",
        "lr": "put it in the optimizer: `optimizer: adamw(lr=1e-3)`",
        "learning_rate": "put it in the optimizer: `optimizer: adamw(lr=1e-3)`",
        "weight_decay": "put it in the optimizer: `optimizer: adamw(weight_decay=0.01)`",
        "early_stopping": "put it in the section `train`",
        "split": "put it in the section `data`",
        "augment": "put it in the section `data`",
    },
    "key": {
        "validation_split": "write `split: {train: 0.9, validation: 0.1}` in the section `data`",
        "test_split": "write `split: {train: 0.8, test: 0.2}` in the section `data`",
        "lr": "put it in the optimizer: `optimizer: adamw(lr=1e-3)`",
        "learning_rate": "put it in the optimizer: `optimizer: adamw(lr=1e-3)`",
        "optimizer": "`optimizer` is a section of its own, beside `train`",
        "loss": "`loss` is a section of its own, beside `train`",
        "metrics": "`metrics` is a section of its own, beside `train`",
        "batch_size": "put it in the section `data`",
        "callbacks": "early stopping, averaging and checkpoints are keys of `train`",
        "device": "the device is chosen when the model runs: `dlc train --device cuda`",
        "num_workers": "leave it out: how data is loaded is chosen by measuring",
    },
    "optimizer": {
        "momentum": "write `sgd(lr=0.1, momentum=0.9)`",
        "nesterov": "write `sgd(lr=0.1, momentum=0.9, nesterov=true)`",
    },
    "schedule": {
        "LambdaLR": "a spec holds no code: `piecewise` gives any rate for any stretch of epochs, "
        "and `sequential` puts schedules one after the other",
        "MultiplicativeLR": "a spec holds no code: write `exponential` for a constant factor",
        "ChainedScheduler": "factors are not multiplied here: `sequential` puts schedules one "
        "after the other, and each may warm up",
        "warmup": "every schedule may warm up: `cosine(warmup_epochs=5)`",
    },
    "word": {
        "area": "write `adaptive_avg_pool2d(size)`, which is the same",
    },
    "initializer": {
        "default": "leave the entry out: every layer has a default initializer",
    },
}
