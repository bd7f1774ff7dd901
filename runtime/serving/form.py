"""What a model is asked and what it answers, as a page needs it to build its form.

    inputs   what the file takes: name, element type, sizes, and the `fields` that fill it
    fields   `columns` of a row and the `kind` of control that fills them: number, choice,
             choices, flag, text, date, numbers, image
    outputs  what it answers: the output, its companions of labels and probabilities, classes

The same description serves a page that asks a server and one that runs the file itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlc.compiler.components.preprocessing.cyclic import Cyclic
from dlc.runtime.export.hints import Hint
from dlc.runtime.export.metadata import InputColumns, ModelInfo

FORMAT = 1
#: What a form says; it is written as JSON.
Form = dict[str, Any]
#: Element types as onnxruntime spells them and sizes, by name.
Tensors = Mapping[str, tuple[str, tuple[int | str | None, ...]]]

#: More columns than this are filled as one list of numbers.
MOST_FIELDS = 100
_DTYPES = {"float": "float32", "double": "float64"}
_CHANNELS = (1, 3, 4)
_WHITE = 255.0
_LABEL, _PROBABILITIES = "_label", "_probabilities"
_CLOCK = frozenset({"hour", "minute", "second"})


def form_of(info: ModelInfo, inputs: Tensors, outputs: Tensors) -> Form:
    """The form of a model file, from its metadata and its inputs and outputs."""
    filled = {
        name
        for given in info.inputs.values()
        if given.padding is not None
        for name in given.padding.filled
    }
    return {
        "form": FORMAT,
        "model": info.name,
        "digest": info.digest,
        "metrics": dict(info.metrics),
        "inputs": [
            _input(name, info.inputs.get(name), element, dims)
            for name, (element, dims) in inputs.items()
            if name not in filled
        ],
        "outputs": [
            _output(base, info.labels.get(base, ()), outputs)
            for base in outputs
            if not _companion(base, outputs)
        ],
    }


# ── what it is asked ─────────────────────────────────────────────────────────


def _input(
    name: str, known: InputColumns | None, element: str, dims: Sequence[int | str | None]
) -> dict[str, Any]:
    dtype = element.removeprefix("tensor(").removesuffix(")")
    shape = [dim if isinstance(dim, int) else str(dim or "") for dim in dims]
    fields = list(_fields(name, known, dtype, shape[1:]))
    return {"name": name, "dtype": _DTYPES.get(dtype, dtype), "shape": shape, "fields": fields}


def _fields(
    name: str, known: InputColumns | None, dtype: str, sizes: Sequence[int | str]
) -> Iterator[dict[str, Any]]:
    """The controls that fill an input."""
    columns = known.columns if known else (name,)
    hints = known.hints if known else ()
    count = math.prod(size for size in sizes if isinstance(size, int))
    fixed = all(isinstance(size, int) for size in sizes)
    if known is not None and known.pictures:
        height, width, channels = sizes
        # Bytes of one size where the file brings pictures to none itself.
        yield _image(columns, channels, height, width, "file", _WHITE)
    elif known is not None and (known.tokenizer or _first(known) == "texts"):
        yield from _written(columns, known, hints)
    elif dtype != "string" and len(sizes) == 3 and sizes[0] in _CHANNELS and fixed:
        channels, height, width = sizes
        yield _image(columns, channels, height, width, "numbers", _white(hints, dtype))
    elif fixed and count == len(columns) <= MOST_FIELDS:
        for index, column in enumerate(columns):
            yield _scalar(column, known, dtype, hints[index] if hints else Hint())
    else:
        yield _numbers(columns, known, dtype, count if fixed else None, count, hints)


def _first(known: InputColumns) -> str:
    """What the first host step takes."""
    return known.host[0].takes if known.host else ""


def _written(
    columns: Sequence[str], known: InputColumns, hints: Sequence[Hint]
) -> Iterator[dict[str, Any]]:
    """Texts, dates, and lists of categories."""
    for index, column in enumerate(columns):
        step = known.host[0] if known.host else None
        hint = hints[index] if index < len(hints) else Hint()
        if isinstance(step, Cyclic):
            yield {"kind": "date", "columns": [column], "time": bool(_CLOCK & set(step.parts))}
        elif known.tokenizer and known.padding is None:
            yield {"kind": "text", "columns": [column], "words": 1}
        else:
            yield _text(column, known, hint)


def _text(column: str, known: InputColumns | None, hint: Hint) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": "text", "columns": [column]}
    if not hint.choices:
        # What is cut into pieces is as long as its author likes; a category is a word or two.
        return found | {"long": known is not None and bool(known.tokenizer)}
    found |= {"kind": "choice", "choices": list(hint.choices)}
    if known is not None and known.joins is not None:
        found |= {"kind": "choices", "separator": known.joins}
    return found


def _scalar(column: str, known: InputColumns | None, dtype: str, hint: Hint) -> dict[str, Any]:
    hosted = known is not None and bool(known.host)
    if dtype == "string" or hint.choices or (known is not None and known.categories):
        # Categories that were whole numbers are, unless a step here makes numbers of texts.
        numbered = "int" in dtype and not hosted
        return _text(column, known, hint) | ({"whole": True} if numbered else {})
    if dtype == "bool":
        return {"kind": "flag", "columns": [column]}
    found: dict[str, Any] = {"kind": "number", "columns": [column]}
    found["whole"] = hint.whole or "int" in dtype
    found["optional"] = known is not None and known.missing
    spread = {"low": hint.low, "high": hint.high, "typical": hint.typical}
    return found | {key: value for key, value in spread.items() if value is not None}


def _numbers(
    columns: Sequence[str],
    known: InputColumns | None,
    dtype: str,
    count: int | None,
    each: int,
    hints: Sequence[Hint],
) -> dict[str, Any]:
    """A list of numbers: `count` of them, or any multiple of `each`."""
    found: dict[str, Any] = {"kind": "numbers", "columns": list(columns)}
    found |= {"count": count, "each": each, "whole": "int" in dtype, "texts": dtype == "string"}
    typical = [hint.typical for hint in hints if hint.typical is not None]
    if len(typical) == len(columns) == count:
        found["typical"] = typical
    if known is not None and known.missing:
        found["optional"] = True
    return found


def _image(
    columns: Sequence[str],
    channels: int | str,
    height: int | str,
    width: int | str,
    content: str,
    white: float,
) -> dict[str, Any]:
    """A picture: a `file` as it is, or `numbers` from 0 to `white`, channels first. A size
    that the file leaves open is None."""
    sides = {"channels": channels, "height": height, "width": width}
    return {
        "kind": "image",
        "columns": list(columns),
        "content": content,
        "white": white,
        **{key: side if isinstance(side, int) else None for key, side in sides.items()},
    }


def _white(hints: Sequence[Hint], dtype: str) -> float:
    """The number of a white pixel."""
    known = max((hint.high for hint in hints if hint.high is not None), default=None)
    return known or (_WHITE if "int" in dtype else 1.0)


# ── what it answers ──────────────────────────────────────────────────────────


def _companion(name: str, outputs: Tensors) -> bool:
    """Whether an output was made from another by a postprocess step."""
    return any(
        name.endswith(end) and name.removesuffix(end) in outputs for end in (_LABEL, _PROBABILITIES)
    )


def _output(base: str, labels: Sequence[str], outputs: Tensors) -> dict[str, Any]:
    label, chances = f"{base}{_LABEL}", f"{base}{_PROBABILITIES}"
    classes = list(labels)
    shape = outputs.get(chances, outputs[base])[1]
    last = shape[-1] if len(shape) == 2 else None
    if not classes and chances in outputs and isinstance(last, int) and last > 1:
        classes = [str(number) for number in range(last)]
    return {
        "name": base,
        "label": label if label in outputs else None,
        "probabilities": chances if chances in outputs else None,
        "classes": classes,
    }
