"""Trained weights copied into a module: steps, types, ties, and whole networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from checking import SPECS, check_file, compiled
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from dlc.compiler import Compilation, Source, check
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.compiler.transfer.shapes import StepError, result
from dlc.runtime.failures import Failure
from dlc.runtime.loading import load_module, model_class
from dlc.runtime.transfer.loading import apply
from dlc.runtime.transfer.pretrained import Report, load_weights

NET = """\
dlc 1
model Net {
  input x: float[N, 4]
  stem = linear(3)
  batch_norm1d
  output y = linear(2)
}
"""


def spec(text: str) -> Compilation:
    return compiled(check(Source("net.dlc", text, "dlc")))


def module(compilation: Compilation) -> nn.Module:
    torch.manual_seed(0)
    return model_class(load_module(generate(compilation)))()


def loaded(
    folder: Path,
    tensors: Mapping[str, Tensor],
    rename: Any = None,
    text: str = NET,
) -> tuple[dict[str, Tensor], Report]:
    """The state of a module after loading, and the report."""
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "w.safetensors")
    compilation = spec(text)
    model = module(compilation)
    report = load_weights(compilation, model, folder / "w.safetensors", rename)
    return {name: t.detach() for name, t in model.state_dict().items()}, report


def codes(report: Report) -> list[str]:
    return [d.code.number for d in report.warnings]


# ── one tensor ───────────────────────────────────────────────────────────────


def test_what_the_file_has_is_copied_and_the_rest_stays(tmp_path: Path) -> None:
    before = module(spec(NET)).state_dict()
    weight = torch.randn(3, 4)
    after, report = loaded(tmp_path, {"stem.weight": weight})
    assert torch.equal(after.pop("stem.weight"), weight)
    assert all(torch.equal(tensor, before[name]) for name, tensor in after.items())
    assert report.filled == {"stem.weight"}
    assert codes(report) == ["W0701"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_float_becomes_ours(tmp_path: Path, dtype: torch.dtype) -> None:
    weight = torch.randn(3, 4).to(dtype)
    after, _ = loaded(tmp_path, {"stem.weight": weight})
    assert after["stem.weight"].dtype == torch.float32
    assert torch.equal(after["stem.weight"], weight.float())


def test_buffers_and_counters_are_filled_too(tmp_path: Path) -> None:
    given = {
        "batch_norm1d.running_mean": torch.randn(3),
        "batch_norm1d.num_batches_tracked": torch.tensor(41, dtype=torch.int32),
    }
    after, _ = loaded(tmp_path, given)
    assert torch.equal(after["batch_norm1d.running_mean"], given["batch_norm1d.running_mean"])
    assert after["batch_norm1d.num_batches_tracked"].item() == 41
    assert after["batch_norm1d.num_batches_tracked"].dtype == torch.int64


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_no_weights_are_refused(tmp_path: Path, bad: float) -> None:
    weight = torch.zeros(3, 4)
    weight[1, 2] = bad
    with pytest.raises(Failure) as caught:
        loaded(tmp_path, {"stem.weight": weight})
    assert caught.value.diagnostic.code.number == "E0610"
    assert "`stem.weight`" in caught.value.diagnostic.message
    given = {"stem.weight": weight, "stem.bias": torch.zeros(3)}
    _, report = loaded(tmp_path, given, {"stem.weight": None})
    assert "stem.weight" not in report.filled


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(DiagnosticError) as caught:
        loaded(tmp_path, {"stem.weight": torch.zeros(3, 4, dtype=torch.int8)})
    assert [d.code.number for d in caught.value.diagnostics] == ["E0705"]


def test_eight_bit_floats_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(DiagnosticError) as caught:
        loaded(tmp_path, {"stem.weight": torch.zeros(3, 4).to(torch.float8_e4m3fn)})
    assert [d.code.number for d in caught.value.diagnostics] == ["E0705"]


def test_with_an_error_nothing_is_copied(tmp_path: Path) -> None:
    save_file({"stem.weight": torch.ones(3, 4), "y.weight": torch.ones(9, 3)}, tmp_path / "w")
    compilation = spec(NET)
    model = module(compilation)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(DiagnosticError):
        load_weights(compilation, model, tmp_path / "w")
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())


def test_gradients_and_the_parameters_themselves_stay(tmp_path: Path) -> None:
    save_file({"stem.weight": torch.ones(3, 4)}, tmp_path / "w")
    compilation = spec(NET)
    model = module(compilation)
    parameters = dict(model.named_parameters())
    load_weights(compilation, model, tmp_path / "w")
    assert all(parameters[name] is p for name, p in model.named_parameters())
    assert all(p.requires_grad and p.is_leaf for p in parameters.values())


def test_names_that_python_reserves_are_reached_by_their_names_in_the_spec(
    tmp_path: Path,
) -> None:
    text = "dlc 1\nmodel Net {\n  input x: float[N, 4]\n  train = linear(4)\n  output y = relu\n}\n"
    weight = torch.randn(4, 4)
    after, report = loaded(tmp_path, {"train.weight": weight}, text=text)
    assert torch.equal(after["train_.weight"], weight)
    assert report.filled == {"train_.weight"}


# ── steps ────────────────────────────────────────────────────────────────────


def test_steps_make_ours_of_theirs(tmp_path: Path) -> None:
    fused = torch.randn(4, 9)
    parts = {
        "stem.weight": {"from": "fused", "transpose": True, "chunk": [1, 3]},
        "stem.bias": {"from": "bias", "reshape": True},
        "y.weight": {"from": ["a", "b"], "concat": 0},
    }
    given = {
        "fused": fused,
        "bias": torch.randn(1, 3, 1),
        "a": torch.randn(1, 3),
        "b": torch.randn(1, 3),
    }
    after, _ = loaded(tmp_path, given, parts)
    assert torch.equal(after["stem.weight"], fused[:, 3:6].T)
    assert torch.equal(after["stem.bias"], given["bias"].flatten())
    assert torch.equal(after["y.weight"], torch.cat([given["a"], given["b"]]))


SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[tuple[int, ...]], Rename, tuple[int, ...]]:
    shape = draw(SIZES)
    shapes = [shape] if draw(st.booleans()) else [shape, draw(st.just(shape) | SIZES)]
    order = draw(st.permutations(range(len(shape))))
    steps = Rename(
        from_=("x",) * len(shapes),
        transpose=draw(st.sampled_from([False, True, tuple(order)])),
        concat=draw(st.integers(0, 3)) if len(shapes) > 1 else None,
        chunk=draw(st.none() | st.sampled_from([(0, 2), (1, 2), (2, 3)])),
        dim=draw(st.integers(0, 3)),
        reshape=draw(st.booleans()),
    )
    return shapes, steps, draw(SIZES)


@settings(deadline=None, max_examples=300)
@given(cases())
def test_the_shapes_that_are_planned_are_those_that_come_out(
    case: tuple[list[tuple[int, ...]], Rename, tuple[int, ...]],
) -> None:
    shapes, steps, wanted = case
    try:
        planned = result(shapes, steps, wanted)
    except StepError:
        return
    assert tuple(apply(steps, [torch.zeros(s) for s in shapes], wanted).shape) == planned


# ── ties ─────────────────────────────────────────────────────────────────────

TIED = """\
dlc 1
model Net {
  input t: int[N, T]
  tok = t -> embedding(5, 4)
  output logits = linear(5, weight=tok.weight)
}
"""


def test_a_tied_weight_is_loaded_under_either_name(tmp_path: Path) -> None:
    weight = torch.randn(5, 4)
    after, _ = loaded(tmp_path, {"logits.weight": weight}, text=TIED)
    assert torch.equal(after["tok.weight"], weight)


def test_two_equal_copies_of_a_tied_weight_are_one(tmp_path: Path) -> None:
    weight = torch.randn(5, 4)
    given = {"tok.weight": weight, "logits.weight": weight.clone(), "logits.bias": torch.zeros(5)}
    _, report = loaded(tmp_path, given, text=TIED)
    assert codes(report) == []


def test_two_different_weights_for_a_tied_one_are_a_warning(tmp_path: Path) -> None:
    weight = torch.randn(5, 4)
    given = {"tok.weight": weight, "logits.weight": weight + 1, "logits.bias": torch.zeros(5)}
    after, report = loaded(tmp_path, given, text=TIED)
    assert torch.equal(after["tok.weight"], weight)
    assert codes(report) == ["W0704"]
    (found,) = report.untied
    assert found.message == (
        "`logits.weight` would be `logits.weight`, which is `tok.weight` here, and holds other "
        "numbers than `tok.weight`"
    )


# ── whole networks ───────────────────────────────────────────────────────────


def test_resnet18_answers_as_torchvision_does(tmp_path: Path) -> None:
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18().eval()
    with torch.no_grad():
        for buffer in theirs.buffers():
            if buffer.is_floating_point():
                buffer.uniform_(0.5, 1.5)
    save_file(theirs.state_dict(), tmp_path / "w.safetensors")
    compilation = compiled(check_file(SPECS / "resnet18.yaml"))
    ours = module(compilation).eval()
    report = load_weights(compilation, ours, tmp_path / "w.safetensors", "torchvision/resnet18")
    assert report.filled == set(ours.state_dict())
    assert codes(report) == []
    image = torch.rand(2, 3, 224, 224)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    with torch.no_grad():
        wanted = theirs((image - mean) / std)
        found = ours(image)["logits"]
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_the_map_of_another_network_is_not_taken_for_ours(tmp_path: Path) -> None:
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        state = torchvision.models.resnet18().state_dict()
    given = {name: torch.zeros(t.shape, dtype=t.dtype) for name, t in state.items()}
    save_file(given, tmp_path / "w.safetensors")
    compilation = compiled(check_file(SPECS / "resnet18.yaml"))
    with pytest.raises(DiagnosticError) as caught:
        load_weights(compilation, module(compilation), tmp_path / "w.safetensors")
    (found,) = caught.value.diagnostics
    assert found.code.number == "E0703"
    assert found.help == "`rename: torchvision/resnet18` fills 122 of 122"
