"""Networks and files of weights for the tests of what goes where, as tables of shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.ir.types import DType
from dlc.compiler.semantics.rename import rules_of
from dlc.compiler.transfer.findings import findings
from dlc.compiler.transfer.header import Stored
from dlc.compiler.transfer.network import Network, Wanted
from dlc.compiler.transfer.plan import Plan, plan

_CODES = {"F32": DType.FLOAT32, "BF16": DType.BFLOAT16, "I64": DType.INT64, "I8": DType.INT8}


def network(
    tensors: Mapping[str, Sequence[int]], tied: Mapping[str, str] | None = None, **types: DType
) -> Network:
    """Ours; `types` are element types other than float32, by the last segment of the name."""
    wanted = {
        name: Wanted(
            shape=tuple(shape),
            dtype=types.get(name.rpartition(".")[2], DType.FLOAT32),
            trainable=True,
        )
        for name, shape in tensors.items()
    }
    return Network(name="Net", tensors=wanted, tied=tied or {})


def stored(tensors: Mapping[str, Sequence[int]], **codes: str) -> dict[str, Stored]:
    """Theirs; `codes` are element types other than F32, by the last segment of the name."""
    found = {}
    for name, shape in tensors.items():
        code = codes.get(name.rpartition(".")[2], "F32")
        found[name] = Stored(code, _CODES.get(code), tuple(shape), 0, 0)
    return found


def entries(**meanings: Any) -> dict[str, Any]:
    """`rename` with `_` for the dots of a key, and `from` as `source`."""
    found = {}
    for key, value in meanings.items():
        if isinstance(value, dict):
            source = value.pop("source")
            value = Rename(from_=(source,) if isinstance(source, str) else source, **value)
        found[key.replace("_", ".")] = value
    return found


def planned(
    ours: Mapping[str, Sequence[int]] | Network,
    theirs: Mapping[str, Sequence[int]] | Mapping[str, Stored],
    *rename: Mapping[str, Any],
) -> Plan:
    net = ours if isinstance(ours, Network) else network(ours)
    file: Any = theirs
    if not all(isinstance(value, Stored) for value in theirs.values()):
        file = stored(file)
    return plan(net, file, rules_of(rename))


def sources(found: Plan) -> dict[str, tuple[str, ...]]:
    return {name: fill.sources for name, fill in found.fills.items()}


def found_in(found: Plan) -> list[Diagnostic]:
    return [*findings(found, None, "w.safetensors")]


def codes_of(found: Plan) -> list[str]:
    return [d.code.number for d in found_in(found)]
