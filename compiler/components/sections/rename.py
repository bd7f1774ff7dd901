"""Where one of our tensors comes from, if it is not one tensor of the file as it is."""

from __future__ import annotations

from typing import ClassVar

from dlc.compiler.components.arguments import Natural
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.sections.base import Section
from dlc.compiler.record import component


@component
class Rename(Section):
    """Makes tensors of this network from tensors of the weights file.

        transfer:
          weights: weights/vit.safetensors
          rename:
            block.*.in_proj_weight:
              from: [b.*.q.weight, b.*.k.weight, b.*.v.weight]
              concat: 0
            head: {from: fc, transpose: true}

    The key of such an entry names tensors of this network and `from` those of the file: the
    other way round than in `theirs: ours`, since several of theirs may make one of ours.
    Both are whole dotted prefixes: what follows the key in our name follows each `from` in
    theirs, and what each `*` of the key stands for takes the place of the `*` of `from`.

    The steps are taken in this order: each tensor is transposed, all are joined, one part
    is kept, the numbers are given our shape. Dims are counted from 0.

    Arguments:
        from: the tensor of the file, or several in their order
        transpose: `true` swaps the dims of a matrix and leaves a vector as it is; a list is
            the new order of the dims, as in `[3, 2, 0, 1]` for a kernel that Keras kept
        concat: the dim along which several are joined
        chunk: `[i, n]` keeps part i, counted from 0, of n equal parts
        dim: the dim that `chunk` cuts
        reshape: the same numbers, read row by row, in our shape
    """

    name: ClassVar[str] = "rename"

    from_: tuple[str, ...]
    transpose: bool | tuple[Natural, ...] = False
    concat: Natural | None = None
    chunk: tuple[Natural, Natural] | None = None
    dim: Natural = 0
    reshape: bool = False

    def validate(self) -> None:
        if not self.from_:
            raise ComponentError(
                "E0701",
                "`from` names no tensor",
                blame="from",
                help="name one, or write `null` in place of the braces to leave ours as it starts",
            )
        if len(self.from_) > 1 and self.concat is None:
            raise ComponentError(
                "E0701",
                f"`from` names {len(self.from_)} tensors, and nothing says how they become one",
                blame="from",
                help="add `concat: 0` to join them along dim 0",
            )
        if isinstance(self.transpose, tuple) and sorted(self.transpose) != [
            *range(len(self.transpose))
        ]:
            raise ComponentError(
                "E0701",
                "`transpose` is no order of dims",
                blame="transpose",
                help="name every dim once, counted from 0: `[3, 2, 0, 1]`",
            )
        if self.chunk is not None and self.chunk[0] >= self.chunk[1]:
            raise ComponentError(
                "E0701",
                f"there is no part {self.chunk[0]} of {self.chunk[1]}",
                blame="chunk",
                help="parts are counted from 0: `chunk: [0, 3]` is the first of three",
            )
