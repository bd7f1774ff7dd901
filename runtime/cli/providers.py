"""`--provider` and `--strict`: what the commands that run a model file share."""

from __future__ import annotations

import argparse

from dlc.runtime.bundle.settings import PROVIDERS


def add_provider(parser: argparse.ArgumentParser) -> None:
    """What runs the model, and whether a part of it may run elsewhere."""
    parser.add_argument(
        "--provider",
        choices=PROVIDERS,
        default="auto",
        metavar="NAME",
        help=f"{', '.join(PROVIDERS)} (default: auto: what the bundle says, else CUDA where it "
        "works)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse where a part of the model would run on another provider",
    )
