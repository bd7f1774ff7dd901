"""Whoever knows PyTorch finds here what torch.nn has: under its name, or told where."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

from dlc.compiler.components import registry
from dlc.compiler.diagnostics.suggest import did_you_mean

#: What is no layer: containers, bases, what runs a network.
NO_LAYERS = {
    "Container", "Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList",
    "RNNBase", "RNNCellBase", "DataParallel",
}  # fmt: skip
#: What has no op of its own; the advice on the help line must say what to write.
ADVISED = {
    "AdaptiveLogSoftmaxWithLoss", "FractionalMaxPool2d", "FractionalMaxPool3d", "Sequential",
    "Softmax2d", "SyncBatchNorm", "Transformer", "TransformerDecoder", "TransformerDecoderLayer",
    "TransformerEncoder", "TransformerEncoderLayer",
}  # fmt: skip

CLASSES = sorted(
    name
    for name, value in vars(nn).items()
    if inspect.isclass(value) and issubclass(value, nn.Module) and not name.endswith("Loss")
)
LOSSES = {"NLLLoss2d"}


@pytest.mark.parametrize("name", [n for n in CLASSES if n not in NO_LAYERS | ADVISED | LOSSES])
def test_every_layer_of_torch_leads_to_an_op(name: str) -> None:
    found = did_you_mean(name, registry.names("op"), "op")
    assert found.word in registry.names("op"), name
    # Another name by a slip of the pen is no answer.
    assert "a similar name" not in found.reason, found.reason


@pytest.mark.parametrize("name", sorted(ADVISED))
def test_what_has_no_op_is_told_what_to_write(name: str) -> None:
    assert name in CLASSES or name.endswith("Loss")
    found = did_you_mean(name, registry.names("op"), "op")
    assert found.reason, name
    assert "a similar name" not in found.reason


@pytest.mark.parametrize(
    "name", sorted(n for n in dir(nn.init) if n.endswith("_") and not n.startswith("_"))
)
def test_every_initializer_of_torch_is_here(name: str) -> None:
    found = did_you_mean(name, registry.names("initializer"), "initializer")
    known = name.rstrip("_") in registry.names("initializer")
    assert known or (found.word and "a similar name" not in found.reason), name


def test_the_transformer_blocks_are_those_of_torch() -> None:
    from dlc.compiler import Source, check
    from dlc.compiler.codegen.torch_module import generate
    from dlc.runtime.loading import load_module, model_class
    from tests.checking import SPECS

    text = """dlc 1

from "blocks/transformer.dlc" import TransformerEncoderLayer, TransformerDecoderLayer

model Net {
  input source: float[N, S, 16]
  input target: float[N, T, 16]
  input padding: bool[N, S]
  encoded = [source, padding] -> TransformerEncoderLayer(16, 4, 32)
  output y = target -> TransformerDecoderLayer(16, 4, 32, memory=encoded, memory_padding=padding)
}
"""
    result = check(Source("net.dlc", text, "dlc"), path=SPECS / "net.dlc")
    assert result.compilation is not None, [d.message for d in result.diagnostics]
    ours = model_class(load_module(generate(result.compilation)))().eval()
    torch.manual_seed(0)
    encoder = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True).eval()
    decoder = nn.TransformerDecoderLayer(16, 4, 32, batch_first=True).eval()
    theirs = [*encoder.state_dict().values(), *decoder.state_dict().values()]
    order = _ours_in_their_order(ours)
    assert len(order) == len(theirs)
    with torch.no_grad():
        for mine, value in zip(order, theirs, strict=True):
            mine.copy_(value)
    source, target = torch.randn(2, 5, 16), torch.randn(2, 4, 16)
    padding = torch.zeros(2, 5, dtype=torch.bool)
    padding[0, 3:] = True
    with torch.no_grad():
        memory = encoder(source, src_key_padding_mask=padding)
        causal = nn.Transformer.generate_square_subsequent_mask(4)
        expected = decoder(
            target,
            memory,
            tgt_mask=causal,
            tgt_is_causal=True,
            memory_key_padding_mask=padding,
        )
        found = ours(source, target, padding)["y"]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def _ours_in_their_order(module: nn.Module) -> list[torch.Tensor]:
    """PyTorch lists attention, feed-forward, then the norms."""
    state = module.state_dict()
    found: list[torch.Tensor] = []
    for layer, attentions in (("encoded", 1), ("y", 2)):
        mine = {key: value for key, value in state.items() if key.startswith(f"{layer}.")}
        attention = [k for k in mine if "multihead_attention" in k]
        linear = [k for k in mine if ".linear" in k]
        norms = [k for k in mine if ".layer_norm" in k]
        assert len(attention) == 4 * attentions
        found += [mine[key] for key in (*attention, *linear, *norms)]
    return found


#: No loss on its own, or one that no spec can give its function.
LOSSES_APART = {
    "TripletMarginWithDistanceLoss",
    "AdaptiveLogSoftmaxWithLoss",
    "LinearCrossEntropyLoss",
}


@pytest.mark.parametrize(
    "name",
    sorted(
        name
        for name, value in vars(nn).items()
        if inspect.isclass(value) and name.endswith("Loss") and name not in LOSSES_APART | LOSSES
    ),
)
def test_every_loss_of_torch_leads_to_one_of_ours(name: str) -> None:
    found = did_you_mean(name, registry.names("loss"), "loss")
    assert found.word in registry.names("loss"), name
    assert "a similar name" not in found.reason, found.reason
