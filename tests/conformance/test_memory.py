"""The estimate of memory against the live bytes of a real step on fake tensors."""

from __future__ import annotations

import pytest

from dlc.compiler.analysis.memory import memory
from dlc.runtime.insight.measured_memory import measured_memory
from tests.zoo.running import compiled

CASES = {
    "lenet5": (("lenet5", (), {"N": 64})),
    "resnet18": (("resnet18", (), {"N": 4})),
    "unet": (("unet", (), {"N": 1})),
    "gpt2": (("gpt2", ("depth=2", "vocab=5000", "p=0"), {"N": 2, "T": 64})),
    # The scores over words are most of a step, and the loss computes them in 32 bits.
    "many words": (
        ("gpt2", ("depth=1", "dim=64", "heads=4", "vocab=40000", "p=0"), {"N": 2, "T": 256})
    ),
    "transformer_block": (("transformer_block", ("p=0",), {"N": 32, "T": 64})),
    "convolutional_autoencoder": (("convolutional_autoencoder", (), {"N": 32})),
    "multitask": (("multitask", (), {"N": 32})),
    "skipgram": (("skipgram", (), {"N": 64})),
}


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bf16"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_estimate_is_what_a_step_takes(
    case: tuple[str, tuple[str, ...], dict[str, int]], autocast: bool
) -> None:
    name, sets, sizes = case
    compilation = compiled(name, sets=sets)
    estimate = memory(
        compilation.program,
        compilation.settings,
        batch=sizes["N"],
        dims={key: value for key, value in sizes.items() if key != "N"},
        autocast=autocast,
        accelerator=False,
    )
    found = measured_memory(compilation, sizes, autocast=autocast)
    assert estimate.whole
    assert estimate.training == pytest.approx(found.training, rel=0.06)
    assert estimate.activations == pytest.approx(found.activations, rel=0.12 if autocast else 0.001)
    assert estimate.inference == pytest.approx(found.inference, rel=0.12 if autocast else 0.001)


def test_activations_grow_with_the_batch_and_weights_do_not() -> None:
    compilation = compiled("resnet18")
    one, eight = (
        memory(compilation.program, compilation.settings, batch=batch) for batch in (1, 8)
    )
    assert eight.parameters == one.parameters == 4 * compilation.program.parameter_count
    assert eight.optimizer == one.optimizer
    assert 7.9 < eight.activations / one.activations < 8.1


def test_checkpoints_keep_what_goes_into_blocks_alone() -> None:
    compilation = compiled("gpt2", sets=("p=0",))
    sizes = {"batch": 2, "dims": {"T": 256}}
    plain = memory(compilation.program, compilation.settings, **sizes)  # type: ignore[arg-type]
    checkpointed = memory(
        compilation.program,
        compilation.settings,
        checkpoint=True,
        **sizes,  # type: ignore[arg-type]
    )
    assert checkpointed.activations < plain.activations / 2
    assert checkpointed.training < plain.training
    assert checkpointed.inference == plain.inference
