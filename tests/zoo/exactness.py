"""The exactness table: our totals, the published ones, and what lies between.

    python -m tests.zoo

Parameters are counted at full size. Multiply-accumulates are those of one sample, ours by
`dlc cost` against PyTorch's counter over the generated module on the meta device. Where a
library has the network, its state dict, random, is loaded by the map in `specs/transfer/`
at a reduced size, and both answer the same input: the last column is the largest difference.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from dlc.compiler.analysis.cost import cost
from dlc.compiler.ir.dims import substitute
from dlc.compiler.ir.types import DType, TensorType
from tests.zoo.libraries import LIBRARIES, disagreement
from tests.zoo.networks import ZOO
from tests.zoo.running import built, compiled


@dataclass(frozen=True)
class Row:
    """One network. `difference` is None where no library has it."""

    name: str
    ours: int
    published: int
    source: str
    macs: int
    counted: int
    difference: float | None

    @property
    def exact(self) -> bool:
        close = self.difference is None or self.difference <= 1e-5
        return self.ours == self.published and self.macs == self.counted and close


def row(name: str) -> Row:
    """The row of one network; None of it is remembered from an earlier run."""
    network = ZOO[name]
    compilation = compiled(name)
    counts = cost(compilation.program, network.dims)
    return Row(
        name=name,
        ours=compilation.program.parameter_count,
        published=network.parameters,
        source=network.published,
        macs=counts.macs,
        counted=_counted(name, counts.dims),
        difference=disagreement(name) if name in LIBRARIES else None,
    )


def _counted(name: str, dims: dict[str, int]) -> int:
    """The multiply-accumulates that PyTorch counts on the meta device."""
    compilation = compiled(name)
    with torch.device("meta"):
        _, model = built(compilation)
    graph = compilation.program.graph
    inputs = {key: _meta(graph.values[key], dims) for key in graph.inputs}
    # Packing reads lengths, which have no values here: a full batch is the same work.
    for key in inputs:
        if key.endswith("lengths"):
            inputs[key] = None
    model.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(**inputs)
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return flops // 2


def _meta(type: TensorType, dims: dict[str, int]) -> Tensor:
    shape = [int(substitute(dim, dims)) for dim in type.shape]  # type: ignore[arg-type]
    dtypes = {DType.BOOL: torch.bool, DType.INT64: torch.int64}
    return torch.zeros(shape, dtype=dtypes.get(type.dtype, torch.float32), device="meta")


def table(rows: list[Row]) -> str:
    head = ["network", "ours", "published", "diff", "MACs", "counted", "diff", "output", "source"]
    cells = [head]
    for r in rows:
        output = "" if r.difference is None else f"{r.difference:.1e}"
        numbers = [r.ours, r.published, r.ours - r.published, r.macs, r.counted, r.macs - r.counted]
        cells.append([r.name, *(f"{n:,}" for n in numbers), output, r.source])
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    lines = []
    for line in cells:
        middle = [cell.rjust(width) for cell, width in zip(line[1:-1], widths[1:-1], strict=True)]
        lines.append("  ".join([line[0].ljust(widths[0]), *middle, line[-1]]).rstrip())
    return "\n".join(lines)


def main(names: list[str]) -> int:
    rows = [row(name) for name in names or sorted(ZOO)]
    print(table(rows))
    wrong = [r.name for r in rows if not r.exact]
    print(f"{len(rows) - len(wrong)} of {len(rows)} exact" + "".join(f", not {n}" for n in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
