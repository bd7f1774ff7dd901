"""Starting from trained weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, ClassVar

from dlc.compiler.components.arguments import Natural, Path, PositiveFloat, Refers
from dlc.compiler.components.sections.base import Section
from dlc.compiler.components.sections.rename import Rename
from dlc.compiler.record import component


@component
class Transfer(Section):
    """Starts from trained weights, and says which of them stay as they are.

        transfer:
          weights: weights/minilm.safetensors
          rename: {"encoder.layer.*.attention": "layers.*.attn", pooler: null}

    Without `rename` a tensor of the file fills the parameter or buffer that bears its name.
    `rename` says what else belongs together; of entries that match, the first counts:

    - `theirs: ours` renames whole dotted prefixes, from the file to this network. `layer1`
      matches `layer1.0.conv1.weight` and not `layer10.weight`. `*` stands for one segment
      of a name and is put where `*` stands on the other side, the first for the first. An
      empty text takes a prefix away: `module: ""`.
    - `name: null` leaves out: what the file has below this name is not used, and what this
      network has below it keeps its `init`. So a head for other classes is left out by
      `fc: null`.
    - `ours: {from: theirs, ...}` makes one of ours by joining, cutting or transposing
      theirs; see `dlc explain rename`.

    A map for a network of another library is a file with these entries below `rename:`. It
    is named by its path, or by its name alone where dlc has it: `torchvision/resnet18`. A
    list of maps and entries is gone through in order: `[{fc: null}, torchvision/resnet18]`.

    What the file does not fill starts from `init`, with a warning; another shape is an
    error. `dlc transfer` shows what goes where, before anything is trained.

    Arguments:
        weights: a safetensors file, below the folder of the spec
        rename: which names of the file are which of this network; see above
        freeze: layers that are not trained; their batch norms stay as in evaluation
        unfreeze_at: the epoch from which frozen layers are trained too
        lr_scale: for a layer, the factor on its learning rate
    """

    name: ClassVar[str] = "transfer"
    unavailable: ClassVar[Mapping[str, str]] = {
        "freeze": "all layers are trained: leave `freeze` out, or train with a small `lr`",
        "unfreeze_at": "no layer is frozen yet: leave `unfreeze_at` out",
        "lr_scale": "all layers learn at one rate: leave `lr_scale` out",
    }

    weights: Path
    rename: tuple[Path | dict[str, str | Rename | None], ...] = ()
    freeze: tuple[Annotated[str, Refers("layer")], ...] = ()
    unfreeze_at: Natural | None = None
    lr_scale: dict[str, PositiveFloat] = field(default_factory=dict)
