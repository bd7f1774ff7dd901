"""What may take part in a run beside the step itself.

Averages of the weights, schedules that follow the validations, layers that are frozen for a
while: each is a hook. The trainer calls the hooks in the order in which they were given, and
keeps what they hold in every checkpoint, so that a run resumed anywhere goes on as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import torch

if TYPE_CHECKING:
    from dlc.runtime.training.trainer import Trainer

OnStep: TypeAlias = Callable[[int], None]


class Hook:
    """Follows a run; every method but those of the state may be left as it is.

    `name` is unique within a run: it is the key of the hook's state in a checkpoint. A method
    that a hook does not override costs nothing in a step.
    """

    name: ClassVar[str]

    def began(self, trainer: Trainer) -> None:
        """Before the first step of a session; the model has its weights, of a checkpoint too,
        and is in training mode."""

    def epoch_began(self, epoch: int) -> None:
        """Before the first step that a session makes in an epoch, in its middle too."""

    def before_step(self, step: int) -> None:
        """Before step number `step`, counted from 0."""

    def after_step(self, step: int) -> None:
        """After the weights changed; `step` steps are done."""

    def evaluating(self) -> AbstractContextManager[object]:
        """Around every measurement of a part of the data: here other weights are put in."""
        return nullcontext()

    def validated(self, figures: Mapping[str, float], step: int) -> None:
        """After a validation; `figures` are named as early stopping names them."""

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """What a checkpoint keeps of tensors, by names of the hook's own."""
        return {}

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps else, as plain JSON."""
        return {}

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """Takes back what `tensors` (as arrays) and `state` gave; before `began`. A ValueError
        where it is of another network."""


class Hooks:
    """The hooks of a run, called together."""

    def __init__(self, hooks: Sequence[Hook] = ()) -> None:
        names = [hook.name for hook in hooks]
        assert len(set(names)) == len(names), names
        self.all = tuple(hooks)
        self.before_step = tuple(_overridden(hooks, "before_step"))
        self.after_step = tuple(_overridden(hooks, "after_step"))

    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors, by `<hook>/<name>`."""
        return {
            f"{hook.name}/{name}": tensor
            for hook in self.all
            for name, tensor in hook.tensors().items()
        }

    def state(self) -> dict[str, Any]:
        return {hook.name: state for hook in self.all if (state := hook.state())}

    def restore(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        for hook in self.all:
            prefix = f"{hook.name}/"
            own = {
                name.removeprefix(prefix): tensor
                for name, tensor in tensors.items()
                if name.startswith(prefix)
            }
            hook.restore(own, state.get(hook.name, {}))


def _overridden(hooks: Iterable[Hook], method: str) -> Iterable[OnStep]:
    base = getattr(Hook, method)
    return (getattr(hook, method) for hook in hooks if getattr(type(hook), method) is not base)
