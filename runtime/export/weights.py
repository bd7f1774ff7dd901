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
        case "norm_scale", [(axis, groups), scale, variance, eps]:
            return _norm_scaled(array, axis, groups, _factor(scale, variance, eps, state))
        case "norm_shift", [scale, shift, variance, eps, bias]:
            given = 0.0 if bias is None else _double(bias, state)
            start = 0.0 if shift is None else _double(shift, state)
            factor = _factor(scale, variance, eps, state)
            return ((given - array.astype(np.float64)) * factor + start).astype(array.dtype)
    raise AssertionError(f"unknown step `{kind}` of a weight")


def _factor(scale: Recipe | None, variance: Recipe, eps: float, state: Mapping[str, Array]) -> Any:
    given = 1.0 if scale is None else _double(scale, state)
    return given / np.sqrt(_double(variance, state) + eps)


def _double(recipe: Recipe, state: Mapping[str, Array]) -> Any:
    return evaluate(recipe, state).astype(np.float64)


def _norm_scaled(array: Any, axis: int, groups: int, factor: Any) -> Any:
    """Each channel of an axis times its factor. Of several groups, the axis before is cut into
    them, and each has as many channels."""
    whole = array.astype(np.float64)
    if groups == 1:
        shape = [1] * whole.ndim
        shape[axis] = -1
        return (whole * factor.reshape(shape)).astype(array.dtype)
    cut = whole.reshape(groups, -1, *whole.shape[1:])
    spread = factor.reshape(groups, 1, -1, *[1] * (whole.ndim - 2))
    return (cut * spread).reshape(whole.shape).astype(array.dtype)
