"""What `transfer` says of the layers of the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dlc.compiler.analysis.freezing import frozen_layers
from dlc.compiler.analysis.parameter_groups import covers
from dlc.compiler.components.optimizers._groups import GroupedOptimizer
from dlc.compiler.components.optimizers.muon import Muon
from dlc.compiler.components.settings import Settings
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic, Label
from dlc.compiler.diagnostics.suggest import did_you_mean, listed
from dlc.compiler.ir.graph import Program
from dlc.compiler.source import Span
from dlc.compiler.syntax import tree


def check_transferring(
    spec: tree.File, program: Program, settings: Settings
) -> Iterator[Diagnostic]:
    """Every finding about `freeze`, `unfreeze_at` and `lr_scale`."""
    section = next((e.value for e in spec.settings if e.key.text == "transfer"), None)
    transfer = settings.transfer
    if transfer is None or not isinstance(section, tree.Mapping):
        return
    written = {entry.key.text: entry for entry in section.entries}
    layers = [path for path, _, node in program.owners() if node.parameters]
    for key in ("freeze", "unfreeze_at", "lr_scale"):
        for pattern, span in _patterns(written.get(key)):
            if not any(covers(pattern, path) for path in layers):
                yield _unknown(pattern, span, layers)
            elif key == "unfreeze_at" and not _freezes(transfer.freeze, pattern, layers):
                yield _finding(
                    "E0311",
                    f"`{pattern}` is not frozen, and is to be trained from an epoch on",
                    span,
                    "name it in `freeze` too",
                )
    if transfer.unfreeze_at is not None and not transfer.freeze:
        yield _finding(
            "E0309",
            "`unfreeze_at` needs `freeze`, which names what is thawed",
            written["unfreeze_at"].key.span,
            "name the layers: `freeze: [stem]`",
        )
    frozen = frozen_layers(program, transfer)
    if frozen and len(frozen) == len(layers) and all(e != 0 for e in frozen.values()):
        never = all(epoch is None for epoch in frozen.values())
        yield _finding(
            "E0706",
            "every layer is frozen" + ("" if never else " in the first epoch"),
            written["freeze"].key.span,
            "leave out what shall learn, such as the last layer",
        )
    yield from _rates(settings, written)


def _rates(settings: Settings, written: Mapping[str, tree.Entry]) -> Iterator[Diagnostic]:
    optimizer, transfer = settings.optimizer, settings.transfer
    assert transfer is not None
    if not transfer.lr_scale or optimizer is None:
        return
    if not isinstance(optimizer, GroupedOptimizer) or isinstance(optimizer, Muon):
        yield _finding(
            "E0320",
            f"`{optimizer.name}` has one learning rate for all parameters",
            written["lr_scale"].key.span,
            "leave `lr_scale` out, or use an optimizer such as `adamw`",
        )


def _freezes(freeze: Iterable[str], pattern: str, layers: Iterable[str]) -> bool:
    """Whether one of the layers that a pattern means is frozen."""
    meant = [path for path in layers if covers(pattern, path)]
    return any(covers(frozen, path) for frozen in freeze for path in meant)


def _patterns(entry: tree.Entry | None) -> Iterator[tuple[str, Span]]:
    match entry.value if entry is not None else None:
        case tree.ListExpr(items=items):
            for item in items:
                if isinstance(item, tree.Text | tree.Word):
                    yield item.value if isinstance(item, tree.Text) else item.text, item.span
        case tree.Mapping(entries=entries):
            for inner in entries:
                yield inner.key.text, inner.key.span


def _unknown(pattern: str, span: Span, layers: list[str]) -> Diagnostic:
    known: dict[str, None] = {}
    for path in layers:
        parts = path.split(".")
        known.update((".".join(parts[:end]), None) for end in range(1, len(parts) + 1))
    names = sorted(known, key=lambda name: name.count("."))
    _, help = did_you_mean(pattern, names, "layer")
    return _finding(
        "E0212",
        f"no layer with parameters is called `{pattern}`",
        span,
        help or f"layers with parameters: {listed(names)}",
    )


def _finding(number: str, message: str, span: Span, help: str) -> Diagnostic:
    return Diagnostic(code(number), message, Label(span), help=help)
