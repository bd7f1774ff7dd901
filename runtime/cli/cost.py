"""`dlc cost`: parameters, operations, memory, and what a device would wait for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dlc.compiler.analysis.cost import BATCH, Cost, cost, sizes_of
from dlc.compiler.analysis.memory import Memory, memory
from dlc.compiler.analysis.traffic import Balance, Traffic, traffic, update_bytes, whole
from dlc.compiler.cli.compiling import add_dims, add_spec, compile_spec
from dlc.compiler.cli.output import add_common, report, terminal_width
from dlc.compiler.cli.units import bytes_text, read_figure, time_text

if TYPE_CHECKING:
    from dlc.compiler import Compilation
    from dlc.runtime.insight.measured_memory import Measured

_PRECISIONS = ("float32", "bf16", "fp16")
# Without data, a spec says nothing of batches.
_USUAL_BATCH = 32
# A batch that fits is looked for up to here.
_MOST = 1 << 24


class Row(NamedTuple):
    """A line of the table of memory."""

    precision: str
    memory: Memory
    measured: Measured | None
    unmeasured: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc cost specs/resnet18.yaml
         dlc cost specs/bert_base.yaml --dim T=128 --batch 8,32 --precision bf16
         dlc cost specs/resnet18.yaml --memory 8GB --balance 312T/2T

For one sample, layer by layer: parameters (tied ones once), multiply-accumulates of a forward
pass (convolutions and matrix products), and the bytes of activations that training keeps for
the backward pass. Then, by batch and precision, the memory of a training step and of a forward
pass: parameters, state of the optimizer, activations, and the peak of all that is alive.

FLOP/byte is the arithmetic intensity of a layer. A device that does F operations and moves B
bytes a second waits for arithmetic above F / B and for memory below: `--balance F/B` says where,
and what a step takes at least. `--memory` says which batch fits. `--measure` runs a step with
PyTorch on tensors without numbers and compares.

Sizes that the spec leaves open are the top of their range, or what `--dim` says."""
    add_spec(parser)
    add_dims(parser)
    parser.add_argument(
        "--batch",
        type=_batches,
        metavar="N,N",
        help="for memory and FLOP/byte (default: 1 and the spec's)",
    )
    parser.add_argument(
        "--precision",
        action="append",
        choices=_PRECISIONS,
        metavar="FORMAT",
        help=", ".join(_PRECISIONS) + " (default: the spec's, else the first two)",
    )
    parser.add_argument(
        "--memory", type=_bytes, metavar="SIZE", help="of a device: which batch fits 8GB, 16GiB"
    )
    parser.add_argument(
        "--balance",
        type=_balance,
        metavar="F/B",
        help="of a device: operations and bytes a second, 312T/2T",
    )
    parser.add_argument(
        "--measure", action="store_true", help="compare memory with PyTorch's (needs it)"
    )
    add_common(parser)


def _batches(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(p.isascii() and p.isdigit() and 0 < int(p) <= _MOST for p in parts):
        raise argparse.ArgumentTypeError(f"`{text}` are no batches: write `1,32`")
    return tuple(dict.fromkeys(map(int, parts)))


def _bytes(text: str) -> float:
    found = read_figure(text, "B")
    if found is None:
        raise argparse.ArgumentTypeError(f"`{text}` is no memory: write `8GB`")
    return found


def _balance(text: str) -> Balance:
    flops, slash, bandwidth = text.partition("/")
    found = read_figure(flops), read_figure(bandwidth)
    if not slash or found[0] is None or found[1] is None:
        raise argparse.ArgumentTypeError(
            f"`{text}` is no balance: write FLOP and bytes a second, `312T/2T`"
        )
    return Balance(found[0], found[1])


def run(arguments: argparse.Namespace) -> int:
    compilation = compile_spec(arguments)
    dims = dict(arguments.dims)
    found = cost(compilation.program, dims)
    batches = _batches_of(arguments, compilation)
    precisions = _precisions_of(arguments, compilation)
    free = {name: size for name, size in dims.items() if name != BATCH}
    rows = [
        _row(compilation, batch, free, precision, measure=arguments.measure)
        for batch in batches
        for precision in precisions
    ]
    narrow = precisions[0] != "float32"
    layers = traffic(compilation.program, batch=batches[-1], dims=free, autocast=narrow)
    fits = [*_fits(compilation, free, precisions, arguments.memory)] if arguments.memory else []
    update = update_bytes(compilation.program, compilation.settings)
    record = _record(found, rows, layers, fits, arguments, update)
    record["flops_for"] = {"batch": batches[-1], "precision": precisions[0]}
    about = f"{_samples(batches[-1])} in {precisions[0]}"
    parts = [
        _table(found, layers, arguments.balance),
        *_notes(layers, arguments.balance, about, update),
        "",
        *_memory_table(rows),
        *(_fits_text(one, arguments.memory) for one in fits),
    ]
    return report(compilation.warnings, arguments, "cost", record, answer="\n".join(parts))


def _batches_of(arguments: argparse.Namespace, compilation: Compilation) -> tuple[int, ...]:
    if arguments.batch:
        return tuple(arguments.batch)
    if BATCH in dict(arguments.dims):
        return (dict(arguments.dims)[BATCH],)
    data = compilation.settings.data
    stated = data.batch_size if data is not None else None
    batch = stated if isinstance(stated, int) else _USUAL_BATCH
    return tuple(dict.fromkeys((1, batch)))


def _precisions_of(arguments: argparse.Namespace, compilation: Compilation) -> tuple[str, ...]:
    if arguments.precision:
        return tuple(dict.fromkeys(arguments.precision))
    stated = compilation.settings.train.precision
    return _PRECISIONS[:2] if stated == "auto" else (stated,)


def _row(
    compilation: Compilation, batch: int, dims: Mapping[str, int], precision: str, *, measure: bool
) -> Row:
    autocast = precision != "float32"
    estimate = memory(
        compilation.program,
        compilation.settings,
        batch=batch,
        dims=dims,
        autocast=autocast,
        # What is measured is what a CPU's operations keep.
        accelerator=not measure,
    )
    if not measure:
        return Row(precision, estimate, None)
    from dlc.runtime.insight.measured_memory import NotMeasured, measured_memory

    sizes = sizes_of(compilation.program, dims, batch=batch)
    try:
        return Row(precision, estimate, measured_memory(compilation, sizes, autocast=autocast))
    except NotMeasured as problem:
        return Row(precision, estimate, None, str(problem))


# ── which batch fits ─────────────────────────────────────────────────────────


class Fit(NamedTuple):
    """The greatest batch of a precision below a memory; 0 where none fits."""

    precision: str
    training: int
    inference: int


def _fits(
    compilation: Compilation, dims: Mapping[str, int], precisions: Sequence[str], limit: float
) -> Iterator[Fit]:
    for precision in precisions:
        known: dict[int, Memory] = {}

        def at(batch: int, precision: str = precision, known: dict[int, Memory] = known) -> Memory:
            if batch not in known:
                known[batch] = _row(compilation, batch, dims, precision, measure=False).memory
            return known[batch]

        yield Fit(
            precision,
            _greatest(lambda batch: at(batch).training <= limit),
            _greatest(lambda batch: at(batch).inference <= limit),
        )


def _greatest(fits: Any) -> int:
    """The greatest batch that fits, as what fits less fits more."""
    low, high = 0, 1
    while high <= _MOST and fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


# ── for programs ─────────────────────────────────────────────────────────────


def _record(
    found: Cost,
    rows: Sequence[Row],
    layers: Sequence[Traffic],
    fits: Sequence[Fit],
    arguments: argparse.Namespace,
    update: int,
) -> dict[str, Any]:
    balance: Balance | None = arguments.balance
    record = found.to_json()
    for told, layer in zip(record["layers"], layers, strict=True):
        told |= layer.to_json()
        if balance is not None:
            told["bound"] = balance.bound(layer) or None
    total = whole(layers)
    record["whole"] = {
        **total.to_json(),
        "step_intensity": total.step_intensity,
        "update_bytes_moved": update,
    }
    record["memory"] = [_memory_record(row) for row in rows]
    if balance is not None:
        record["balance"] = {
            "flops": balance.flops,
            "bandwidth": balance.bandwidth,
            "point": balance.point,
            "forward_seconds": balance.forward_seconds(layers),
            "step_seconds": balance.step_seconds(layers, update),
        }
    if arguments.memory:
        record["fits"] = {"memory": arguments.memory, "batches": [one._asdict() for one in fits]}
    return record


def _memory_record(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {"precision": row.precision, **row.memory.to_json()}
    if row.measured is not None:
        found["measured"] = {
            "activations": row.measured.activations,
            "training": row.measured.training,
            "inference": row.measured.inference,
        }
    return found


# ── as text ──────────────────────────────────────────────────────────────────

_HEAD = ("layer", "kind", "shape", "parameters", "MACs", "bytes", "FLOP/byte")


def _table(found: Cost, layers: Sequence[Traffic], balance: Balance | None) -> str:
    sizes = ", ".join(f"{name} = {size}" for name, size in found.dims.items())
    head = (*_HEAD, "bound") if balance else _HEAD
    rows: list[tuple[str, ...]] = [head]
    for layer, moved in zip(found.layers, layers, strict=True):
        shape = "[" + ", ".join(map(str, layer.shape)) + "]"
        own = "?" if layer.bytes is None else _figure(layer.bytes)
        figures = (_figure(layer.parameters), _figure(layer.macs), own, _intensity(moved))
        bound = (balance.bound(moved),) if balance else ()
        rows.append((layer.name, layer.kind, shape, *figures, *bound))
    total = (f"{n:,}" for n in (found.parameters, found.macs, found.bytes))
    name = f"total ({sizes})" if sizes else "total"
    last = (_intensity(whole(layers)), *(("",) if balance else ()))
    rows.append((name, "", "", *total, *last))
    columns = list(range(len(head)))
    widths = [max(len(row[i]) for row in rows) for i in columns]
    if sum(widths) + 2 * len(widths) - 2 > terminal_width(sys.stdout):
        # The name of a layer mostly tells its kind; a line that wraps tells nothing.
        columns.remove(1)
    return "\n".join(_line(row, widths, columns) for row in rows)


def _line(row: tuple[str, ...], widths: list[int], columns: list[int]) -> str:
    cells = (
        row[i].ljust(widths[i]) if i < 3 or i > 6 else row[i].rjust(widths[i]) for i in columns
    )
    return "  ".join(cells).rstrip()


def _figure(number: int) -> str:
    return f"{number:,}" if number else ""


def _intensity(moved: Traffic) -> str:
    return f"{moved.intensity:.3g}" if moved.bytes else ""


def _samples(batch: int) -> str:
    return "one sample" if batch == 1 else f"{batch:,} samples"


def _notes(
    layers: Sequence[Traffic], balance: Balance | None, about: str, update: int
) -> Iterator[str]:
    yield f"FLOP/byte: operations for each byte moved, forward, {about}"
    if balance is None:
        return
    total = whole(layers)
    waiting = [layer for layer in layers if balance.bound(layer) == "compute"]
    busy = [layer for layer in layers if layer.bytes]
    share = sum(layer.flops for layer in waiting) / total.flops if total.flops else 0.0
    yield (
        f"balanced at {balance.point:.3g} FLOP/byte: {len(waiting)} of {len(busy)} layers wait for "
        f"arithmetic (bound by compute), with {share:.0%} of it"
    )
    forward, step = balance.forward_seconds(layers), balance.step_seconds(layers, update)
    best = balance.seconds(total.flops + total.backward_flops, 0)
    yield (
        f"at least {time_text(forward)} forward and {time_text(step)} a training step, "
        f"{best / step:.0%} of it arithmetic"
        if step
        else "nothing to compute"
    )


def _memory_table(rows: Sequence[Row]) -> list[str]:
    measured = any(row.measured is not None for row in rows)
    head = ["batch", "precision", "parameters", "optimizer", "activations", "training"]
    head += ["measured"] if measured else []
    head += ["inference"] + (["measured"] if measured else [])
    lines = [head]
    partly = False
    for row in rows:
        found, real = row.memory, row.measured
        partly |= not found.whole
        mark = "" if found.whole else "+"
        figures = [found.parameters + found.buffers, found.optimizer, found.activations]
        texts = [f"{found.batch:,}", row.precision, *map(bytes_text, figures)]
        texts.append(bytes_text(found.training) + mark)
        if real is not None:
            texts.append(f"{bytes_text(real.training)} ({_apart(found.training, real.training)})")
        texts.append(bytes_text(found.inference) + mark)
        if real is not None:
            texts.append(
                f"{bytes_text(real.inference)} ({_apart(found.inference, real.inference)})"
            )
        lines.append(texts)
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    shown = [
        "  ".join(
            text.ljust(width) if k == 1 else text.rjust(width)
            for k, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    shown.append("training and inference: peaks of live tensors; allocators add up to a tenth")
    shown += [f"not measured: `{name}` asks for numbers" for name in _distinct(rows)]
    if partly:
        shown.append("+ beside layers whose own part is not known (?)")
    return shown


def _distinct(rows: Sequence[Row]) -> list[str]:
    return [*dict.fromkeys(row.unmeasured for row in rows if row.unmeasured)]


def _apart(estimate: int, real: int) -> str:
    return f"{(estimate - real) / real:+.1%}" if real else ""


def _fits_text(fit: Fit, limit: float) -> str:
    def batch(number: int) -> str:
        if number == 0:
            return "not even one sample"
        return f"more than {_MOST:,}" if number > _MOST else f"a batch of {number:,}"

    return (
        f"{bytes_text(limit)} in {fit.precision}: {batch(fit.training)} for training, "
        f"{batch(fit.inference)} for inference"
    )
