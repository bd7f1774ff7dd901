"""Measuring one metric, at once, in chunks and over ranks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from dlc.compiler.components import registry
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.types import bool_tensor, float_tensor, int_tensor
from dlc.runtime.inference.measures import Measures

N, T = symbol("N"), symbol("T")
ROWS = 97


def component(name, **arguments):
    return registry.load("metric", name)(input="x", target="t", **arguments)


def types_of(x, t, free=False):
    kinds = {"f": float_tensor, "i": int_tensor, "b": bool_tensor}
    dims = [(N, *(T if free and i == 0 else d for i, d in enumerate(a.shape[1:]))) for a in (x, t)]
    return {"x": float_tensor(*dims[0]), "t": kinds[t.dtype.kind](*dims[1])}


def measures_of(metric, x, t, free=False, labels=None):
    types = types_of(x, t, free)
    metric.check(types)
    return Measures(loss=(), metrics=(metric,), outputs=("x",), types=types, labels=labels or {})


def figures(metric, x, t, free=False, exact=1e-12):
    """What is measured at once; chunks of any size and ranks must give the same."""
    whole = measures_of(metric, x, t, free)
    whole.add({"x": x, "t": t}, len(x))
    found = whole.results()
    ranks = [measures_of(metric, x, t, free) for _ in range(3)]
    bounds = [0, 1, 2, 30, 61, 61 + (len(x) - 61) // 2, len(x)] if len(x) > 61 else [0, len(x)]
    for index, (start, stop) in enumerate(pairwise(bounds)):
        # The second rank has no rows at all.
        ranks[0 if index < 3 else 2].add({"x": x[start:stop], "t": t[start:stop]}, stop - start)
    for other in ranks[1:]:
        ranks[0].merge(other.state())
    assert ranks[0].rows == len(x)
    assert ranks[0].results() == pytest.approx(found, rel=exact, abs=exact, nan_ok=True)
    return found


def figure(metric, x, t, free=False, exact=1e-12):
    found = figures(metric, x, t, free, exact)
    values = list(found.values())
    return values[0] if list(found) == [metric.name] else values


def same(found, expected, absolute=1e-9):
    expected = np.asarray(expected, np.float64)
    assert np.asarray(found) == pytest.approx(expected, rel=1e-6, abs=absolute, nan_ok=True)


def rng(*words):
    return np.random.default_rng([ord(c) for c in "".join(map(str, words))])


def tensors(*arrays):
    return tuple(torch.from_numpy(np.ascontiguousarray(a)) for a in arrays)
