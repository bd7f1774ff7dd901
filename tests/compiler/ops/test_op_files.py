"""What every op's file holds."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, cast

import pytest
import torch.nn.functional as F
from torch import nn

from dlc.compiler.components import registry
from dlc.compiler.components.base import MISSING, arguments, page, summary
from dlc.compiler.ir.graph import ROLES, Inputs
from dlc.compiler.ops.base import Op

NAMES = registry.names("op")
every_op = pytest.mark.parametrize("name", NAMES)


def load(name: str) -> type[Op]:
    return cast(type[Op], registry.load("op", name))


@every_op
def test_file_class_and_spec_name_agree(name: str) -> None:
    op = load(name)
    assert op.__module__ == f"dlc.compiler.ops.{name}"
    assert op.__name__ == re.sub(r"_?([a-z0-9]+)", lambda m: m[1].capitalize(), name)


@every_op
def test_the_page_has_a_summary_an_example_and_every_argument(name: str) -> None:
    op = load(name)
    assert re.match(r"[A-Z].*[^.]\.?$", summary(op)), "one line that says what it is"
    text = page(op)
    assert re.search(r"^    \S", text, re.MULTILINE), "an example, indented"
    for argument in arguments(op).values():
        assert argument.doc, f"`{argument.name}` is not explained"
        assert not argument.doc.endswith(".")


@every_op
def test_defaults_are_allowed_values(name: str) -> None:
    for argument in arguments(load(name)).values():
        if argument.default is not MISSING:
            assert argument.type.check(argument.default) == argument.default


@every_op
def test_required_arguments_come_first(name: str) -> None:
    required = [a.required for a in arguments(load(name)).values() if a.positional]
    assert required == sorted(required, reverse=True)


@every_op
def test_examples_pass_their_own_checks(name: str) -> None:
    examples = load(name).examples()
    assert examples
    for example in examples:
        example.op.validate()
        for argument in arguments(load(name)).values():
            argument.type.check(getattr(example.op, argument.name))
        given = {k: v if isinstance(v, tuple) else (v,) for k, v in example.inputs.items()}
        for parameter in example.op.parameters(Inputs(given)):
            assert parameter.role in ROLES
        assert example.extremes or example.reason


def torch_arguments(twin: Callable[..., Any], drop: set[str]) -> list[str]:
    return [name for name in inspect.signature(twin).parameters if name not in drop]


#: What PyTorch takes and a spec does not: sizes that follow from the input, and the like.
_INFERRED = {
    *("in_features", "in_channels", "num_features", "input_size", "embed_dim", "normalized_shape"),
    *("device", "dtype", "inplace", "input", "self"),
    *("batch_first", "args", "kwargs"),
}
_TWINS: dict[str, Callable[..., Any]] = {
    "linear": nn.Linear,
    "conv1d": nn.Conv1d,
    "conv2d": nn.Conv2d,
    "conv3d": nn.Conv3d,
    "conv_transpose1d": nn.ConvTranspose1d,
    "conv_transpose2d": nn.ConvTranspose2d,
    "conv_transpose3d": nn.ConvTranspose3d,
    "max_pool1d": nn.MaxPool1d,
    "max_pool2d": nn.MaxPool2d,
    "max_pool3d": nn.MaxPool3d,
    "max_unpool1d": nn.MaxUnpool1d,
    "max_unpool2d": nn.MaxUnpool2d,
    "max_unpool3d": nn.MaxUnpool3d,
    "bilinear": nn.Bilinear,
    "unfold": nn.Unfold,
    "fold": nn.Fold,
    "lp_pool1d": nn.LPPool1d,
    "lp_pool2d": nn.LPPool2d,
    "lp_pool3d": nn.LPPool3d,
    "avg_pool1d": nn.AvgPool1d,
    "avg_pool2d": nn.AvgPool2d,
    "avg_pool3d": nn.AvgPool3d,
    "batch_norm1d": nn.BatchNorm1d,
    "batch_norm2d": nn.BatchNorm2d,
    "batch_norm3d": nn.BatchNorm3d,
    "instance_norm1d": nn.InstanceNorm1d,
    "instance_norm2d": nn.InstanceNorm2d,
    "instance_norm3d": nn.InstanceNorm3d,
    "group_norm": nn.GroupNorm,
    "rms_norm": nn.RMSNorm,
    "layer_norm": nn.LayerNorm,
    "local_response_norm": nn.LocalResponseNorm,
    "dropout": nn.Dropout,
    "dropout1d": nn.Dropout1d,
    "dropout2d": nn.Dropout2d,
    "dropout3d": nn.Dropout3d,
    "alpha_dropout": nn.AlphaDropout,
    "feature_alpha_dropout": nn.FeatureAlphaDropout,
    "embedding": nn.Embedding,
    "embedding_bag": nn.EmbeddingBag,
    "rnn_cell": nn.RNNCell,
    "gru_cell": nn.GRUCell,
    "lstm_cell": nn.LSTMCell,
    "multihead_attention": nn.MultiheadAttention,
    "leaky_relu": F.leaky_relu,
    "prelu": nn.PReLU,
    "rrelu": nn.RReLU,
    "elu": nn.ELU,
    "celu": nn.CELU,
    "gelu": nn.GELU,
    "hardtanh": nn.Hardtanh,
    "softplus": nn.Softplus,
    "softshrink": nn.Softshrink,
    "hardshrink": nn.Hardshrink,
    "threshold": nn.Threshold,
    "softmax": nn.Softmax,
    "softmin": nn.Softmin,
    "log_softmax": nn.LogSoftmax,
    "glu": nn.GLU,
    "adaptive_avg_pool2d": nn.AdaptiveAvgPool2d,
    "adaptive_max_pool2d": nn.AdaptiveMaxPool2d,
    "flatten": nn.Flatten,
    "interpolate": F.interpolate,
    "pad": F.pad,
    "pixel_shuffle": nn.PixelShuffle,
    "pixel_unshuffle": nn.PixelUnshuffle,
    "channel_shuffle": nn.ChannelShuffle,
}


@pytest.mark.parametrize("name", sorted(_TWINS))
def test_positional_arguments_stand_in_the_order_of_torch(name: str) -> None:
    theirs = torch_arguments(_TWINS[name], _INFERRED)
    ours = [a.name for a in arguments(load(name)).values() if a.positional]
    shared = [argument for argument in theirs if argument in ours]
    assert [argument for argument in ours if argument in shared] == shared
    only_ours = set(ours) - set(shared)
    # `is_causal` is an argument of forward there.
    assert only_ours <= {"is_causal"}


@pytest.mark.parametrize("name", sorted(_TWINS))
def test_defaults_are_those_of_torch(name: str) -> None:
    theirs = inspect.signature(_TWINS[name]).parameters
    for argument in arguments(load(name)).values():
        twin = theirs.get(argument.name)
        # None there is a choice made when it runs, or one that warns.
        if twin is not None and twin.default not in (None, inspect.Parameter.empty):
            assert argument.default == twin.default, argument.name
