"""The options of `dlc train` for several processes, and how those are started."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from dlc.runtime.failures import Failure, failure

_TIMEOUT = 600.0
_RESTARTS = 3
_USUAL = {"timeout": _TIMEOUT, "format": "text", "color": "auto"}
_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("several processes")
    group.add_argument(
        "--nproc", type=int, default=1, metavar="N", help="train with N processes on this machine"
    )
    group.add_argument(
        "--nodes", type=int, default=1, metavar="N", help="for --print-slurm: how many machines"
    )
    group.add_argument(
        "--print-slurm",
        action="store_true",
        help="print a script that trains on a SLURM cluster, N processes a machine",
    )
    group.add_argument(
        "--executor",
        choices=("local", "ray"),
        default="local",
        metavar="NAME",
        help="what starts processes: local, or ray on a cluster (default: local)",
    )
    group.add_argument(
        "--timeout",
        type=float,
        default=_TIMEOUT,
        metavar="SECONDS",
        help=f"how long processes wait for one that does not answer (default: {_TIMEOUT:.0f})",
    )
    group.add_argument(
        "--restarts",
        type=int,
        default=_RESTARTS,
        metavar="N",
        help=f"how often a lost process is started again (default: {_RESTARTS})",
    )


def is_rank() -> bool:
    """Whether this process was started as one of several, by `torchrun` or by us."""
    return all(os.environ.get(name) for name in _NEEDED) and os.environ["WORLD_SIZE"] != "1"


def attempt() -> int:
    """How many times the ranks were started before."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def check_options(arguments: argparse.Namespace) -> None:
    """Raises `Failure` for options that say nothing that can be done."""
    for option, value, least in (
        ("--nproc", arguments.nproc, 1),
        ("--nodes", arguments.nodes, 1),
        ("--timeout", arguments.timeout, 1),
        ("--restarts", arguments.restarts, 0),
    ):
        if value < least:
            raise failure(
                "E0302", f"`{option}` is {value:g}, and must be {least} at least", exit_code=2
            )
    if arguments.nodes > 1 and not arguments.print_slurm:
        raise failure(
            "E0311",
            "`--nodes` is for `--print-slurm`: a command starts processes on its own machine only",
            help="on each machine run `torchrun --nnodes N ... --module -- dlc.compiler.cli.main "
            "train ...`",
            exit_code=2,
        )
    if arguments.folds and (arguments.nproc > 1 or is_rank()):
        raise failure(
            "E0311",
            "`--folds` and several processes exclude each other",
            help="train the folds one by one: `--nproc N --set data.split.fold=0`",
            exit_code=2,
        )


def one_by_one(what: str) -> Failure:
    """What is said where there are several runs and several processes."""
    return failure(
        "E0311",
        f"`{what}` is of several runs, which one process trains one after another",
        help="leave `--nproc` out, or train the members one by one with it",
        exit_code=2,
    )


def launch(arguments: argparse.Namespace) -> int:
    """Runs the same command as `--nproc` ranks; gives the exit status."""
    if arguments.executor == "ray":
        from dlc.runtime.device import choose_device
        from dlc.runtime.distributed import ray_executor

        # The machine that asks may have another device than those that work.
        return ray_executor.launch(
            words_of(arguments),
            ranks=arguments.nproc,
            restarts=arguments.restarts,
            gpus=arguments.device not in (None, "auto", "cpu")
            or choose_device(arguments.device or "auto").type == "cuda",
        )
    from dlc.runtime.distributed.launch import launch

    return launch(
        words_of(arguments),
        ranks=arguments.nproc,
        timeout=arguments.timeout,
        restarts=arguments.restarts,
    )


def print_slurm(arguments: argparse.Namespace) -> int:
    """Prints the script for a cluster."""
    from dlc.runtime.distributed.slurm import script

    # The script names the run, so that a job that is queued again finds it.
    run = Path(arguments.resume) if arguments.resume else run_of(arguments)
    again = argparse.Namespace(
        **{**vars(arguments), "spec": None, "run": None, "resume": str(run)},
    )
    again.sets, again.root, again.epochs, again.weights = [], None, None, None
    new = argparse.Namespace(**{**vars(arguments), "run": str(run)})
    text = script(
        words_of(again if arguments.resume else new)[1:],
        words_of(again)[1:],
        run=run,
        nodes=arguments.nodes,
        ranks=arguments.nproc,
        gpus=arguments.device != "cpu",
        timeout=arguments.timeout,
        restarts=arguments.restarts,
    )
    print(text, end="")
    return 0


def words_of(arguments: argparse.Namespace) -> list[str]:
    """The command line of one rank."""
    words = ["train"]
    if arguments.spec is not None:
        words.append(arguments.spec)
    for option in ("run", "resume", "device", "root", "timeout", "epochs", "format", "color"):
        value = getattr(arguments, option)
        if value is not None and value != _USUAL.get(option):
            words += [f"--{option}", f"{value:g}" if isinstance(value, float) else str(value)]
    if arguments.weights is not None:
        words += ["--from", arguments.weights]
    for value in arguments.sets:
        words += ["--set", value]
    for name in arguments.log:
        words += ["--log", name]
    for level, lint in arguments.levels:
        words += [f"--{level}", "warnings" if lint == "*" else lint]
    return words


def run_of(arguments: argparse.Namespace) -> Path:
    """The folder of a new run."""
    return Path(arguments.run) if arguments.run else Path("runs") / Path(arguments.spec).stem
