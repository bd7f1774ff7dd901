"""Starting from trained weights."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, ClassVar, Literal

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

    What is frozen gets no gradient and stays in evaluation mode: its batch norms keep their
    statistics, its dropout drops nothing. Layers are thawed together by `unfreeze_at: 5`, or
    in stages, the last ones first as Howard and Ruder do:

        transfer:
          weights: weights/encoder.safetensors
          freeze: [embedding, "encoder.*"]
          unfreeze_at: {encoder.1: 2, encoder.0: 4}
          lr_scale: {encoder: 0.1, embedding: 0.01}

    Layers that are frozen for good, with nothing trained or random before them, give the same
    in every epoch. What they give is computed once, where it fits into memory and no
    augmentation changes what goes in, and the rest is trained on it; the weights are the same
    but for rounding. A line at the start says what is kept.

    In `freeze`, `unfreeze_at` and `lr_scale` a name is a layer or a block: whole dotted
    prefixes, `*` for one segment; the first that fits a layer counts.

    Arguments:
        weights: a safetensors file, below the folder of the spec; left out, weights are given
            by `dlc train --from`, or start from `init`
        rename: which names of the file are which of this network; see above
        freeze: layers that are not trained
        unfreeze_at: the epoch, counted from 0, from which frozen layers are trained too; one
            for all, or one for each
        lr_scale: for a layer, the factor on its learning rate
        cache: whether what frozen layers give is computed once: `auto` where that can be, `true`
            to be told by an error where it cannot, `false` never

    Source: Yosinski et al., "How transferable are features in deep neural networks?" (2014);
    Howard and Ruder, "Universal language model fine-tuning for text classification" (2018),
    for stages and rates by depth.
    """

    name: ClassVar[str] = "transfer"
    weights: Path | None = None
    rename: tuple[Path | dict[str, str | Rename | None], ...] = ()
    freeze: tuple[Annotated[str, Refers("layer")], ...] = ()
    unfreeze_at: Natural | dict[str, Natural] | None = None
    lr_scale: dict[str, PositiveFloat] = field(default_factory=dict)
    cache: bool | Literal["auto"] = "auto"
