"""Tensors of the model file, computed from the trained state by their recipes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from dlc.compiler.codegen.onnx_nodes import Recipe
from dlc.compiler.ir.types import DType

Array: TypeAlias = npt.NDArray[Any]


def numpy_dtype(dtype: DType) -> np.dtype[Any]:
    """The numpy twin of an element type; bfloat16 comes from `ml_dtypes`, text is `object`."""
    if dtype is DType.BFLOAT16:
        import ml_dtypes

        return cast("np.dtype[Any]", np.dtype(ml_dtypes.bfloat16))
    return np.dtype(object) if dtype is DType.STRING else np.dtype(dtype.value)


def evaluate(recipe: Recipe, state: Mapping[str, Array]) -> Array:
    """The tensor that a recipe describes, contiguous. Raises KeyError for a key that the
    state lacks."""
    array: Array = state[recipe.key]
    for kind, *operands in recipe.steps:
        array = _apply(array, cast(str, kind), operands, state)
    return np.ascontiguousarray(array) if array.ndim else array


def _apply(array: Any, kind: str, operands: Any, state: Mapping[str, Array]) -> Any:
    match kind, operands:
        case "transpose", [perm]:
            return array.transpose(perm)
        case "reshape", [shape]:
            return array.reshape(shape)
        case "blocks", [axis, order]:
            pieces = np.split(array, len(order), axis=axis)
            return np.concatenate([pieces[i] for i in order], axis=axis)
        case "concat", [axis, others]:
            return np.concatenate([array, *(evaluate(o, state) for o in others)], axis=axis)
        case "unsqueeze", [axis]:
            return np.expand_dims(array, axis)
        case "scale", [factor]:
            return (array * factor).astype(array.dtype)
        case "slice", [axis, start, stop]:
            return array[(slice(None),) * axis + (slice(start, stop),)]
        case "places", [first]:
            return np.arange(first, first + len(array), dtype=np.int64)
        case "cast", [name]:
            return array.astype(numpy_dtype(DType(name)))
    raise AssertionError(f"unknown step `{kind}` of a weight")
