"""Layers that are applied twice: one set of weights in the module and in the file."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from dlc.compiler.codegen.torch_module import generate_network
from tests.checking import check_dlc, compiled

torch = pytest.importorskip("torch")

from dlc.runtime.export.onnx_builder import export_program  # noqa: E402
from tests.conformance.harness import build  # noqa: E402

SIAMESE = """dlc 1

block Encoder(dim: int) {
  input x: float[N, T, F]
  linear(dim) -> tanh -> lstm(4, return_sequences=false)
}

model Siamese {
  input left: float[N, T, 5]
  input right: float[N, S, 5]
  a = left -> Encoder(6)
  b = right -> reuse(a)
  output y = a * b
}
"""


def test_both_uses_read_one_tensor_and_agree_with_pytorch(tmp_path: Path) -> None:
    import onnxruntime

    program = compiled(check_dlc(SIAMESE)).program
    torch.manual_seed(0)
    module = build(generate_network(program), "Siamese").eval()
    state = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    assert set(state) == {path for path, _ in program.parameters()}
    proto = export_program(program, state)
    onnx.checker.check_model(proto, full_check=True)
    stored = sum(tensor.dims != [] and onnx.numpy_helper.to_array(tensor).size
                 for tensor in proto.graph.initializer)  # fmt: skip
    assert stored < 1.2 * program.parameter_count + 100

    left, right = torch.randn(3, 7, 5), torch.randn(3, 4, 5)
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (y,) = session.run(["y"], {"left": left.numpy(), "right": right.numpy()})
    torch.testing.assert_close(torch.from_numpy(y), module(left, right)["y"], atol=1e-5, rtol=1e-4)


def test_it_learns_from_both_uses() -> None:
    program = compiled(check_dlc(SIAMESE)).program
    module = build(generate_network(program), "Siamese")
    left = torch.randn(2, 3, 5)
    y = module(left, left)["y"]
    y.sum().backward()
    once = module.a.linear.weight.grad.clone()
    module.zero_grad()
    a = module.a(left)
    (a * a.detach()).sum().backward()
    torch.testing.assert_close(once, 2 * module.a.linear.weight.grad)
