"""From the outputs of a model to the columns of a table: labels, probabilities, numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dlc.compiler.diagnostics.suggest import closest
from dlc.runtime.failures import USAGE, failure

#: What `--what` may name.
WORDS = ("label", "probabilities", "outputs", "features", "all")
#: Up to so many numbers of an output get a column each; more become one list.
_MOST_COLUMNS = 100
_SUFFIXES = ("label", "probabilities")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which answers are written. `usual` are labels and probabilities where the model gives
    some, else its outputs; `node` is that of `features=NODE`, `""` the default one, None where
    no features are wanted."""

    usual: bool = False
    label: bool = False
    probabilities: bool = False
    outputs: bool = False
    node: str | None = None

    @property
    def answers(self) -> bool:
        """Whether the outputs of the model are needed."""
        return self.usual or self.label or self.probabilities or self.outputs

    @classmethod
    def read(cls, texts: Sequence[str]) -> Wanted:
        """From texts such as `label,features=NODE`; none is the usual. Raises `Failure`
        E0943."""
        words = [word.strip() for text in texts for word in text.split(",")]
        nodes = {word.partition("=")[2] for word in words if word.partition("=")[0] == "features"}
        for word in words:
            name, equals, _ = word.partition("=")
            if name not in WORDS or (equals and name != "features"):
                near = None if equals else closest(name, WORDS)
                choice = "`label`, `probabilities`, `outputs`, `features=NODE` or `all`"
                raise failure(
                    "E0943",
                    f"`--what {word}` names no answers",
                    help=f"there is one with a similar name: `{near}`" if near else f"say {choice}",
                    exit_code=USAGE,
                )
        if len(nodes) > 1:
            raise failure(
                "E0943",
                "`--what` names several nodes",
                help="ask for the features of one at a time",
                exit_code=USAGE,
            )
        everything = "all" in words
        return cls(
            usual=not words,
            label=everything or "label" in words,
            probabilities=everything or "probabilities" in words,
            outputs=everything or "outputs" in words,
            node=next(iter(nodes), None),
        )

    def __str__(self) -> str:
        words = [name for name in ("label", "probabilities", "outputs") if getattr(self, name)]
        if self.node is not None:
            words.append(f"features={self.node}" if self.node else "features")
        return ",".join(words)


def answer_columns(
    outputs: Mapping[str, npt.NDArray[Any]],
    labels: Mapping[str, Sequence[str]],
    kept: Mapping[str, pa.Array],
    wanted: Wanted,
) -> dict[str, pa.Array]:
    """`kept`, then for each output what is wanted of `label`, `probability` of that label,
    `probability_<class>`, and its plain numbers. With several outputs each name begins with
    the output's."""
    found = dict(kept)
    bases = [name for name in outputs if not _companion(name, outputs)]
    for base in bases:
        prefix = f"{base}_" if len(bases) > 1 else ""
        for name, values in _of(base, prefix, outputs, labels.get(base, ()), wanted):
            found[_free(name, found)] = values
    return found


def refuse_lacking(outputs: Collection[str], wanted: Wanted) -> None:
    """Raises `Failure` E0943 for labels or probabilities that none of the outputs is."""
    if wanted.label and wanted.probabilities and wanted.outputs:
        return
    for word, suffix in (("label", "label"), ("probabilities", "probabilities")):
        made = any(f"{base}_{suffix}" in outputs for base in outputs)
        if getattr(wanted, word) and not made:
            step = "labels" if word == "label" else "softmax"
            raise failure(
                "E0943",
                f"the model gives no {'labels' if word == 'label' else word}",
                help=f"add the postprocess step `{step}` and export it again, or take `outputs`",
                exit_code=USAGE,
            )


def _of(
    base: str,
    prefix: str,
    outputs: Mapping[str, npt.NDArray[Any]],
    labels: Sequence[str],
    wanted: Wanted,
) -> Iterator[tuple[str, pa.Array]]:
    label = outputs.get(f"{base}_label")
    chances = outputs.get(f"{base}_probabilities")
    if label is not None and (wanted.usual or wanted.label):
        yield f"{prefix}label", _column(label)
    if chances is not None and (wanted.usual or wanted.probabilities):
        one, many = f"{prefix}probability", f"{prefix}probability_"
        if label is not None and chances.ndim == 2 and (wanted.usual or wanted.label):
            yield one, _column(chances.max(axis=1))
        yield from _numbers(one, many, f"{prefix}probabilities", chances, labels)
    if wanted.outputs or (wanted.usual and label is None and chances is None):
        yield from _numbers(base, f"{base}_", base, outputs[base], ())


def _companion(name: str, outputs: Collection[str]) -> bool:
    """Whether an output was made from another by a postprocess step."""
    return any(name == f"{base}_{suffix}" for base in outputs for suffix in _SUFFIXES)


def _numbers(
    one: str, many: str, all_: str, values: npt.NDArray[Any], labels: Sequence[str]
) -> Iterator[tuple[str, pa.Array]]:
    """An output as one column of numbers, a column each, or one column of lists."""
    if values.ndim == 1 or (values.ndim == 2 and values.shape[1] == 1):
        yield one, _column(values.reshape(len(values)))
    elif values.ndim == 2 and values.shape[1] <= _MOST_COLUMNS:
        names = labels if len(labels) == values.shape[1] else range(values.shape[1])
        for index, name in enumerate(names):
            yield f"{many}{name}", _column(values[:, index])
    else:
        yield all_, _column(values)


def _column(values: npt.NDArray[Any]) -> pa.Array:
    if values.dtype.kind in "OUS":
        return pa.array(values.tolist())
    column = pa.array(np.ascontiguousarray(values).reshape(-1))
    for size in reversed(values.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, size)
    return column


def _free(name: str, taken: Collection[str]) -> str:
    """`name`, or `predicted_name` where a kept column is called so."""
    while name in taken:
        name = f"predicted_{name}"
    return name
