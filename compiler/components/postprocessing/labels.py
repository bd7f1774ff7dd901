"""Names of classes."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.postprocessing._classes import class_axis, float_scores
from dlc.compiler.components.postprocessing.base import Postprocess
from dlc.compiler.ir.dims import Answer, compare
from dlc.compiler.ir.protocols import OnnxBuilder
from dlc.compiler.ir.types import DType, TensorType
from dlc.compiler.record import component


@component
class Labels(Postprocess):
    """Gives the name of the class with the greatest score.

        postprocess: {logits: [softmax, labels]}

    The output `logits` gets a companion `logits_label` of texts. The names are those that
    the target's column had; where it had numbers, the numbers.

    Arguments:
        names: the names of the classes in the order of their numbers, instead of those of the
            data
        dim: the dim of the classes; -1 is the last
    """

    name: ClassVar[str] = "labels"
    suffix: ClassVar[str] = "label"

    names: tuple[str, ...] = ()
    dim: int = -1

    def validate(self) -> None:
        twice = next((name for name in self.names if self.names.count(name) > 1), None)
        if twice is not None:
            raise ComponentError(
                "E0203",
                f"two classes are called `{twice}`",
                blame="names",
                help="give each class a name of its own",
            )

    def infer(self, x: TensorType) -> TensorType:
        float_scores(self.name, x)
        axis = class_axis(self.name, x, self.dim)
        classes = x.shape[axis]
        if not isinstance(classes, int):
            raise ComponentError(
                "E0403",
                f"`labels` needs a known number of classes, and the output is {x}",
                help="end the network in a layer of a known size, such as `linear(10)`",
            )
        if self.names and compare(len(self.names), classes) is not Answer.EQUAL:
            raise ComponentError(
                "E0402",
                f"`labels` got {len(self.names)} names for {classes} classes",
                blame="names",
                help="give one name for each class",
            )
        return TensorType(DType.STRING, x.shape[:axis] + x.shape[axis + 1 :])

    def onnx(self, b: OnnxBuilder, labels: tuple[str, ...]) -> str:
        axis = class_axis(self.name, b.inputs.x, self.dim)
        classes = b.inputs.x.shape[axis]
        assert isinstance(classes, int)
        table = self.names or labels or tuple(str(number) for number in range(classes))
        best = b.node("ArgMax", b["x"], axis=axis, keepdims=0)
        return b.node("Gather", b.constant(table, DType.STRING), best, axis=0)
