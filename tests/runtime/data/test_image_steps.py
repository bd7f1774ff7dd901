"""Steps on images: training and the exported graph see the same pixels, those of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
import torch
from torchvision.transforms.v2 import functional

from dlc.compiler.codegen.onnx_graph import Pipeline
from dlc.compiler.components.base import ComponentError
from dlc.compiler.components.preprocessing.base import Preprocess
from dlc.compiler.components.preprocessing.center_crop import CenterCrop
from dlc.compiler.components.preprocessing.crop import Crop
from dlc.compiler.components.preprocessing.grayscale import Grayscale
from dlc.compiler.components.preprocessing.normalize import Normalize
from dlc.compiler.components.preprocessing.pad import Pad
from dlc.compiler.components.preprocessing.resize import Resize
from dlc.compiler.components.preprocessing.scale import Scale
from dlc.compiler.ir.dims import symbol
from dlc.compiler.ir.graph import Graph, Program
from dlc.compiler.ir.types import DType, TensorType, float_tensor
from dlc.runtime.data import steps as running
from dlc.runtime.data.preprocessing import transform
from dlc.runtime.export.onnx_builder import export_program

N, H, W = symbol("N"), symbol("height"), symbol("width")
Array = npt.NDArray[Any]
ACCURATE = {"rtol": 1e-6, "atol": 2e-6}


def images(height: int = 13, width: int = 18, channels: int = 3, count: int = 3) -> Array:
    return np.random.default_rng(0).random((count, channels, height, width), np.float32)


def in_training(chain: tuple[Preprocess, ...], x: Array) -> Array:
    return transform(x, chain, [{}] * len(chain))


def in_graph(chain: tuple[Preprocess, ...], x: Array, type: TensorType) -> Array:
    """What the exported nodes make of raw values of a type, in onnxruntime."""
    result = type
    for step in chain:
        step.validate()
        result = step.infer(result)
    graph = Graph(
        name="net",
        block="",
        inputs=("image",),
        outputs=(("same", "image"),),
        nodes=(),
        values={"image": result},
    )
    pipeline = Pipeline(preprocess={"image": chain}, raw={"image": type})
    program = Program(name="net", graphs={"net": graph}, main="net")
    model = export_program(program, {}, pipeline=pipeline)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: Array = session.run(None, {"image": x})[0]
    return found


def test_every_step_on_images_is_run() -> None:
    for step in (Resize, CenterCrop, Crop, Grayscale, Normalize, Pad):
        assert step.available
        assert step.where == "graph"
        assert step.name in running.names()


CHAINS: list[tuple[tuple[Preprocess, ...], Any]] = [
    ((Resize(height=7, width=9),), lambda x: functional.resize(x, [7, 9])),
    ((Resize(height=30, width=40),), lambda x: functional.resize(x, [30, 40])),
    ((Resize(height=5, width=50),), lambda x: functional.resize(x, [5, 50])),
    ((Resize(height=8),), lambda x: functional.resize(x, [8])),
    ((Resize(height=20),), lambda x: functional.resize(x, [20])),
    ((CenterCrop(height=8),), lambda x: functional.center_crop(x, [8, 8])),
    ((CenterCrop(height=10, width=7),), lambda x: functional.center_crop(x, [10, 7])),
    ((CenterCrop(height=20, width=9),), lambda x: functional.center_crop(x, [20, 9])),
    ((CenterCrop(height=20, width=25),), lambda x: functional.center_crop(x, [20, 25])),
    ((Crop(height=6, width=7, top=2, left=5),), lambda x: functional.crop(x, 2, 5, 6, 7)),
    ((Grayscale(),), functional.rgb_to_grayscale),
    ((Grayscale(channels=3),), lambda x: functional.rgb_to_grayscale(x, 3)),
    ((Pad(padding=2),), lambda x: functional.pad(x, [2])),
    (
        (Pad(padding=(1, 2, 3, 4), fill=0.5),),
        lambda x: functional.pad(x, [1, 2, 3, 4], fill=0.5),
    ),
    (
        (Pad(padding=(1, 2, 3, 4), mode="reflect"),),
        lambda x: functional.pad(x, [1, 2, 3, 4], padding_mode="reflect"),
    ),
    (
        (Pad(padding=3, mode="edge"),),
        lambda x: functional.pad(x, [3], padding_mode="edge"),
    ),
    (
        (Normalize(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4)),),
        lambda x: functional.normalize(x, [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]),
    ),
    ((Normalize(mean=0.5, std=0.25),), lambda x: (x - 0.5) / 0.25),
    (
        (Grayscale(), Resize(height=9), CenterCrop(height=7), Normalize(mean=0.1, std=0.3)),
        lambda x: functional.normalize(
            functional.center_crop(functional.resize(functional.rgb_to_grayscale(x), [9]), [7]),
            [0.1],
            [0.3],
        ),
    ),
]


@pytest.mark.parametrize("any_size", [False, True])
@pytest.mark.parametrize("sides", [(13, 18), (17, 12), (13, 13)])
@pytest.mark.parametrize(
    ("chain", "theirs"), CHAINS, ids=lambda c: repr(c) if isinstance(c, tuple) else ""
)
def test_training_and_graph_agree_with_pytorch(
    chain: tuple[Preprocess, ...], theirs: Any, sides: tuple[int, int], any_size: bool
) -> None:
    if isinstance(chain[0], Crop) and sides[1] < 12:
        return
    x = images(*sides)
    expected = theirs(torch.from_numpy(x)).numpy()
    trained = in_training(chain, x)
    assert trained.dtype == np.float32
    np.testing.assert_allclose(trained, expected, **ACCURATE)
    type = float_tensor(N, 3, *((H, W) if any_size else sides))
    np.testing.assert_allclose(in_graph(chain, x, type), trained, **ACCURATE)


def test_bytes_are_resized_as_numbers() -> None:
    x = (images() * 255).astype(np.uint8)
    chain = (Resize(height=6, width=7), Scale(factor=1 / 255))
    trained = in_training(chain, x)
    found = in_graph(chain, x, TensorType(DType.UINT8, (N, 3, 13, 18)))
    np.testing.assert_allclose(found, trained, **ACCURATE)
    np.testing.assert_allclose(
        trained, in_training(chain[:1], x.astype(np.float32) / 255), rtol=1e-5, atol=1e-6
    )


def test_a_picture_of_that_size_is_not_touched() -> None:
    x = images()
    assert np.array_equal(in_training((Resize(height=13, width=18),), x), x)


def test_large_pictures() -> None:
    x = images(301, 517, count=1)
    expected = functional.resize(torch.from_numpy(x), [64]).numpy()
    np.testing.assert_allclose(in_training((Resize(height=64),), x), expected, **ACCURATE)


def test_gray_pictures_stay_gray() -> None:
    x = images(channels=1)
    for channels in (1, 3):
        chain = (Grayscale(channels=channels),)
        trained = in_training(chain, x)
        assert np.array_equal(trained, np.repeat(x, channels, axis=1))
        assert np.array_equal(in_graph(chain, x, float_tensor(N, 1, 13, 18)), trained)


@pytest.mark.parametrize(
    ("step", "type", "code"),
    [
        (Resize(height=3), float_tensor(N, 12), "E0401"),
        (Resize(height=3), TensorType(DType.STRING, (N, 3, 4, 4)), "E0406"),
        (Crop(height=5, width=5, top=9), float_tensor(N, 3, 13, 18), "E0402"),
        (Pad(padding=13, mode="reflect"), float_tensor(N, 3, 13, 18), "E0402"),
        (Grayscale(), float_tensor(N, 4, 13, 18), "E0402"),
        (Normalize(mean=(0.1, 0.2), std=1.0), float_tensor(N, 3, 13, 18), "E0402"),
    ],
)
def test_what_does_not_fit_is_refused(step: Preprocess, type: TensorType, code: str) -> None:
    with pytest.raises(ComponentError) as problem:
        step.infer(type)
    assert problem.value.code == code
    assert problem.value.help


def test_numbers_that_do_not_pair_are_refused() -> None:
    for step in (Normalize(mean=(), std=1.0), Normalize(mean=(0.1, 0.2), std=(1.0, 1.0, 1.0))):
        with pytest.raises(ComponentError):
            step.validate()


@pytest.mark.parametrize("step", [Crop(height=20), Pad(padding=13, mode="reflect")])
def test_a_picture_that_is_too_small_is_a_bad_sample(step: Preprocess) -> None:
    from dlc.runtime.data.steps.base import BadSample

    with pytest.raises(BadSample):
        in_training((step,), images())


def test_sizes_before_a_step() -> None:
    assert Pad(padding=(1, 2, 3, 4)).before((N, 3, 20, 30)) == (N, 3, 14, 26)
    assert Grayscale().before((N, 1, 20, 30)) == (N, symbol("channels"), 20, 30)
    assert Resize(height=3).before((N, 1, 20, 30)) == (N, 1, H, W)
