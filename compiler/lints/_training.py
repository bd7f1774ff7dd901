"""How long a run is and what it measures, for the lints about training."""

from __future__ import annotations

from dlc.compiler.components.sections.data import Data
from dlc.compiler.components.settings import Settings


def epochs_of(settings: Settings) -> int | None:
    """The epochs of a run; None where it is counted in steps."""
    return settings.train.counted_epochs if settings.train.steps is None else None


def steps_of(settings: Settings) -> int | None:
    """The steps of a run, where they do not depend on the number of rows."""
    train, data = settings.train, settings.data
    if train.steps is not None:
        return train.steps
    if data is not None and data.batch_size == "all":
        return train.counted_epochs
    return None


def validations_of(settings: Settings) -> int | None:
    """The validations of a run, that of its end with them; None where the data decides."""
    from dlc.compiler.components.intervals.epochs import Epochs

    lasts, every = settings.train.duration, settings.train.validate_every
    if isinstance(lasts, Epochs) is not isinstance(every, Epochs):
        return None
    return -(-lasts.n // every.n)


def validates(data: Data) -> bool:
    """Whether there is a part to validate on."""
    from dlc.compiler.components.sections.files import Files

    split, source = data.split, data.source
    if isinstance(source, Files) and source.validation is not None:
        return True
    if split is None or split.folds is not None:
        return True
    if isinstance(source, Files):
        # A part of `train` is taken, a tenth where `split` names no share.
        left = 1.0 - (split.train or 0.0)
        return (left if split.validation is None else split.validation) > 1e-9
    return split.shares[1] > 1e-9
