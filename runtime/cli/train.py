"""`dlc train`: a spec trained into a run folder, or a run gone on with."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from dlc.compiler.cli.compiling import compile_spec
from dlc.compiler.cli.output import (
    FINDINGS,
    CommandError,
    add_common,
    read_source,
    report,
    with_levels,
)
from dlc.compiler.diagnostics.model import Severity
from dlc.runtime.cli import ranks
from dlc.runtime.failures import failure, shown

if TYPE_CHECKING:
    from dlc.compiler import Compilation
    from dlc.compiler.diagnostics.model import Diagnostic
    from dlc.runtime.training.plan import Plan
    from dlc.runtime.training.progress import Progress
    from dlc.runtime.training.run_folder import RunFolder
    from dlc.runtime.training.session import Outcome
    from dlc.runtime.training.world import World

# OpenMP's threads wait for the next operation by spinning, by default for milliseconds: on a
# busy machine, or in a container with a CPU quota, they burn the time that the work needs.
# Measured on two cores with a step of LeNet: with this many spins five to ten times as fast
# where others use the cores too, and as fast where they do not.
_SPINS = "1000"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc train specs/lenet5.yaml
         dlc train specs/lenet5.yaml --run runs/wide --set optimizer.lr=3e-3
         dlc train --resume runs/lenet5
         dlc train --resume runs/lenet5 --epochs 40
         dlc train specs/lenet5.yaml --nproc 2

Keeps in the run folder all that resuming needs. SIGINT (Ctrl-C), SIGTERM and
SIGUSR1 finish the step, save, and exit; a second Ctrl-C stops at once. Under
`torchrun` the processes train together, with the batches of a single one."""
    parser.add_argument("spec", nargs="?", metavar="SPEC", help="a .yaml or .dlc file")
    parser.add_argument("--run", metavar="DIR", help="a new folder (default: runs/<name of SPEC>)")
    parser.add_argument("--resume", metavar="DIR", help="go on with the run in DIR")
    parser.add_argument(
        "--epochs",
        type=_epochs,
        metavar="N",
        help="train so many epochs in all; with --resume, a run that has ended goes on",
    )
    parser.add_argument(
        "--from",
        dest="weights",
        metavar="DIR",
        help="begin with the weights of another run, or of a safetensors file",
    )
    parser.add_argument("--folds", action="store_true", help="train every fold of data.split.folds")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="sets",
        metavar="PATH=VALUE",
        help="change a parameter or setting: p=0.2, optimizer.lr=1e-3",
    )
    parser.add_argument(
        "--device",
        metavar="NAME",
        help="cpu, cuda, cuda:1, mps, auto (default: auto, or the run's)",
    )
    parser.add_argument(
        "--root", metavar="DIR", help="the folder that paths stay in (default: the spec's)"
    )
    parser.add_argument(
        "--log",
        action="append",
        default=[],
        metavar="NAME",
        choices=("tensorboard", "mlflow", "wandb"),
        help="log to tensorboard, mlflow or wandb; may be repeated",
    )
    ranks.add_options(parser)
    add_common(parser, formats=("text", "json"))


def _epochs(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 10**9:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of epochs")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    ranks.check_options(arguments)
    if ranks.is_rank():
        from dlc.runtime.distributed.worker import run_rank

        _prepare_threads()
        return run_rank(
            lambda world: _run(arguments, world),
            device=arguments.device or "auto",
            timeout=arguments.timeout,
        )
    if arguments.nproc > 1 or arguments.print_slurm or arguments.executor == "ray":
        if arguments.resume is not None:
            _refuse(arguments)
        else:
            _compiled(arguments)
        return ranks.print_slurm(arguments) if arguments.print_slurm else ranks.launch(arguments)
    return _run(arguments, None)


def _run(arguments: argparse.Namespace, world: World | None) -> int:
    """Trains as one process, or as a rank of `world`."""
    if arguments.resume is not None:
        _refuse(arguments)
        return _answer(_resume(arguments, world), arguments, (), world)
    compilation = _compiled(arguments)
    _prepare_threads()
    from dlc.runtime.training.run_folder import RUN

    folder = ranks.run_of(arguments)
    if world is not None and world.told(ranks.attempt() > 0 and (folder / RUN).exists()):
        return _answer(_resume(arguments, world, folder), arguments, (), world)
    from dlc.runtime.training.following import following

    quiet = world is not None and not world.leads
    with following(arguments.log, quiet=quiet) as progress:
        return _start(compilation, arguments, progress, folder, world)


def _compiled(arguments: argparse.Namespace) -> Compilation:
    if arguments.spec is None:
        raise failure(
            "E0303",
            "`dlc train` needs a spec",
            help="`dlc train SPEC`, or `dlc train --resume DIR` to go on with a run",
            exit_code=2,
        )
    if arguments.epochs is not None:
        arguments.sets = [*arguments.sets, "train.steps=null", f"train.epochs={arguments.epochs}"]
    return compile_spec(arguments)


def _start(
    compilation: Compilation,
    arguments: argparse.Namespace,
    progress: Progress,
    folder: Path,
    world: World | None,
) -> int:
    from dlc.compiler.codegen.torch_module import generate
    from dlc.runtime.training.plan import plan_of

    ensemble = compilation.settings.ensemble
    if ensemble is not None and world is not None:
        raise ranks.one_by_one("ensemble")
    if ensemble is not None and arguments.folds:
        raise failure(
            "E0311",
            "`--folds` and `ensemble` exclude each other: both say what the members are",
            help="leave `--folds` out and write `ensemble: {vary: fold}`, or `--set ensemble=null`",
            exit_code=2,
        )
    plan = plan_of(compilation, generate(compilation))
    with ExitStack() as stack:
        if arguments.weights is not None:
            scratch = stack.enter_context(TemporaryDirectory(prefix="dlc-"))
            plan = _from(plan, compilation, arguments, Path(scratch))
        return _train(plan, compilation, arguments, progress, folder, world)


def _from(
    plan: Plan, compilation: Compilation, arguments: argparse.Namespace, scratch: Path
) -> Plan:
    """The plan of a run that begins with the weights of another."""
    from dlc.runtime.transfer.given import given_weights

    if arguments.folds or compilation.settings.ensemble is not None:
        raise failure(
            "E0311",
            "`--from` begins one run, and several are asked for",
            help="put the weights into a file and name it in the spec: `transfer.weights`",
            exit_code=2,
        )
    return replace(plan, pretrained=given_weights(compilation, Path(arguments.weights), scratch))


def _train(
    plan: Plan,
    compilation: Compilation,
    arguments: argparse.Namespace,
    progress: Progress,
    folder: Path,
    world: World | None,
) -> int:
    from dlc.runtime.loading import load_module
    from dlc.runtime.training.ensemble import start_ensemble
    from dlc.runtime.training.folds import start_folds
    from dlc.runtime.training.session import start
    from dlc.runtime.training.world import ALONE

    ensemble = compilation.settings.ensemble
    device = arguments.device or "auto"
    warnings = (
        *compilation.warnings,
        *_transfer_warnings(plan, arguments),
        *(world or ALONE).warnings(plan, device),
    )
    if compilation.settings.search is not None:
        progress.say("note: `search` is left out; this trains the settings of the spec")
    split = plan.data.split
    every_fold = arguments.folds or (ensemble is not None and ensemble.vary == "fold")
    if split is not None and split.folds is not None and not every_fold:
        progress.say(f"note: this trains fold {split.fold} alone; `--folds` trains them all")
    spec = Path(arguments.spec)
    given = (spec.name, read_source(spec).text)
    if ensemble is not None:
        outcome = start_ensemble(
            compilation,
            folder,
            spec=given,
            load=load_module,
            progress=progress,
            device=device,
            sets=arguments.sets,
        )
        return _answer(outcome, arguments, warnings, world)
    if arguments.folds:
        outcome = start_folds(
            plan,
            folder,
            fold_plan=_fold_plan,
            spec=given,
            load=load_module,
            progress=progress,
            device=device,
            sets=arguments.sets,
        )
    else:
        outcome = start(
            plan,
            folder,
            spec=given,
            load=load_module,
            progress=progress,
            device=device,
            sets=arguments.sets,
            world=world or ALONE,
        )
    return _answer(outcome, arguments, warnings, world)


def _transfer_warnings(plan: Plan, arguments: argparse.Namespace) -> tuple[Diagnostic, ...]:
    """What the weights to start from leave open, before anything is written. Raises
    CommandError where `--deny` makes an error of it."""
    if plan.pretrained is None:
        return ()
    found = plan.pretrained.examine().diagnostics
    denied = [d for d in with_levels(found, arguments.levels) if d.severity is Severity.ERROR]
    if denied:
        raise CommandError(*denied, status=FINDINGS)
    return found


def _resume(
    arguments: argparse.Namespace, world: World | None, folder: Path | None = None
) -> Outcome:
    """Goes on with the run of `--resume`, or with the one in `folder`, which lost a rank."""
    _prepare_threads()
    from dlc.compiler.codegen.torch_module import generate
    from dlc.runtime.loading import load_module
    from dlc.runtime.training.ensemble import is_ensemble, resume_ensemble
    from dlc.runtime.training.folds import is_of_folds, resume_folds
    from dlc.runtime.training.following import following
    from dlc.runtime.training.plan import compile_resolved, plan_of
    from dlc.runtime.training.session import resume
    from dlc.runtime.training.world import ALONE

    def plan_from(folder: RunFolder, sets: Sequence[str] = ()) -> Plan:
        compilation = compile_resolved(folder, sets)
        return plan_of(compilation, generate(compilation))

    world = world or ALONE
    # A run that was just begun lasts as long as its spec says.
    epochs = arguments.epochs if folder is None else None
    folder = folder or Path(arguments.resume)
    several = world.told(is_ensemble(folder) or is_of_folds(folder))
    if several and world.size > 1:
        raise ranks.one_by_one(shown(folder))
    if several and arguments.epochs is not None:
        raise failure(
            "E0311",
            f"`--epochs` goes on with one run, and `{shown(folder)}` holds several",
            help=f"name one of them: `{shown(folder)}/members/0`",
            exit_code=2,
        )
    with following(arguments.log, folder, quiet=not world.leads) as progress:
        if is_ensemble(folder):
            return resume_ensemble(
                folder, load=load_module, progress=progress, device=arguments.device
            )
        if several:
            return resume_folds(
                folder,
                fold_plan=_fold_plan,
                load=load_module,
                progress=progress,
                device=arguments.device,
            )
        return resume(
            folder,
            plan_from,
            load=load_module,
            progress=progress,
            device=arguments.device,
            epochs=epochs,
            world=world,
        )


def _fold_plan(folder: RunFolder, fold: int) -> Plan:
    """The plan of one fold, from the resolved spec of all."""
    from dlc.compiler.codegen.torch_module import generate
    from dlc.runtime.training.folds import fold_setting
    from dlc.runtime.training.plan import compile_resolved, plan_of

    compilation = compile_resolved(folder, (fold_setting(fold),))
    return plan_of(compilation, generate(compilation))


def _refuse(arguments: argparse.Namespace) -> None:
    """A run goes on as it began: what would change it is refused."""
    for option, given in (
        ("SPEC", arguments.spec),
        ("--run", arguments.run),
        ("--set", arguments.sets),
        ("--root", arguments.root),
        ("--folds", arguments.folds),
        ("--from", arguments.weights),
    ):
        if given:
            raise failure(
                "E0311",
                f"`--resume` and `{option}` exclude each other",
                help="a run goes on with its own spec; to change it, train into a new folder",
                exit_code=2,
            )


def _prepare_threads() -> None:
    """Before torch is imported: its OpenMP reads the environment once."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


def _answer(
    outcome: Outcome, arguments: argparse.Namespace, warnings: Any, world: World | None
) -> int:
    if world is not None and not world.leads:
        return outcome.exit_code
    record = {"run": str(outcome.folder), "signal": outcome.signal or None, **outcome.summary}
    status = report(warnings, arguments, "train", record, answer=_text(outcome))
    return outcome.exit_code or status


def _text(outcome: Outcome) -> str:
    summary, folder = outcome.summary, shown(outcome.folder)
    if "folds" in summary:
        return _text_of_folds(outcome)
    if "ensemble" in summary:
        return _text_of_ensemble(outcome)
    lines = [f"{folder}: {summary['name']}, {summary['steps']:,} steps"]
    best: Mapping[str, Any] = summary.get("best") or {}
    if best.get("value") is not None:
        lines.append(f"  best {best['monitor']}  {best['value']:.6g}, at step {best['step']:,}")
    lines += [f"  {name}  {value:.6g}" for name, value in _figures(summary)]
    if outcome.signal:
        lines.append(f"stopped by {outcome.signal}; go on with `dlc train --resume {folder}`")
    else:
        lines.append(f"next: `dlc evaluate {folder}`, `dlc export {folder}`")
    return "\n".join(lines)


def _text_of_folds(outcome: Outcome) -> str:
    from dlc.runtime.training.folds import table

    folder = shown(outcome.folder)
    if outcome.signal:
        last = f"stopped by {outcome.signal}; go on with `dlc train --resume {folder}`"
    else:
        last = f"next: `dlc evaluate {folder}/members/0`, and so for each fold"
    return f"{table(outcome.folder, outcome.summary)}\n{last}"


def _text_of_ensemble(outcome: Outcome) -> str:
    from dlc.runtime.training.ensemble import table

    folder = shown(outcome.folder)
    if outcome.signal:
        last = f"stopped by {outcome.signal}; go on with `dlc train --resume {folder}`"
    else:
        last = f"next: `dlc evaluate {folder}`, `dlc export {folder}`"
    return f"{table(outcome.folder, outcome.summary)}\n{last}"


def _figures(summary: Mapping[str, Any]) -> list[tuple[str, float]]:
    from dlc.runtime.inference.figures import is_of_class

    found = [*summary.get("metrics", {}).items()]
    found += [(f"test_{name}", value) for name, value in summary.get("test", {}).items()]
    return [(n, value) for n, value in found if value is not None and not is_of_class(n)]
