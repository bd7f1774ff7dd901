"""`dlc schema`: the JSON Schema of the YAML surface."""

from __future__ import annotations

import argparse
import json

from dlc.compiler import schema
from dlc.compiler.cli.output import FINDINGS, CommandError, add_common, report
from dlc.compiler.diagnostics.catalog import code
from dlc.compiler.diagnostics.model import Diagnostic


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Example: dlc schema > spec.schema.json
An editor that reads it completes and checks specs; begin them with
         # yaml-language-server: $schema=spec.schema.json
It knows the ops of installed packages too; the shipped file only those of dlc."""
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare the shipped schema with the components",
    )
    add_common(parser, formats=("text", "json"), lints=False)


def run(arguments: argparse.Namespace) -> int:
    if arguments.check:
        text = schema.text()
        if schema.shipped() != text:
            problem = Diagnostic(
                code("E0901"),
                f"the shipped `{schema.FILE}` is not what the components give",
                help="run `python -m dlc.compiler.reference`",
            )
            raise CommandError(problem, status=FINDINGS)
        return report((), arguments, "schema", {"fresh": True}, answer="the schema is fresh")
    text = schema.text(installed=True)
    return report((), arguments, "schema", {"schema": json.loads(text)}, answer=text)
