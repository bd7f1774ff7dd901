"""`dlc bench`: how fast a model answers here, and how it is best run."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dlc.compiler.cli.output import add_common, report
from dlc.compiler.diagnostics.model import DiagnosticError
from dlc.runtime.benching.contenders import Field, add_files, add_torch
from dlc.runtime.benching.feeds import Feeds, drawn_feeds, feeds_of_rows, fixed_size
from dlc.runtime.benching.judging import GOALS, Judged, parities, rows_of, verdict
from dlc.runtime.benching.measuring import measure
from dlc.runtime.benching.report import (
    notes,
    record,
    settings_text,
    table,
    write_page,
    write_picture,
)
from dlc.runtime.bundle.layout import SESSION
from dlc.runtime.bundle.manifest import is_bundle
from dlc.runtime.bundle.opening import find_model, processors, read_settings
from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.cli.predict import positive
from dlc.runtime.export.precision.report import PRECISIONS, SYNONYMS
from dlc.runtime.failures import USAGE, Failure, failure, shown
from dlc.runtime.inference.evaluator import Subject, choose_rows, evaluate, model_subject
from dlc.runtime.inference.figures import is_of_class
from dlc.runtime.inference.model_files import load_proto
from dlc.runtime.inference.predictor import Predictor, open_data
from dlc.runtime.inference.providers import registry
from dlc.runtime.training.storage import replace_file

if TYPE_CHECKING:
    from dlc.runtime.export.exporter import Network

_SIZES = (1, 16, 128)
_MOST_SIZE = 1 << 16


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc bench runs/lenet5
         dlc bench bundle small.onnx --data digits.parquet --seconds 60
         dlc bench runs/lenet5 --precision all -o bench.html

Measures in turn what can run the model here: PyTorch and its compiler (of a run
folder), model files on each provider, and for each the numbers of threads. Beside
the speed stands how far the answers are from the first one's, and the metric where
the data is known. What wins is said with the reason, and kept in a bundle, where
`dlc predict` and `dlc serve` find it."""
    parser.add_argument("target", metavar="TARGET", help="a run folder, a bundle, or an ONNX file")
    parser.add_argument(
        "others", metavar="MODEL", nargs="*", help="files to compare with, such as other precisions"
    )
    parser.add_argument("--data", metavar="FILE", help="rows to ask about (default: those known)")
    parser.add_argument(
        "--batch", type=_numbers, default=_SIZES, metavar="N,N", help="sizes (default: 1,16,128)"
    )
    parser.add_argument(
        "--threads", type=_numbers, metavar="N,N", help="numbers of threads (default: 1 and all)"
    )
    parser.add_argument(
        "--seconds", type=positive, default=30, metavar="N", help="to measure for (default: 30)"
    )
    parser.add_argument(
        "--goal",
        choices=GOALS,
        default="both",
        metavar="NAME",
        help="latency, throughput, both: what wins (default: both)",
    )
    parser.add_argument(
        "--precision",
        type=_precisions,
        default=("float32",),
        metavar="NAMES",
        help="of a run, what its file is made in: float32, fp16, bf16, int8, int8_dynamic, or all "
        "(default: float32)",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write a page (.html) or a .svg")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--no-metric", action="store_true", help="measure speed alone")
    parser.add_argument("--dry-run", action="store_true", help="keep no settings in the bundle")
    add_common(parser, formats=("text", "json"), lints=False)


def _numbers(text: str) -> tuple[int, ...]:
    """Whole numbers above 0 between commas, for argparse."""
    found = tuple(dict.fromkeys(positive(word.strip()) for word in text.split(",")))
    if max(found) > _MOST_SIZE:
        raise argparse.ArgumentTypeError(f"`{text}`: at most {_MOST_SIZE:,}")
    return found


def _precisions(text: str) -> tuple[str, ...]:
    """Names of precisions between commas, float32 first: the others are compared with it."""
    found = [SYNONYMS.get(word.strip(), word.strip()) for word in text.split(",")]
    wrong = next((word for word in found if word not in (*PRECISIONS, "all")), None)
    if wrong is not None:
        raise argparse.ArgumentTypeError(f"`{wrong}` is none of {', '.join(PRECISIONS)}, all")
    return PRECISIONS if "all" in found else tuple(dict.fromkeys(("float32", *found)))


def run(arguments: argparse.Namespace) -> int:
    out = Path(arguments.output) if arguments.output is not None else None
    if out is not None and out.suffix.lower() not in (".html", ".svg"):
        raise failure(
            "E0611",
            f"`{shown(out)}`: no chart is written as `{out.suffix or out.name}`",
            help="name the file `*.html` or `*.svg`",
            exit_code=USAGE,
        )
    if out is not None and find_spec("matplotlib") is None:
        raise failure(
            "E0603", "charts need matplotlib", help="pip install 'dlc[report]'", exit_code=USAGE
        )
    tell = _telling(arguments)
    target = Path(arguments.target)
    with ExitStack() as stack:
        tell("opening")
        taking = Field()
        network, files = _opened(arguments, stack, taking, tell)
        predictor = Predictor(path=files[0][1], provider="cpu")
        feeds, asked = _feeds(arguments, predictor)
        threads = _threads(arguments)
        if network is not None:
            tell("compiling" if not arguments.no_compile else "PyTorch")
            add_torch(taking, network, feeds, threads, compiled=not arguments.no_compile)
        add_files(taking, files, feeds, threads, _providers())
        sizes = _sizes(arguments, files[0][1], predictor)
        found = taking.contenders
        near = parities(found, sizes[-1] if len(sizes) == 1 else 256)
        measured = measure([one.run for one in found], sizes, arguments.seconds, tell)
        metrics = {} if arguments.no_metric else dict(_metrics(arguments, files, taking, tell))
    judged = Judged(
        contenders=found,
        absent=taking.absent,
        rows=rows_of(found, measured),
        parities=near,
        quiet_share=measured.quiet_share,
        left_out=measured.left_out,
        verdict=verdict(found, measured, near, arguments.goal),
        metrics=metrics,
    )
    tell("")
    stored = _store(target, judged, arguments)
    chosen = _chosen(judged, target, stored)
    written = []
    if out is not None:
        title = f"{shown(target)}: how fast it answers"
        page = out.suffix.lower() == ".html"
        text = write_page(judged, title, chosen) if page else write_picture(judged, title)
        replace_file(out, text.encode())
        written.append(f"wrote {shown(out)}")
    told = {
        "target": arguments.target,
        "asked": asked,
        **record(judged),
        "chosen": chosen,
        "stored": stored,
        "output": arguments.output,
    }
    lines = [table(judged), "", f"asked: {asked}", *notes(judged), chosen, *written]
    return report((), arguments, "bench", told, answer="\n".join(lines))


def _telling(arguments: argparse.Namespace) -> Callable[[str], None]:
    """Says what is being done, in a terminal."""
    if arguments.format != "text" or not sys.stderr.isatty():
        return lambda text: None

    def tell(text: str) -> None:
        sys.stderr.write(f"\r{text}\x1b[K")
        sys.stderr.flush()

    return tell


# ── who takes part ───────────────────────────────────────────────────────────


def _opened(
    arguments: argparse.Namespace, stack: ExitStack, taking: Field, tell: Callable[[str], None]
) -> tuple[Network | None, list[tuple[str, Path]]]:
    """The network where the target is a run and torch is here, and the model files. A run is
    exported for the time of the command, so that its file is what its weights are now."""
    target = Path(arguments.target)
    others = [find_model(Path(other)) for other in arguments.others]
    for path in others:
        # A name that is wrong is told now, not after the others have run.
        load_proto(path)
    if target.is_dir() and not is_bundle(target) and find_spec("torch") is not None:
        from dlc.runtime.export.sources import of_run

        network = of_run(target)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dlc-bench-")))
        made = dict(_exported(network, folder, arguments.precision, taking, tell))
        named = _names(others, arguments.others, taken=made)
        return network, [*made.items(), *zip(named, others, strict=True)]
    if len(arguments.precision) > 1:
        raise failure(
            "E0311",
            "`--precision` makes files of a run, which needs its folder and PyTorch",
            help="name files that are there: `dlc bench model.onnx small.onnx`",
            exit_code=USAGE,
        )
    paths = [find_model(target), *others]
    load_proto(paths[0])
    names = _names(paths, [arguments.target, *arguments.others])
    return None, list(zip(names, paths, strict=True))


def _exported(
    network: Network,
    folder: Path,
    precisions: Sequence[str],
    taking: Field,
    tell: Callable[[str], None],
) -> Iterator[tuple[str, Path]]:
    """The file of a run in each precision: those that the metric accepts."""
    from dlc.runtime.export.exporter import export_network

    for precision in precisions:
        name = "model.onnx" if precision == "float32" else precision
        tell(f"exporting {precision}")
        out = folder / f"{precision}.onnx"
        try:
            yield name, export_network(network, out, precision=precision).path
        except DiagnosticError as error:
            if precision == "float32":
                raise
            taking.absent.append((name, error.diagnostics[0].message))


def _names(paths: Sequence[Path], given: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """The names of files, as they were given where some are called alike."""
    names = [path.name for path in paths]
    alike = {name for name in names if names.count(name) > 1 or name in taken}
    return [shown(g) if name in alike else name for name, g in zip(names, given, strict=True)]


def _providers() -> list[str]:
    """Those that work here, the CPU first."""
    others = [name for name in ("openvino", "cuda") if not registry.why_not(name)]
    return ["cpu", *others]


def _threads(arguments: argparse.Namespace) -> tuple[int, ...]:
    most = processors()
    if arguments.threads is None:
        return tuple(dict.fromkeys((most, 1)))
    if max(arguments.threads) > most:
        raise failure(
            "E0944",
            f"`--threads {max(arguments.threads)}` is more than this process may use: {most}",
            help=f"take at most {most}",
            exit_code=USAGE,
        )
    return tuple(arguments.threads)


def _sizes(arguments: argparse.Namespace, path: Path, predictor: Predictor) -> list[int]:
    fixed = fixed_size(path, predictor.session.inputs)
    if fixed is None:
        return sorted(arguments.batch)
    return [fixed]


# ── what they are asked ──────────────────────────────────────────────────────


def _feeds(arguments: argparse.Namespace, predictor: Predictor) -> tuple[Feeds, str]:
    """What the file takes, and in words where that is from."""
    if arguments.data is not None:
        table = open_data(Path(arguments.data))
        return feeds_of_rows(predictor, table), f"rows of {shown(table.path)}"
    if predictor.info.spec and _root(arguments) is not None:
        try:
            subject = _subject(arguments, predictor.path)
            samples, part, places = choose_rows(subject, None, None)
            only = samples.rows[places].tolist()
            rows = feeds_of_rows(predictor, samples.table, only)
            return rows, f"rows of the {part} part of {shown(samples.path)}"
        except Failure:
            # Its data is elsewhere, or it makes samples of rows: drawn numbers are as fast.
            pass
    return drawn_feeds(predictor.session.inputs), "numbers drawn from the types of the inputs"


def _root(arguments: argparse.Namespace) -> Path | None:
    """Where the data of a run is, for a run folder or a file in one."""
    from dlc.runtime.training.run_folder import RUN, open_run

    target = Path(arguments.target)
    folder = target if target.is_dir() else target.resolve().parent
    return open_run(folder).root if (folder / RUN).is_file() else None


def _subject(arguments: argparse.Namespace, path: Path) -> Subject:
    """A model file that is evaluated, wherever it is, on the data of the target's run."""
    subject = model_subject(path, "cpu")
    return replace(subject, root=subject.root or _root(arguments))


def _metrics(
    arguments: argparse.Namespace,
    files: Sequence[tuple[str, Path]],
    taking: Field,
    tell: Callable[[str], None],
) -> Iterator[tuple[str, Mapping[str, float]]]:
    """The figures of each file, on the test part or on the rows that were given."""
    data = Path(arguments.data) if arguments.data is not None else None
    if data is None and _root(arguments) is None:
        return
    running = {one.name for one in taking.contenders}
    for name, path in files:
        if name not in running:
            continue
        tell(f"measuring the metric of {name}")
        try:
            found = evaluate(_subject(arguments, path), data=data)
        except Failure as error:
            taking.absent.append((f"the metric of {name}", error.diagnostic.message))
            continue
        yield name, {key: value for key, value in found.metrics.items() if not is_of_class(key)}


# ── what comes of it ─────────────────────────────────────────────────────────


def _settings(judged: Judged) -> SessionSettings:
    """What is kept of the winner's settings. The CPU is named only where a device lost against
    it, so that the device of another machine is still found."""
    assert judged.verdict is not None
    settings = judged.contenders[judged.verdict.contender].settings
    assert settings is not None
    devices = any(
        one.settings is not None and one.settings.provider == "cuda" for one in judged.contenders
    )
    if settings.provider == "cpu" and not devices:
        return replace(settings, provider="auto")
    return settings


def _store(target: Path, judged: Judged, arguments: argparse.Namespace) -> bool:
    """Keeps the settings of the winner in a bundle; says whether they are kept."""
    if judged.verdict is None or not is_bundle(target) or arguments.dry_run:
        return False
    settings = _settings(judged)
    if read_settings(target) != settings:
        from dlc.runtime.bundle.writing import store_settings

        store_settings(target, settings)
    return True


def _chosen(judged: Judged, target: Path, stored: bool) -> str:
    found = judged.verdict
    if found is None:
        return "nothing to choose: no model file took part"
    one = judged.contenders[found.contender]
    text = f"chosen for {one.name}: {settings_text(_settings(judged))} ({found.why})"
    if stored:
        return f"{text}; kept in `{shown(target / SESSION)}`"
    if not is_bundle(target):
        return f"{text}; a bundle keeps it: `dlc export RUN --bundle DIR`"
    return text
