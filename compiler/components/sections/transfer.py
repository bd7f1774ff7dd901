"""Starting from trained weights."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any, ClassVar

from dlc.compiler.components.arguments import Natural, Path, PositiveFloat, Refers
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component

_STEPS = ("from", "concat", "transpose")


@component
class Transfer(Section):
    """Starts from trained weights, and says which of them stay as they are.

        transfer:
          weights: weights/minilm.safetensors
          rename: {"encoder.layer.*.attention": "layers.*.attn"}
          freeze: [stem, layer1]
          lr_scale: {head: 10}

    Arguments:
        weights: a safetensors file, below the folder of the spec
        rename: from names of the file to names of this network; whole dotted prefixes, `*`
            is one segment, the first match wins; a value may be
            `{from: [q, k, v], concat: 0}` or `{from: x, transpose: true}`
        freeze: layers that are not trained; their batch norms stay as in evaluation
        unfreeze_at: the epoch from which frozen layers are trained too
        lr_scale: for a layer, the factor on its learning rate
    """

    name: ClassVar[str] = "transfer"
    available: ClassVar[bool] = False
    available_note: ClassVar[str] = (
        "trained weights are not loaded yet: without this section training starts from `init`"
    )

    weights: Path
    rename: dict[str, Any] = field(default_factory=dict)
    freeze: tuple[Annotated[str, Refers("layer")], ...] = ()
    unfreeze_at: Natural | None = None
    lr_scale: dict[str, PositiveFloat] = field(default_factory=dict)

    def validate(self) -> None:
        for source, target in self.rename.items():
            if isinstance(target, str):
                continue
            if (
                not isinstance(target, dict)
                or "from" not in target
                or any(key not in _STEPS for key in target)
            ):
                raise ComponentError(
                    "E0301",
                    f"`{source}` is renamed to something that is no name",
                    blame="rename",
                    help="give a name, `{from: [a, b], concat: 0}` or `{from: a, transpose: true}`",
                )
