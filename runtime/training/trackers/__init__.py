"""Where runs are followed beside the terminal: one service a file, found by its name.

A tracker is a `Progress`: it sees what a person sees, and has no part in the training. What
it needs to find its run again, when that is gone on with, lies in the run folder.
"""

from __future__ import annotations

from importlib import import_module

from dlc.runtime.training.trackers.base import Tracker

#: The names that `dlc train --log` takes.
NAMES = ("tensorboard", "mlflow", "wandb")


def load(name: str) -> Tracker:
    """The tracker of this name, one of `NAMES`. Raises ModuleNotFoundError where its library
    is not installed."""
    module = import_module(f"{__name__}.{name}")
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, Tracker)
            and value.__module__ == module.__name__
        ):
            return value()
    raise AssertionError(f"{module.__name__} holds no tracker")
