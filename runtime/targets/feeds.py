"""Golden input of a model file, and the folder of raw tensors that any language reads.

golden.txt    a line a tensor: input or output, name, element type, sizes, file, tolerance
golden/*.bin  the numbers, row-major, little-endian; texts each with its length in 4 bytes
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from dlc.runtime.export.hints import Hint
from dlc.runtime.export.metadata import ModelInfo
from dlc.runtime.export.parity import Tolerance
from dlc.runtime.failures import failure
from dlc.runtime.inference.session import Array
from dlc.runtime.serving.form import Tensors
from dlc.runtime.targets.delivery import Delivered

_ROWS = 2
# A size that the rows decide.
_LENGTH = 7
# What an input of whole numbers indexes is not known: every table has these two.
_FREE = 2
_SIDE = 32
# Other kernels sum in another order.
_TOLERANCE = Tolerance(atol=1e-4, rtol=1e-4)
_HELD = frozenset(("float", "double", "int8", "uint8", "int16", "int32", "int64", "bool", "string"))
_NUMPY = {"float": "float32", "double": "float64"}


def golden_feeds(info: ModelInfo, inputs: Tensors, seed: int = 0) -> dict[str, Array]:
    """Values that a model file takes, drawn from what is known of its columns."""
    rng = np.random.default_rng(seed)
    filled = _filled(info)
    sizes: dict[str, int] = {}
    found: dict[str, Array] = {}
    for name, (element, dims) in inputs.items():
        dtype = element.removeprefix("tensor(").removesuffix(")")
        known = info.inputs.get(name)
        open_size = _SIDE if known is not None and known.pictures else _LENGTH
        shape = tuple(
            size
            if isinstance(size, int)
            else sizes.setdefault(str(size), open_size if place else _ROWS)
            for place, size in enumerate(dims)
        )
        kind = filled.get(name)
        if kind == "lengths":
            # Texts are as long as the batch, but for the last one.
            values = np.full(shape, _LENGTH)
            values[-1] = _LENGTH - 2
        elif kind is not None:
            values = np.zeros(shape)
            if kind == "mask" and len(shape) == 2:
                values[-1, -2:] = 1
        elif dtype == "string":
            values = _texts(rng, known.hints if known else (), shape)
        elif known is not None and known.tokenizer:
            values = rng.integers(2, 12, shape)
        else:
            values = _numbers(rng, dtype, known.hints if known else (), shape)
        kept = object if dtype == "string" else np.dtype(_NUMPY.get(dtype, dtype))
        found[name] = values.astype(kept)
    return found


def _filled(info: ModelInfo) -> dict[str, str]:
    """The inputs that the padding of another fills, each with how."""
    found = {}
    for given in info.inputs.values():
        if given.padding is not None:
            for kind in ("lengths", "mask", "segments"):
                name = getattr(given.padding, kind)
                if name:
                    found[name] = kind
    return found


def _texts(rng: np.random.Generator, hints: tuple[Hint, ...], shape: tuple[int, ...]) -> Array:
    words = next((hint.choices for hint in hints if hint.choices), ("a", "b"))
    return np.array([words[i] for i in rng.integers(0, len(words), shape).ravel()], object).reshape(
        shape
    )


def _numbers(
    rng: np.random.Generator, dtype: str, hints: tuple[Hint, ...], shape: tuple[int, ...]
) -> Array:
    if dtype == "bool":
        return rng.integers(0, 2, shape)
    choices = next((hint.choices for hint in hints if hint.choices), ())
    if choices:
        return np.array([int(word) for word in rng.choice(choices, shape).ravel()]).reshape(shape)
    bounds = [_bounds(hint) for hint in hints]
    if "int" in dtype:
        least, most = (0, 256) if dtype == "uint8" else (0, _FREE)
        if len(bounds) == 1 and bounds[0] is not None:
            least, most = int(bounds[0][0]), int(bounds[0][1]) + 1
        return rng.integers(least, most, shape)
    values = rng.random(shape)
    for column, pair in enumerate(bounds):
        if pair is None:
            continue
        # One hint is of all numbers, several are of a column each.
        part = np.s_[:, column] if len(bounds) > 1 and len(shape) == 2 else np.s_[...]
        values[part] = pair[0] + (pair[1] - pair[0]) * values[part]
    return values


def _bounds(hint: Hint) -> tuple[float, float] | None:
    return None if hint.low is None or hint.high is None else (hint.low, hint.high)


def refuse_types(model: Delivered) -> None:
    """Raises `Failure` E0931 for inputs or outputs that the small programs cannot hold."""
    for name, (element, _) in (*model.inputs.items(), *model.outputs.items()):
        if element.removeprefix("tensor(").removesuffix(")") not in _HELD:
            raise failure(
                "E0931",
                f"the small programs do not hold `{name}`, which is `{element}`",
                help="export the model with inputs and outputs of numbers, flags or texts",
            )


def write_golden(model: Delivered, folder: Path) -> None:
    """Writes the golden input of a model and its answers below a folder: those of the bundle
    that it is from, else drawn ones with what it answers here."""
    golden, tolerance = model.golden, _TOLERANCE
    if golden is None:
        feeds = golden_feeds(model.info, model.inputs)
        outputs = model.answer(feeds)
    else:
        feeds, outputs, tolerance = dict(golden.inputs), dict(golden.outputs), golden.tolerance
    (folder / "golden").mkdir(exist_ok=True)
    lines = []
    for kind, values in (("input", feeds), ("output", outputs)):
        for place, (name, value) in enumerate(values.items()):
            file = f"golden/{kind}-{place}.bin"
            (folder / file).write_bytes(raw(value))
            element = "string" if value.dtype.kind in "OUS" else value.dtype.name
            sizes = "x".join(map(str, value.shape)) or "1"
            off = _most(tolerance, value) if kind == "output" else 0.0
            lines.append(f"{kind}\t{name}\t{element}\t{sizes}\t{file}\t{off:g}")
    (folder / "golden.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def raw(values: Array) -> bytes:
    """The bytes of a tensor as the folder has them."""
    if values.dtype.kind in "OUS":
        texts = [str(text).encode() for text in values.ravel().tolist()]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()


def _most(tolerance: Tolerance, values: Array) -> float:
    """How far a number of an output may be off."""
    if values.dtype.kind != "f" or not values.size:
        return 0.0
    finite = np.where(np.isfinite(values), values, 0)
    return float(np.max(tolerance.allowed(finite.astype(np.float64))))
