"""The networks that torchvision and transformers have too: their weights, our answers.

The library's network is made at random, its state dict written to a safetensors file, and
loaded into ours by the map in `specs/transfer/`. Both then answer the same input.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from dlc.runtime.transfer.pretrained import load_weights
from tests.zoo.running import built, compiled

#: What torchvision's networks want of an image in 0..1, and ours do themselves.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class Library:
    """A network of a library: how to make it, the map, an input of ours and what theirs
    answers to it. `sets` gives ours the same sizes."""

    make: Callable[[], nn.Module]
    rename: str
    inputs: Callable[[], dict[str, Tensor]]
    answer: Callable[[nn.Module, Mapping[str, Tensor]], Tensor]
    sets: tuple[str, ...] = ()
    leave: tuple[str, ...] = field(default=())


def _torchvision(name: str, **options: Any) -> Library:
    def make() -> nn.Module:
        import torchvision

        return torchvision.models.get_model(name, **options)

    def inputs() -> dict[str, Tensor]:
        return {"image": torch.rand(2, 3, 224, 224)}

    def answer(model: nn.Module, given: Mapping[str, Tensor]) -> Tensor:
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        found: Tensor = model((given["image"] - mean) / std)
        return found

    return Library(make=make, rename=f"torchvision/{name}", inputs=inputs, answer=answer)


_TEXT = ("vocab=211", "dim=48", "heads=4", "depth=3")


def _bert() -> nn.Module:
    from transformers import BertConfig, BertForMaskedLM

    return BertForMaskedLM(
        BertConfig(
            vocab_size=211,
            hidden_size=48,
            num_attention_heads=4,
            num_hidden_layers=3,
            intermediate_size=192,
            max_position_embeddings=40,
        )
    )


def _bert_inputs() -> dict[str, Tensor]:
    mask = torch.zeros(2, 17, dtype=torch.bool)
    mask[0, 11:] = True
    return {
        "tokens": torch.randint(1, 211, (2, 17)),
        "segments": torch.randint(0, 2, (2, 17)),
        "mask": mask,
    }


def _bert_answer(model: nn.Module, given: Mapping[str, Tensor]) -> Tensor:
    found: Tensor = model(
        input_ids=given["tokens"],
        token_type_ids=given["segments"],
        attention_mask=(~given["mask"]).long(),
    ).logits
    return found


def _gpt2() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(vocab_size=211, n_positions=40, n_embd=48, n_layer=3, n_head=4)
    )


def _gpt2_answer(model: nn.Module, given: Mapping[str, Tensor]) -> Tensor:
    found: Tensor = model(input_ids=given["tokens"]).logits
    return found


#: By the name of the spec.
LIBRARIES: dict[str, Library] = {
    "alexnet": _torchvision("alexnet"),
    "vgg16": _torchvision("vgg16"),
    "resnet18": _torchvision("resnet18"),
    "resnet50": _torchvision("resnet50"),
    "vit_b_16": _torchvision("vit_b_16"),
    "bert_base": Library(
        make=_bert,
        rename="transformers/bert_base",
        inputs=_bert_inputs,
        answer=_bert_answer,
        sets=(*_TEXT, "max_len=40"),
    ),
    "gpt2": Library(
        make=_gpt2,
        rename="transformers/gpt2_lm_head",
        inputs=lambda: {"tokens": torch.randint(0, 211, (2, 17))},
        answer=_gpt2_answer,
        sets=(*_TEXT, "context=40"),
    ),
}


def disagreement(name: str) -> float:
    """The largest difference between the library's answer and ours, over the largest of
    its numbers where that is above 1."""
    library = LIBRARIES[name]
    torch.manual_seed(0)
    theirs = library.make().eval()
    _randomize(theirs)
    compilation = compiled(name, sets=library.sets)
    _, ours = built(compilation)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        save_file({key: value.clone() for key, value in theirs.state_dict().items()}, path)
        report = load_weights(compilation, ours, path, library.rename)
    left = set(dict(ours.named_parameters())) - report.filled
    assert not left, f"{name}: nothing fills {sorted(left)}"
    torch.manual_seed(1)
    inputs = library.inputs()
    with torch.inference_mode():
        expected = library.answer(theirs, inputs)
        found = ours.eval()(**inputs)["logits"]
    if "mask" in inputs:  # what stands in the padding is nobody's answer
        expected, found = expected[~inputs["mask"]], found[~inputs["mask"]]
    assert expected.abs().max() > 1e-3, "both answer nothing"
    return float((expected - found).abs().max() / expected.abs().max().clamp(min=1))


def _randomize(module: nn.Module) -> None:
    """Whatever starts at 0 or 1 gets numbers that a mistake would show in."""
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if not tensor.is_floating_point():
                continue
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif tensor.ndim == 1:
                tensor.add_(torch.randn_like(tensor) * 0.1)
            elif not tensor.any():
                tensor.normal_(std=0.05)
