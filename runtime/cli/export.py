"""`dlc export`: a trained run as one ONNX file, or as a bundle, compared with PyTorch."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dlc.compiler.cli.compiling import compile_spec
from dlc.compiler.cli.output import add_common, report
from dlc.compiler.codegen.onnx_graph import OPSETS
from dlc.runtime.cli.targets import add_target, refuse_others, run_target
from dlc.runtime.export.exporter import Exported, Network, export_network
from dlc.runtime.export.precision.report import PRECISIONS, SYNONYMS, PrecisionReport, told
from dlc.runtime.failures import failure, shown
from dlc.runtime.targets.delivery import Origin, from_file, is_model

_SPECS = (".yaml", ".yml", ".dlc")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc export runs/lenet5
         dlc export runs/lenet5 -o model.onnx --opset 23
         dlc export runs/lenet5 --bundle out/
         dlc export runs/lenet5 --precision int8 -o small.onnx
         dlc export runs/lenet5 --target web -o site/
         dlc export specs/lenet5.yaml --untrained

Writes preprocessing, network, probabilities and class names as one file, once it
computes what PyTorch computes. A bundle is a folder with that file and all that
running it elsewhere needs; `dlc verify out/` proves it on the machine where it runs."""
    parser.add_argument("target", metavar="RUN", help="a run folder, or a spec with --untrained")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: RUN/model.onnx")
    parser.add_argument(
        "--bundle",
        metavar="DIR",
        help="write a folder: models, labels, tokenizers, golden answers, card, each with its "
        "SHA-256",
    )
    parser.add_argument(
        "--opset",
        type=int,
        choices=OPSETS,
        metavar="N",
        help=f"{OPSETS[0]} to {OPSETS[-1]} (default: the spec's, else {OPSETS[0]})",
    )
    parser.add_argument(
        "--untrained",
        action="store_true",
        help="take a spec: initial weights, no preprocessing",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="sets",
        metavar="PATH=VALUE",
        help="with --untrained: change a parameter or setting",
    )
    parser.add_argument(
        "--weights",
        choices=("best", "last", "average"),
        metavar="NAME",
        help="best, last, average (default: what the run ended on)",
    )
    parser.add_argument(
        "--no-fold",
        action="store_true",
        help="keep a node for each layer, batch norms too",
    )
    parser.add_argument(
        "--precision",
        choices=(*PRECISIONS, *SYNONYMS),
        metavar="NAME",
        help="float32, fp16, bf16, int8, int8_dynamic (default: the spec's, else float32)",
    )
    parser.add_argument(
        "--max-drop",
        type=_share,
        metavar="X",
        help="how much worse than in float32 the metric may be on the validation part (default: "
        "the spec's, else 0.005)",
    )
    add_target(parser)
    parser.set_defaults(root=None)
    add_common(parser, formats=("text", "json"), lints=False)


def run(arguments: argparse.Namespace) -> int:
    target = Path(arguments.target)
    refuse_others(arguments)
    if arguments.kind is not None and is_model(target):
        return _of_model(arguments)
    if arguments.bundle is not None and arguments.output is not None:
        raise failure(
            "E0311",
            "`--bundle` and `-o` exclude each other: a bundle names its files itself",
            help="leave `-o` out",
            exit_code=2,
        )
    network, default = _untrained(arguments) if arguments.untrained else _trained(arguments)
    if arguments.bundle is not None:
        return _bundle(arguments, network)
    started = network.started.warnings if network.started is not None else ()

    def write(path: Path) -> Exported:
        return export_network(
            network,
            path,
            arguments.opset,
            fold=not arguments.no_fold,
            precision=SYNONYMS.get(arguments.precision, arguments.precision),
            max_drop=arguments.max_drop,
        )

    if arguments.kind is not None:
        origin = Origin(write=lambda path: (*started, *write(path).warnings))
        return run_target(arguments, origin, default.with_name(arguments.kind))
    out = Path(arguments.output) if arguments.output else default
    if out.suffix != ".onnx":
        raise failure(
            "E0611",
            f"`{shown(out)}` is no name of a model",
            help="let it end in `.onnx`",
            exit_code=2,
        )
    exported = write(out)
    return report(
        (*started, *exported.warnings),
        arguments,
        "export",
        {"target": str(target), **_record(exported)},
        answer=_text(exported, network, trained=not arguments.untrained),
    )


def _of_model(arguments: argparse.Namespace) -> int:
    """A target of a model file or a bundle, which are taken as they are."""
    names = ("opset", "weights", "untrained", "no_fold", "precision", "max_drop")
    options = {name: name.replace("_", "-") for name in names} | {"sets": "set"}
    changed = (name for name in options if getattr(arguments, name) not in (None, False, []))
    given = next((options[name] for name in changed), None)
    if given is not None:
        raise failure(
            "E0311",
            f"`--{given}` cannot change a model that is exported",
            help="name the run instead",
            exit_code=2,
        )
    return run_target(arguments, from_file(Path(arguments.target)), None)


def _bundle(arguments: argparse.Namespace, network: Network) -> int:
    from dlc.runtime.bundle.writing import export_bundle

    bundled = export_bundle(
        network,
        Path(arguments.bundle),
        arguments.opset,
        fold=not arguments.no_fold,
        precision=SYNONYMS.get(arguments.precision, arguments.precision),
        max_drop=arguments.max_drop,
    )
    record = {
        "target": arguments.target,
        "bundle": str(bundled.path),
        "bytes": bundled.bytes,
        "files": {
            name: {"sha256": entry.sha256, "bytes": entry.bytes}
            for name, entry in bundled.files.items()
        },
        "model": _record(bundled.model),
        "core": _record(bundled.core),
    }
    width = max(map(len, bundled.files))
    lines = [f"wrote {shown(bundled.path)}: {_size(bundled.bytes)}"]
    lines += [
        f"  {name.ljust(width)}  {_size(entry.bytes):>10}" for name, entry in bundled.files.items()
    ]
    for exported in (bundled.model, bundled.core):
        lines.append(f"{exported.path.name} is {_equality(exported)}")
    if bundled.model.precision is not None:
        lines += _precision_told(bundled.model.precision)
        lines.append(f"  {bundled.core.path.name} is in float32")
    lines += _weights_told(network, trained=not arguments.untrained)
    lines.append(f"prove it where it will run: dlc verify {shown(bundled.path)}")
    return report(
        network.started.warnings if network.started is not None else (),
        arguments,
        "export",
        record,
        answer="\n".join(lines),
    )


def _trained(arguments: argparse.Namespace) -> tuple[Network, Path]:
    target = Path(arguments.target)
    if target.suffix in _SPECS and not target.is_dir():
        raise failure(
            "E0610",
            f"`{shown(target)}` is a spec, which has no weights",
            help=f"train it first, or export initial weights: "
            f"`dlc export {shown(target)} --untrained`",
            exit_code=2,
        )
    if arguments.sets:
        raise failure(
            "E0311",
            "`--set` cannot change a run that is trained",
            help="give it to `dlc train`",
            exit_code=2,
        )
    from dlc.runtime.export.sources import of_run

    return of_run(target, arguments.weights), target / "model.onnx"


def _untrained(arguments: argparse.Namespace) -> tuple[Network, Path]:
    from dlc.runtime.export.sources import of_spec

    if arguments.weights is not None:
        raise failure(
            "E0311",
            "`--weights` and `--untrained` exclude each other: a spec has only initial weights",
            help="name a run folder",
            exit_code=2,
        )

    arguments.spec = arguments.target
    compilation = compile_spec(arguments)
    return of_spec(compilation), Path("build") / Path(arguments.target).stem / "model.onnx"


def _record(exported: Exported) -> dict[str, Any]:
    return {
        "path": str(exported.path),
        "outside_weights": str(exported.outside) if exported.outside else None,
        "bytes": exported.bytes,
        "opset": exported.opset,
        "ir_version": exported.ir_version,
        "nodes": exported.nodes,
        "folded": dict(exported.folded),
        "inputs": {name: str(type_) for name, type_ in exported.inputs.items()},
        "outputs": {name: str(type_) for name, type_ in exported.outputs.items()},
        "parity": exported.parity.record(),
        "precision": exported.precision.record() if exported.precision is not None else None,
    }


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"0 to 1, got {text}")
    return value


def _text(exported: Exported, network: Network, *, trained: bool) -> str:
    lines = [
        f"wrote {shown(exported.path)}: {_size(exported.bytes)}, opset {exported.opset}, "
        f"IR {exported.ir_version}, {exported.nodes} nodes",
    ]
    if exported.folded:
        count = len(exported.folded)
        lines.append(
            f"  {count} layer{' is' if count == 1 else 's are'} folded into the batch norm behind "
            f"{'it' if count == 1 else 'them'}; `--no-fold` keeps all"
        )
    if exported.outside:
        lines.append(f"  its weights are in {shown(exported.outside)}; keep both together")
    for word, types in (("takes", exported.inputs), ("gives", exported.outputs)):
        lines += [f"  {word} {name}: {type_}" for name, type_ in types.items()]
    lines.append(_equality(exported) + (" in float32" if exported.precision else ""))
    if exported.precision is not None:
        lines += _precision_told(exported.precision)
    return "\n".join([*lines, *_weights_told(network, trained=trained)])


def _precision_told(found: PrecisionReport) -> list[str]:
    share = 100 * found.bytes / found.bytes_before
    allowed = f"{found.max_drop:g}" if found.higher_is_better else f"{100 * found.max_drop:g} %"
    lines = [
        f"{told(found.record())}; {allowed} worse was allowed",
        f"  {_size(found.bytes)}, {share:.0f} % of the {_size(found.bytes_before)} in float32",
    ]
    if found.calibration_rows:
        lines.append(f"  scales are from {found.calibration_rows:,} rows of the training part")
    if found.kept:
        names = ", ".join(f"`{name}`" for name in found.kept)
        lines.append(f"  {len(found.kept)} of {found.layers} layers stayed float32: {names}")
    return lines


def _equality(exported: Exported) -> str:
    parity, same = exported.parity, exported.parity.agreement
    sizes = ", ".join(
        f"{name} = {' and '.join(map(str, sorted(values)))}"
        for name, values in sorted(parity.sizes.items())
    )
    return (
        f"equal to PyTorch on {len(parity.kinds)} probes"
        + (f" ({sizes})" if sizes else "")
        + f": largest difference {parity.max_abs:.1e}"
        + ("" if same is None else f", {100 * same:g} % of the answers the same")
    )


def _weights_told(network: Network, *, trained: bool) -> list[str]:
    """What is said of weights that no training here made."""
    if network.started is not None:
        head = "nothing is trained here, and nothing preprocessed; its weights are from"
        return [head, *(f"  {line}" for line in str(network.started).splitlines())]
    if trained:
        return []
    return ["these are initial weights: nothing is trained, and nothing preprocessed"]


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
