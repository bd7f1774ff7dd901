"""Every op, by every example it gives, against PyTorch, onnxruntime and onnx's reference."""

from __future__ import annotations

import pytest
import torch
from harness import (
    Case,
    assert_close,
    cases,
    concrete,
    dtype,
    kept,
    model,
    number,
    outputs,
    run_onnxruntime,
    run_reference,
)
from torch.utils.flop_counter import FlopCounterMode

# PyTorch tells that an even kernel with `padding=same` copies its input.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")

every_case = pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)


@every_case
def test_results_have_the_inferred_shapes_and_types(case: Case) -> None:
    for device in ("cpu", "meta"):
        if case.exempt(device):
            continue
        module = case.module(device=device).eval()
        for sizes in case.sizes():
            inputs = {name: value.to(device) for name, value in case.draw(sizes).items()}
            found = outputs(module, inputs)
            assert [tuple(y.shape) for y in found] == [concrete(t, sizes) for t in case.results]
            assert [y.dtype for y in found] == [dtype(t) for t in case.results]


@every_case
def test_parameters_are_those_of_the_module(case: Case) -> None:
    module = case.module()
    declared = [(path, p.shape, p.trainable) for path, p in case.program.parameters()]
    trainable = {name for name, p in module.named_parameters() if p.requires_grad}
    found = [
        (name, tuple(value.shape), name in trainable) for name, value in module.state_dict().items()
    ]
    assert found == declared


@every_case
def test_macs_are_what_torch_counts(case: Case) -> None:
    device = "cpu" if case.exempt("meta") else "meta"
    if device == "cpu":
        pytest.skip("counted on the meta device only")
    module = case.module(device=device).eval()
    for sizes in case.sizes():
        inputs = {name: value.to(device) for name, value in case.draw(sizes).items()}
        with FlopCounterMode(display=False) as counter:
            outputs(module, inputs)
        macs = number(case.op.macs(case.ports, case.results), sizes)
        assert 2 * macs == counter.get_total_flops()


@every_case
def test_gradient_reaches_every_parameter_and_input(case: Case) -> None:
    module = case.module().train()
    sizes = next(case.sizes())
    inputs = case.draw(sizes, seed=1)
    leaves = {name: v.requires_grad_() for name, v in inputs.items() if v.is_floating_point()}
    leaves |= dict(module.named_parameters())
    torch.manual_seed(0)
    found = [y for y in outputs(module, inputs) if y.is_floating_point() and y.requires_grad]
    if not leaves or not found:
        assert not any(t.dtype.is_float for t in case.results) or not leaves
        return
    torch.stack([(y * torch.randn_like(y)).sum() for y in found]).sum().backward()  # type: ignore[no-untyped-call]
    for name, leaf in leaves.items():
        assert leaf.grad is not None, f"no gradient reaches `{name}`"
        gradient = leaf.grad.to_dense()
        assert gradient.isfinite().all()
        if case.exempt("gradient"):
            continue
        assert gradient.any(), f"the gradient of `{name}` is 0"


@every_case
def test_saved_bytes_are_what_autograd_keeps(case: Case) -> None:
    if case.exempt("saved_bytes"):
        pytest.skip(case.op.exemptions.get("saved_bytes", "exempt"))
    module = case.module().train()
    for sizes in case.sizes():
        inputs = case.draw(sizes, seed=1)
        for value in inputs.values():
            value.requires_grad_(value.is_floating_point())
        saved = case.op.saved_bytes(case.ports, case.results)
        assert saved is not None
        found = kept(case, module, inputs)
        assert number(saved, sizes) == found.bytes
        assert found.names == set(case.op.keeps(case.ports) or ())


@pytest.mark.parametrize("opset", [20, 23])
@every_case
def test_onnx_computes_what_torch_computes(case: Case, opset: int) -> None:
    module = case.module().eval()
    proto = model(case, module, opset)
    for sizes in case.sizes():
        for extreme in (False, True)[: 1 + case.example.extremes]:
            inputs = case.draw(sizes, seed=2, extreme=extreme)
            with torch.no_grad():
                expected = [y.numpy() for y in outputs(module, inputs)]
            what = f"{case.name} at {sizes}{', extreme' if extreme else ''}"
            for found, wanted in zip(run_onnxruntime(proto, inputs), expected, strict=True):
                assert_close(found, wanted, f"onnxruntime: {what}")
            if case.exempt("onnx.reference", extreme=extreme):
                continue
            for found, wanted in zip(run_reference(proto, inputs), expected, strict=True):
                assert_close(found, wanted, f"onnx.reference: {what}")
