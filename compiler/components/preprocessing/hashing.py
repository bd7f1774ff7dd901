"""Categories as the number of a bucket."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from dlc.compiler.components.arguments import Ge, Natural
from dlc.compiler.components.preprocessing._categories import CategoryStep
from dlc.compiler.record import component


@component
class Hashing(CategoryStep):
    """Gives each category the number of a bucket, which nothing has to be fitted for.

        preprocess: {url: hashing(4096)}

    y = hash(x) mod buckets, the hash the first 8 bytes of BLAKE2b of the text as UTF-8, taken
    as a little-endian number: the same everywhere and for ever. Whole numbers count as their
    decimal digits. Different categories may share a bucket. `embedding` or `one_hot` take the
    numbers.

    Arguments:
        buckets: how many there are
        seed: another number gives another division
    """

    name: ClassVar[str] = "hashing"
    where: ClassVar[Literal["host", "graph"]] = "host"

    buckets: Annotated[int, Ge(2)]
    seed: Natural = 0
