"""What an objective works on, and what one that draws anew in every epoch promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from dlc.compiler.components.objectives.base import Frame
from dlc.compiler.components.preprocessing._texts import TokenStep
from dlc.compiler.components.preprocessing.wordpiece import Wordpiece
from dlc.compiler.ir.dims import symbols
from dlc.compiler.ir.types import TensorType
from dlc.runtime.data import texts
from dlc.runtime.data.formats.base import Table
from dlc.runtime.data.ragged import Padding, Ragged
from dlc.runtime.data.splits import PARTS, Division
from dlc.runtime.failures import failure
from dlc.runtime.objectives._arrays import Drawable, Library
from dlc.runtime.seeding import stream

if TYPE_CHECKING:
    from dlc.runtime.data.dataset import Bound
    from dlc.runtime.data.tokenizers import Tokenizer

Array: TypeAlias = npt.NDArray[Any]
Rows: TypeAlias = npt.NDArray[np.int64]
#: Inputs and targets, as arrays of the library that is drawn with.
Batch: TypeAlias = tuple[dict[str, Drawable], dict[str, Drawable]]
#: A batch by its first and last (excluded) place in an order.
Take: TypeAlias = Callable[[int, int], Batch]


class Draws(Protocol):
    """What is made anew in every epoch: a function of the seed, the epoch, and the places of
    the rows in the data set, and of nothing else. An epoch None is validation, which always
    draws the same."""

    def count(self, rows: Rows, seed: int, epoch: int | None) -> int:
        """How many samples that epoch over these rows has. Raises `Failure` where none."""

    def in_order(
        self,
        rows: Rows,
        *,
        seed: int,
        epoch: int | None,
        shuffle: bool,
        base: Callable[[Rows], Take],
        library: Library,
    ) -> Take:
        """Batches by places from 0 to `count`; `base` gives those of whole rows."""

    def places(
        self, rows: Rows, *, seed: int, epoch: int | None, shuffle: bool, start: int, stop: int
    ) -> Rows:
        """The row that each sample of a batch comes from, by its place in the data set."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The samples so far: what a data set holds, and what an objective asks about it.

    `arrays` have a row for each of `rows`, which are the numbers of the file's rows; where an
    objective makes samples of several rows, each has the number of its last one. `bounds`
    are the whole numbers that inputs and targets may hold, `tokenizer` gives that of an input,
    `time` is the column by whose order the rows are divided. `given` are inputs as a model file
    takes them, where it is asked for; what is no target need not be in `arrays` then.
    """

    frame: Frame
    arrays: Mapping[str, Array | Ragged]
    rows: Rows
    division: Division
    table: Table
    given: Mapping[str, Array | Ragged] = field(default_factory=dict)
    time: str | None = None
    padding: Mapping[str, Padding] = field(default_factory=dict)
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    tokenizer: Callable[[str], Tokenizer]
    draws: Draws | None = None

    def type(self, name: str) -> TensorType:
        """The declared type of an input or target."""
        return self.frame.targets.get(name) or self.frame.inputs[name]

    def ragged(self, name: str) -> Ragged:
        """A column of sequences; rows that are equal in length are such, too."""
        found = self.arrays[name]
        if isinstance(found, Ragged):
            return found
        count, length = found.shape
        offsets = np.arange(count + 1, dtype=np.int64) * length
        return Ragged(found.reshape(-1), offsets)

    def step(self, name: str) -> TokenStep:
        step = self.frame.token_step(name)
        assert step is not None
        return step

    def specials(self, name: str) -> list[int]:
        """The indices that stand for no piece of a text: what pads, marks, or is unknown."""
        tokenizer = self.tokenizer(name)
        known = (
            tokenizer.index(piece) for piece in (*Wordpiece.specials, *self.step(name).specials)
        )
        added = tokenizer.inner.get_added_tokens_decoder().items()
        return sorted(
            {0, *(i for i in known if i is not None), *(i for i, piece in added if piece.special)}
        )

    def with_ragged(
        self, columns: Mapping[str, Ragged], like: str, ignored: Mapping[str, int]
    ) -> Columns:
        """The same with ragged columns that share the length of the input `like`. `ignored`
        is the value that pads those that are not inputs."""
        found = self.padding.get(like, Padding())
        dims = symbols(self.type(like).shape[1])
        low = min((s.low for s in dims.values()), default=self.type(like).shape[1])
        assert isinstance(low, int)
        shared = replace(found, dim=next(iter(dims), f"/{like}"), least=max(low, 1))
        plain = replace(shared, lengths=None, mask=None, segments=None)
        padding = {
            name: replace(plain, value=ignored[name]) if name in ignored else shared
            for name in columns
        }
        if found.segments in self.padding and found.segments is not None:
            padding[found.segments] = replace(
                self.padding[found.segments], dim=shared.dim, least=shared.least
            )
        return replace(self, arrays={**self.arrays, **columns}, padding={**self.padding, **padding})

    def refuse_pieces(self, tokens: str, *filled: str) -> None:
        """Raises `Failure` E0606 where the tokenizer of an input has more pieces than what the
        objective fills with them takes."""
        if self.frame.token_step(tokens) is None:
            return
        for name in filled:
            bound = self.bounds.get(name)
            if bound is not None:
                tokenizer, step = self.tokenizer(tokens), self.step(tokens)
                texts.refuse_indices(tokens, tokenizer, bound.high, bound.reason, step)

    def refuse_empty_parts(self, division: Division, what: str, help: str) -> None:
        """Raises `Failure` E0606 for a part that had rows and has no sample."""
        for part in PARTS:
            if len(self.division.part(part)) and not len(division.part(part)):
                raise failure(
                    "E0606",
                    f"the {len(self.division.part(part)):,} rows of the `{part}` part make no "
                    f"{what}",
                    help=help,
                )


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Draws with the seed of a run. Where `shuffle`, what is made of the rows of a batch is
    put in a new order in every epoch, too."""

    draws: Draws
    seed: int
    shuffle: bool = False

    def count(self, rows: Rows, epoch: int | None) -> int:
        return self.draws.count(rows, self.seed, epoch)

    def in_order(
        self, rows: Rows, epoch: int | None, base: Callable[[Rows], Take], library: Library
    ) -> Take:
        shuffle = self.shuffle and epoch is not None
        return self.draws.in_order(
            rows, seed=self.seed, epoch=epoch, shuffle=shuffle, base=base, library=library
        )

    def places(self, rows: Rows, epoch: int | None, start: int, stop: int) -> Rows:
        shuffle = self.shuffle and epoch is not None
        return self.draws.places(
            rows, seed=self.seed, epoch=epoch, shuffle=shuffle, start=start, stop=stop
        )


def moment(seed: int, purpose: str, epoch: int | None) -> int:
    """The number that all draws of an epoch start from."""
    return stream(seed, purpose, 0 if epoch is None else epoch + 1)
