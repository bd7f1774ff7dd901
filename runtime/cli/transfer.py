"""`dlc transfer`: what a weights file fills of a network, before anything is trained."""

from __future__ import annotations

import argparse
from pathlib import Path

from dlc.compiler import Compilation
from dlc.compiler.cli.compiling import add_spec, compile_spec
from dlc.compiler.cli.output import add_common, report
from dlc.compiler.transfer.rules import rules_from
from dlc.runtime.failures import failure, shown
from dlc.runtime.transfer.pretrained import Pretrained, pretrained_of
from dlc.runtime.transfer.report import listing, record, summary


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc transfer specs/resnet18.yaml resnet18.safetensors \\
           --rename torchvision/resnet18

Shows which tensors of a weights file fill which parameters, what is left on either
side, and what does not fit. Only its header is read; PyTorch is not needed."""
    add_spec(parser)
    parser.add_argument(
        "weights",
        nargs="?",
        metavar="FILE",
        help="safetensors (default: `transfer.weights`)",
    )
    parser.add_argument(
        "--rename",
        action="append",
        metavar="MAP",
        help="a map, or `{theirs: ours}`, in place of the spec's",
    )
    parser.add_argument("--list", action="store_true", help="every tensor on both sides")
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    compilation = compile_spec(arguments)
    pretrained = _pretrained(compilation, arguments)
    with pretrained.open() as file:
        examined = pretrained.plan(file)
        size = file.size
    plan = examined.plan
    answer = summary(plan, pretrained.path, size)
    if arguments.list:
        answer += "\n\n" + listing(plan)
    return report(
        (*compilation.warnings, *examined.diagnostics),
        arguments,
        "transfer",
        {"weights": str(pretrained.path), "bytes": size, **record(plan)},
        answer=answer,
    )


def _pretrained(compilation: Compilation, arguments: argparse.Namespace) -> Pretrained:
    rules = rules_from(arguments.rename) if arguments.rename else None
    if arguments.weights is not None:
        return Pretrained(
            compilation=compilation,
            path=Path(arguments.weights),
            named_in_spec=False,
            rules=rules,
        )
    found = pretrained_of(compilation, rules)
    if found is None:
        raise failure(
            "E0309",
            f"`{shown(arguments.spec)}` has no `transfer.weights`, and no file is given",
            help=f"give it: `dlc transfer {shown(arguments.spec)} FILE`",
            exit_code=2,
        )
    return found
