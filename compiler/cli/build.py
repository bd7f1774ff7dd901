"""`dlc build`: plain PyTorch from a spec, compared with the graph before it is written."""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from dlc.compiler.cli.compiling import add_spec, compile_spec
from dlc.compiler.cli.files import sha256, write_files
from dlc.compiler.cli.output import FINDINGS, CommandError, add_common, report
from dlc.compiler.codegen.torch_module import generate
from dlc.compiler.compilation import Compilation
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic
from dlc.compiler.ir.text import print_program
from dlc.compiler.version import VERSION


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Example: dlc build specs/lenet5.yaml -o build/lenet5\n\n"
        "Writes model.py (plain PyTorch, nothing of dlc in it), resolved.yaml (every default\n"
        "written out), graph.txt (the typed graph) and build.json (what was made from what).\n"
        "The module is compared with the graph first: its syntax always, its layers and\n"
        "parameters where PyTorch is installed."
    )
    add_spec(parser)
    parser.add_argument(
        "-o", "--output", metavar="DIR", help="where to write (default: build/<name of the spec>)"
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    compilation = compile_spec(arguments)
    source = generate(compilation)
    proof = _prove(source, compilation)
    folder = Path(arguments.output or Path("build") / Path(arguments.spec).stem)
    files = {
        "model.py": source,
        "resolved.yaml": compilation.canonical,
        "graph.txt": print_program(compilation.program),
    }
    manifest = {
        "dlc": VERSION,
        "model": compilation.program.name,
        "parameters": compilation.program.parameter_count,
        "digest": compilation.digest,
        "graph_digest": compilation.graph_digest,
        "sources": {_relative(name, compilation.root): d for name, d in compilation.files.items()},
        "files": {name: sha256(text) for name, text in files.items()},
        "proof": proof,
    }
    write_files(folder, files | {"build.json": json.dumps(manifest, indent=2) + "\n"})
    answer = (
        f"{folder / 'model.py'}: {compilation.program.name}, "
        f"{compilation.program.parameter_count:,} parameters\n"
        f"{_PROOFS[proof]}"
    )
    extra = {"folder": str(folder), **manifest}
    return report(compilation.warnings, arguments, "build", extra, answer=answer)


def _relative(name: str, root: Path | None) -> str:
    """A file as the spec's folder sees it, so that the manifest is equal on every machine."""
    path = Path(name).resolve()
    if root is not None and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return path.name


_PROOFS = {
    "meta": "its layers and parameters are those of the graph",
    "syntax": "its syntax was checked; with PyTorch installed its layers are compared too",
}


def _prove(source: str, compilation: Compilation) -> str:
    """Compares the module with the graph as far as can be; gives how far. Generating has
    checked the syntax. Raises CommandError E0504."""
    if find_spec("torch") is None:
        return "syntax"
    # By name: the compiler does not depend on the runtime, and works without it.
    proof = import_module("dlc.runtime.proof")
    problems: tuple[str, ...] = proof.disagreements(source, compilation.program)
    if problems:
        raise CommandError(
            *(
                Diagnostic(code("E0504"), problem, help="please report this, with the spec")
                for problem in problems
            ),
            status=FINDINGS,
        )
    return "meta"
