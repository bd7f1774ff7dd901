"""One op as a program, run by PyTorch, onnxruntime and onnx's own reference."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

from dlc.compiler.codegen.torch_module import generate_network
from dlc.compiler.components import registry
from dlc.compiler.ir.dims import Dim, substitute, symbols
from dlc.compiler.ir.graph import Graph, Inputs, Node, Program
from dlc.compiler.ir.types import TensorType
from dlc.compiler.ops.base import Example, Op
from dlc.runtime.export.onnx_builder import export_program
from dlc.runtime.export.reference import program_state

Array = npt.NDArray[Any]

#: Two batch sizes, two lengths, two sizes of images.
SIZES = (
    {"N": 2, "T": 5, "S": 3, "H": 6, "W": 7},
    {"N": 3, "T": 2, "S": 4, "H": 5, "W": 4},
)

# |a - b| <= ABSOLUTE * max(1, max|b|) + RELATIVE * |b|, the bound that exports are held to.
ABSOLUTE, RELATIVE = 1e-5, 1e-3
EXTREME = 1e4

_TORCH = {"float32": torch.float32, "int64": torch.int64, "bool": torch.bool}


@dataclass(frozen=True)
class Case:
    """An example of an op, alone in a network."""

    name: str
    example: Example

    @property
    def op(self) -> Op:
        return self.example.op

    def exempt(self, check: str, *, extreme: bool = False) -> bool:
        """Whether the op declares that a check does not apply to this example."""
        fields = [
            f.name for f in dataclasses.fields(self.op) if f.default != getattr(self.op, f.name)
        ]
        given = {f"{check}:{name}" for name in (*self.example.inputs, *fields)}
        if extreme:
            given.add(f"{check}:extreme")
        return bool(self.op.exemptions.keys() & {check, *given})

    @functools.cached_property
    def ports(self) -> Inputs:
        return Inputs({port: _tuple(value) for port, value in self.example.inputs.items()})

    @functools.cached_property
    def values(self) -> dict[str, tuple[str, TensorType]]:
        """The inputs of the network: name -> (port, type)."""
        found: dict[str, tuple[str, TensorType]] = {}
        for port, given in self.ports.ports.items():
            for i, type_ in enumerate(given):
                found[port if len(given) == 1 else f"{port}{i}"] = (port, type_)
        return found

    @functools.cached_property
    def results(self) -> tuple[TensorType, ...]:
        return self.op.result_types(self.ports)

    @functools.cached_property
    def program(self) -> Program:
        self.op.validate()
        names = self.op.result_names(len(self.results))
        outputs = ("layer", *(f"layer:{name}" for name in names[1:]))
        node = Node(
            name="layer",
            op=self.op,
            inputs=tuple((port, name) for name, (port, _) in self.values.items()),
            outputs=outputs,
            parameters=self.op.parameters(self.ports),
        )
        graph = Graph(
            name="Network",
            block="",
            inputs=tuple(self.values),
            outputs=tuple(zip(names, outputs, strict=True)),
            nodes=(node,),
            values={name: t for name, (_, t) in self.values.items()}
            | dict(zip(outputs, self.results, strict=True)),
        )
        return Program(name="Network", graphs={"Network": graph}, main="Network")

    @functools.cached_property
    def source(self) -> str:
        return generate_network(self.program)

    def module(self, seed: int = 0, device: str = "cpu") -> nn.Module:
        """The generated module, every number of it random."""
        with torch.device(device):
            module = build(self.source, "Network")
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, tensor in module.state_dict().items() if device == "cpu" else ():
                if not tensor.is_floating_point():
                    continue
                drawn = torch.randn(tensor.shape, generator=generator) * 0.5
                tensor.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else drawn)
            for layer in module.modules():
                for weight in getattr(layer, "parametrizations", ()):
                    for _ in range(30):
                        # Each takes spectral norm's vectors nearer to those of the drawn weight.
                        getattr(layer, weight)
        return module

    def sizes(self) -> Iterator[dict[str, int]]:
        """Values of the symbols, within their ranges."""
        low = {
            name: found.low
            for _, type_ in self.values.values()
            for dim in type_.shape
            for name, found in symbols(dim).items()
        }
        for values in SIZES:
            yield {name: max(value, low.get(name, 1)) for name, value in values.items()}

    def draw(
        self, sizes: Mapping[str, int], seed: int = 0, *, extreme: bool = False
    ) -> dict[str, Tensor]:
        """Random inputs by name; `extreme` makes half of the numbers huge."""
        generator = torch.Generator().manual_seed(seed)
        drawn: dict[str, Tensor] = {}
        for name, (port, type_) in self.values.items():
            shape = concrete(type_, sizes)
            if type_.dtype.is_float:
                value = torch.randn(shape, generator=generator)
                if port in (self.example.ranges or {}):
                    low, high = self.example.ranges[port]
                    value = low + (high - low) * torch.rand(shape, generator=generator)
                if extreme:
                    huge = torch.rand(shape, generator=generator) < 0.5
                    value = torch.where(huge, value.sign() * EXTREME, value)
            elif type_.dtype.is_int:
                assert self.example.ranges, f"{self.name}: integers need a range"
                low, high = self.example.ranges[port]
                value = torch.randint(low, high, shape, generator=generator)
            else:
                value = torch.rand(shape, generator=generator) < 0.5
                # One row is masked throughout, one not at all.
                if shape[0] > 1:
                    value[0], value[1] = True, False
            drawn[name] = value.to(_TORCH[type_.dtype.value])
        return drawn


def build(source: str, name: str) -> nn.Module:
    """The network of a generated module."""
    generated = types.ModuleType("generated")
    exec(compile(source, f"<{name}>", "exec"), generated.__dict__)
    return cast(nn.Module, generated.__dict__[name]())


def cases() -> list[Case]:
    found: list[Case] = []
    for name in registry.names("op"):
        op = cast(type[Op], registry.load("op", name))
        found += [Case(f"{name}-{i}", example) for i, example in enumerate(op.examples())]
    return found


def concrete(type_: TensorType, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(number(dim, sizes) for dim in type_.shape)


def number(dim: Dim, sizes: Mapping[str, int]) -> int:
    found = substitute(dim, dict(sizes))
    assert isinstance(found, int), f"{dim} is not decided by {sizes}"
    return found


def dtype(type_: TensorType) -> torch.dtype:
    return _TORCH[type_.dtype.value]


def outputs(module: nn.Module, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    return list(module(*inputs.values()).values())


@dataclass(frozen=True)
class Kept:
    """What autograd keeps for a backward pass, beside parameters and buffers: the bytes in
    all, and which of the inputs and results are among it."""

    bytes: int
    names: frozenset[str]


def kept(case: Case, module: nn.Module, inputs: Mapping[str, Tensor]) -> Kept:
    own = {_place(t) for t in itertools.chain(module.parameters(), module.buffers())}
    tensors: list[Tensor] = []  # held, lest a storage be given out twice

    def keep(tensor: Tensor) -> Tensor:
        tensors.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        results = outputs(module, inputs)
    sizes = {_place(t): t.untyped_storage().nbytes() for t in tensors if t.numel()}
    sizes = {place: size for place, size in sizes.items() if place not in own}
    named = {
        _place(t): name for name, t in zip(case.op.result_names(len(results)), results, strict=True)
    }
    named |= {_place(inputs[name]): port for name, (port, _) in case.values.items()}
    return Kept(sum(sizes.values()), frozenset(named[p] for p in sizes if p in named))


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def model(case: Case, module: nn.Module, opset: int) -> onnx.ModelProto:
    """The exported model, as onnx's checker likes it."""
    proto = export_program(case.program, program_state(module, case.program), opset)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def run_onnxruntime(proto: onnx.ModelProto, inputs: Mapping[str, Tensor]) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = {value.name for value in session.get_inputs()}
    feeds = {name: value.numpy() for name, value in inputs.items() if name in wanted}
    return cast(list[Array], session.run(None, feeds))


def run_reference(proto: onnx.ModelProto, inputs: Mapping[str, Tensor]) -> list[Array]:
    with np.errstate(all="ignore"):
        feeds = {name: value.numpy() for name, value in inputs.items()}
        return cast(list[Array], ReferenceEvaluator(proto).run(None, feeds))


def assert_close(found: Array, expected: Array, what: str) -> None:
    """Within the bound that exports are held to; NaN and infinities in the same places."""
    assert found.shape == expected.shape, f"{what}: {found.shape} is not {expected.shape}"
    assert found.dtype == expected.dtype, f"{what}: {found.dtype} is not {expected.dtype}"
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite], err_msg=what)
    a, b = found[finite].astype(np.float64), expected[finite].astype(np.float64)
    if not b.size:
        return
    bound = ABSOLUTE * max(1.0, float(np.abs(b).max())) + RELATIVE * np.abs(b)
    worst = float((np.abs(a - b) - bound).max())
    assert worst <= 0, f"{what}: off by {float(np.abs(a - b).max()):.3g}"


def _tuple(value: TensorType | tuple[TensorType, ...]) -> tuple[TensorType, ...]:
    return value if isinstance(value, tuple) else (value,)
