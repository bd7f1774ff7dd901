"""Autoencoding."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

from dlc.compiler.components.arguments import InputName, TargetName
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.objectives.base import Frame, Objective, same_shape
from dlc.compiler.record import component


@component
class Autoencoding(Objective):
    """Makes an input its own target.

        data: {objective: "autoencoding(input=image, target=original)"}

    The target is the input as the network gets it, after all steps of `preprocess` and before
    any augmentation: with `gaussian_noise` the network learns to remove noise.

    Arguments:
        input: the input that is to be restored; where absent, the one of the target's type
        target: the target that gets it; where absent, the only one

    Source: Hinton and Salakhutdinov, "Reducing the dimensionality of data with neural
    networks" (2006); Vincent et al., "Extracting and composing robust features with denoising
    autoencoders" (2008).
    """

    name: ClassVar[str] = "autoencoding"

    input: InputName | None = None
    target: TargetName | None = None

    @property
    def fills(self) -> tuple[str, ...]:
        return (self.target,) if self.target else ()

    def resolved(self, frame: Frame) -> Self:
        target = self.only_target(self.target, frame, "target")
        wanted = frame.targets[target]
        named = self.input is not None
        input = self.only_input(
            self.input,
            frame,
            "input",
            f"an input of the target's type, {wanted}",
            lambda name, type: named or same_shape(type.shape, wanted.shape),
        )
        if frame.token_step(input) is not None:
            raise ComponentError(
                "E0311",
                f"`autoencoding` restores tensors, and `{input}` holds pieces of texts",
                help="a text is learned by `masked_language_model` or `next_token`",
            )
        self.require(target, wanted, frame.inputs[input], "target" if self.target else None)
        return replace(self, input=input, target=target)

    def restores(self, frame: Frame) -> tuple[str, ...]:
        return (self.input,) if self.input else ()
