"""What a session is asked for, by provider and by graph; a stand-in records it."""

from __future__ import annotations

import os

import numpy as np
import onnx
import pytest
from fake_runtime import OrtValue, Runtime
from hostile_models import HOSTILE
from onnx import TensorProto, helper

from dlc.runtime.bundle.settings import SessionSettings
from dlc.runtime.failures import Failure
from dlc.runtime.inference.providers import cuda, openvino, registry, tensorrt
from dlc.runtime.inference.providers.cache import cache_root, engine_folder
from dlc.runtime.inference.providers.facts import GraphFacts, facts_of
from dlc.runtime.inference.session import open_model

CUDA, TENSORRT, CPU = cuda.EXECUTION, tensorrt.EXECUTION, "CPUExecutionProvider"


def model(shape=("N", 2), *, kind="Relu", element=TensorProto.FLOAT, spec="", more=()):
    """One node; convolutions are one by one."""
    nodes, weights = [helper.make_node(kind, ["x"], ["y"])], []
    if kind == "Conv":
        nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
        weights = [helper.make_tensor("w", element, [1, shape[1], 1, 1], [1.0] * shape[1])]
    if kind == "If":
        branch = helper.make_graph(
            [helper.make_node("Relu", ["x"], ["z"])],
            "branch",
            [],
            [helper.make_tensor_value_info("z", element, shape)],
        )
        nodes = [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)]
        weights = [helper.make_tensor("c", TensorProto.BOOL, [], [True])]
    graph = helper.make_graph(
        [*nodes, *more],
        "g",
        [helper.make_tensor_value_info("x", element, shape)],
        [helper.make_tensor_value_info("y", element, shape)],
        weights,
    )
    made = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])
    if spec:
        made.metadata_props.add(key="dlc.spec", value=spec)
    return made


def texts():
    node = helper.make_node(
        "Constant", [], ["t"], value=helper.make_tensor("t", TensorProto.STRING, [1], [b"a"])
    )
    made = model(more=[node])
    made.graph.initializer.append(helper.make_tensor("names", TensorProto.STRING, [1], [b"a"]))
    return made


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Opens a model on a machine where the providers `loads` load."""
    monkeypatch.setenv("DLC_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)

    def open_(made, provider, *loads, settings=None, strict=False, here=(), **runtime):
        fake = Runtime(*loads, **runtime)
        monkeypatch.setattr(registry, "onnxruntime", lambda: fake)
        there = {"cpu", *here, *({"cuda"} if CUDA in loads else ())}
        there |= {"tensorrt"} if TENSORRT in loads else set()
        monkeypatch.setattr(
            registry, "why_not", lambda name: "" if name in there else "it is not here"
        )
        path = tmp_path / "m.onnx"
        path.write_bytes(made.SerializeToString())
        session = open_model(path, provider, strict=strict, settings=settings or SessionSettings())
        return session, fake

    yield open_
    os.environ.pop("NVIDIA_TF32_OVERRIDE", None)


def refused(opened, *arguments, **keywords):
    with pytest.raises(Failure) as caught:
        opened(*arguments, **keywords)
    return caught.value.diagnostic


# ── CUDA ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("shape", "element", "search", "nhwc"),
    [
        (("N", 3, 8, 8), TensorProto.FLOAT, "EXHAUSTIVE", None),
        (("N", 3, "H", "W"), TensorProto.FLOAT, "HEURISTIC", None),
        ((1, 3, 8, 8), TensorProto.FLOAT16, "EXHAUSTIVE", "1"),
        (("N", 3, "H", 8), TensorProto.FLOAT16, "HEURISTIC", "1"),
    ],
)
def test_convolutions_are_searched_by_their_sizes(opened, shape, element, search, nhwc):
    session, fake = opened(model(shape, kind="Conv", element=element), "cuda", CUDA)
    asked = fake.sessions[-1].asked
    assert list(asked) == [CUDA, CPU]
    assert asked[CUDA]["cudnn_conv_algo_search"] == search
    assert asked[CUDA].get("prefer_nhwc") == nhwc
    assert asked[CUDA]["use_tf32"] == "0"
    assert session.provider == CUDA
    assert session.note == f"runs on CUDA ({CUDA})"


def test_without_convolutions_nothing_is_searched(opened):
    _, fake = opened(model(), "cuda", CUDA)
    assert "cudnn_conv_algo_search" not in fake.sessions[-1].asked[CUDA]


@pytest.mark.parametrize(
    ("made", "captured"),
    [
        (model(), True),
        (model(("N", "T")), False),
        (model(kind="If"), False),
        (texts(), False),
    ],
    ids=["fixed", "varying", "branches", "texts"],
)
def test_a_graph_of_one_size_is_captured(opened, made, captured):
    _, fake = opened(made, "cuda", CUDA)
    asked = fake.sessions[-1].asked[CUDA]
    assert (asked.get("enable_cuda_graph") == "1") is captured


def test_what_cannot_be_captured_runs_without(opened):
    session, fake = opened(model(), "cuda", CUDA, no_graphs=True)
    assert [s.option("enable_cuda_graph") for s in fake.refused] == ["1"]
    assert fake.sessions[-1].option("enable_cuda_graph") is None
    assert session.note == f"runs on CUDA ({CUDA})"


def test_recordings_are_made_for_a_few_sizes_and_replayed(opened):
    session, fake = opened(model(), "cuda", CUDA)
    inner = fake.sessions[-1]

    def run(rows, value):
        given = np.full((rows, 2), value, np.float32)
        (found,) = session.run({"x": given}).values()
        np.testing.assert_array_equal(found, 2 * given)
        return found

    first = run(3, 1.0)
    # Once without a recording, which tells the sizes; then it is recorded.
    assert [graph for _, graph in inner.runs] == ["-1", "1"]
    run(3, 5.0)
    assert np.all(first == 2)  # an answer given before is not overwritten
    assert [graph for _, graph in inner.runs[2:]] == ["1"]
    bound = inner.runs[-1][0]
    assert bound is inner.runs[1][0]
    assert isinstance(bound.inputs["x"], OrtValue)
    assert bound.inputs["x"].device == "cuda"
    for rows in range(10, 30):
        run(rows, 1.0)
    graphs = {graph for _, graph in inner.runs}
    assert graphs == {"-1", *(str(i) for i in range(1, 9))}


# ── TensorRT ─────────────────────────────────────────────────────────────────

SPEC = """\
dlc: 1
name: Net
dims: {T: 4..100}
inputs: {x: "float[N, T]"}
layers:
  - {relu: , output: y}
"""


def test_engines_are_kept_in_the_cache_of_the_user_by_the_content(opened, tmp_path):
    _, fake = opened(model(("N", 2)), "tensorrt", TENSORRT, CUDA)
    asked = fake.sessions[-1].asked
    assert list(asked) == [TENSORRT, CUDA, CPU]
    folder = asked[TENSORRT]["trt_engine_cache_path"]
    assert folder.startswith(str(tmp_path / "cache" / "engines"))
    assert asked[TENSORRT]["trt_timing_cache_path"] == folder
    assert asked[TENSORRT]["trt_engine_cache_enable"] == "1"
    assert os.stat(folder).st_mode & 0o077 == 0
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"
    assert asked[CUDA]["use_tf32"] == "0"
    assert "trt_fp16_enable" not in asked[TENSORRT]
    _, fake = opened(model(("N", 3)), "tensorrt", TENSORRT, CUDA)
    assert fake.sessions[-1].asked[TENSORRT]["trt_engine_cache_path"] != folder
    _, fake = opened(model(("N", 2)), "tensorrt", TENSORRT, CUDA)
    assert fake.sessions[-1].asked[TENSORRT]["trt_engine_cache_path"] == folder


def test_profiles_span_the_ranges_of_the_spec(opened):
    _, fake = opened(model(("N", "T"), spec=SPEC), "tensorrt", TENSORRT, CUDA)
    asked = fake.sessions[-1].asked[TENSORRT]
    assert asked["trt_profile_min_shapes"] == "x:1x4"
    assert asked["trt_profile_opt_shapes"] == "x:8x20"
    assert asked["trt_profile_max_shapes"] == "x:64x100"
    assert "trt_cuda_graph_enable" not in asked


def test_a_file_without_open_sizes_needs_no_profile(opened):
    made = model((1, 3, 8, 8), kind="Conv", element=TensorProto.FLOAT16)
    _, fake = opened(made, "tensorrt", TENSORRT, CUDA)
    asked = fake.sessions[-1].asked[TENSORRT]
    assert not [key for key in asked if key.startswith("trt_profile")]
    assert asked["trt_fp16_enable"] == "1"
    assert asked["trt_cuda_graph_enable"] == "1"


def test_a_size_has_one_value_in_all_inputs():
    facts = GraphFacts(
        inputs={"a": ("N", "T", 8), "b": ("N", "T"), "c": (3,)},
        batch="N",
        ranges={"N": (1, 4), "T": (2, None)},
    )
    assert tensorrt.profiles(facts) == (
        "a:1x2x8,b:1x2",
        "a:4x32x8,b:4x32",
        "a:4x512x8,b:4x512",
    )


def test_a_cache_that_others_can_write_to_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("DLC_CACHE", str(tmp_path))
    folder = engine_folder("a" * 64)
    folder.chmod(0o777)
    with pytest.raises(Failure) as caught:
        engine_folder("a" * 64)
    assert "others can write" in caught.value.diagnostic.message


def test_the_cache_follows_the_rules_of_the_system(monkeypatch, tmp_path):
    monkeypatch.delenv("DLC_CACHE", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "dlc"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_root() == tmp_path / "home" / ".cache" / "dlc"


# ── OpenVINO within onnxruntime ──────────────────────────────────────────────


@pytest.mark.parametrize(
    ("element", "precision"), [(TensorProto.FLOAT, "ACCURACY"), (TensorProto.FLOAT16, None)]
)
def test_openvino_as_a_provider_keeps_the_numbers_of_the_file(opened, element, precision):
    made = model(("N", 3, 8, 8), kind="Conv", element=element)
    settings = SessionSettings(intra_op_threads=2)
    session, fake = opened(
        made, "openvino", openvino.EXECUTION, here=("openvino",), settings=settings
    )
    asked = fake.sessions[-1].asked
    assert list(asked) == [openvino.EXECUTION, CPU]
    assert asked[openvino.EXECUTION].get("precision") == precision
    assert asked[openvino.EXECUTION]["num_of_threads"] == "2"
    assert session.note == f"runs on OpenVINO ({openvino.EXECUTION})"


# ── what runs ────────────────────────────────────────────────────────────────


def test_nodes_that_fell_to_the_processor_are_counted(opened):
    session, _ = opened(model(), "cuda", CUDA, on_cpu=("Gather", "Shape"))
    assert session.note == f"runs on CUDA ({CUDA}), of its 4 nodes 2 on the CPU"
    assert session.nodes == {CUDA: 2, CPU: 2}


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_strict_lets_no_node_fall(opened, provider):
    loads = (TENSORRT, CUDA)
    first = CUDA if provider == "cuda" else TENSORRT
    _, fake = opened(model(("N", "T")), provider, *loads, strict=True)
    asked = fake.sessions[-1]
    assert asked.names == [first]
    assert asked.options.config["session.disable_cpu_ep_fallback"] == "1"
    found = refused(
        opened, model(("N", "T")), provider, *loads, strict=True, on_cpu=("Gather", "Gather")
    )
    assert found.code.number == "E0914"
    assert "2 of the nodes" in found.message
    assert "(Gather)" in found.message


def test_strict_says_nothing_of_the_processor_itself(opened):
    _, fake = opened(model(), "auto", strict=True)
    assert fake.sessions[-1].names == [CPU]
    assert "session.disable_cpu_ep_fallback" not in fake.sessions[-1].options.config


def test_libraries_that_do_not_load_are_refused_or_told(opened):
    assert refused(opened, model(), "cuda", here=("cuda",)).code.number == "E0612"
    found = refused(opened, model(), "cuda", here=("cuda",), strict=True)
    assert found.code.number == "E0612"
    session, _ = opened(model(), "auto", here=("cuda",))
    assert session.note == f"runs on the CPU ({CPU}): a GPU is there, but CUDA did not load"


def test_what_is_not_here_is_refused(opened):
    found = refused(opened, model(), "tensorrt", CUDA)
    assert found.code.number == "E0612"
    assert "it is not here" in found.message


def test_the_bundle_chooses_where_the_user_does_not(opened):
    settings = SessionSettings(provider="tensorrt")
    session, _ = opened(model(), "auto", TENSORRT, CUDA, settings=settings)
    assert session.provider == TENSORRT
    session, _ = opened(model(), "cpu", TENSORRT, CUDA, settings=settings)
    assert session.provider == CPU
    session, _ = opened(model(), "auto", settings=settings)
    assert session.note.endswith(": TensorRT, which the bundle asks for, is not here")


def test_settings_reach_the_session(opened):
    settings = SessionSettings(
        intra_op_threads=1,
        inter_op_threads=4096,
        graph_optimization="extended",
        execution="parallel",
        allow_spinning=True,
    )
    _, fake = opened(model(), "cpu", settings=settings)
    options = fake.sessions[-1].options
    assert options.intra_op_num_threads == 1
    assert options.inter_op_num_threads <= (os.cpu_count() or 1)
    assert options.graph_optimization_level == "extended"
    assert options.execution_mode == "parallel"
    assert options.config["session.intra_op.allow_spinning"] == "1"
    _, fake = opened(model(), "cpu")
    assert not hasattr(fake.sessions[-1].options, "graph_optimization_level")


# ── a device ─────────────────────────────────────────────────────────────────


@pytest.mark.gpu
def test_a_device_gives_what_the_processor_gives(tmp_path):
    rng = np.random.default_rng(0)
    made = model(("N", 3, 8, 8), kind="Conv")
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    device = open_model(tmp_path / "m.onnx", "cuda", strict=True)
    processor = open_model(tmp_path / "m.onnx", "cpu")
    assert device.provider == CUDA
    # More sizes than are recorded, each twice: recorded, replayed, and neither.
    for rows in [*range(1, 12), *range(1, 12)]:
        given = {"x": rng.standard_normal((rows, 3, 8, 8)).astype(np.float32)}
        (found,), (expected,) = device.run(given).values(), processor.run(given).values()
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "name",
    ["nodes_in_a_circle", "function_that_calls_itself", "negative_dims", "giant_weights"],
)
def test_onnx_judges_a_file_before_a_session_is_made(tmp_path, monkeypatch, name):
    fake = Runtime()
    monkeypatch.setattr(registry, "onnxruntime", lambda: fake)
    with pytest.raises(Failure) as caught:
        open_model(HOSTILE[name](tmp_path), "cpu")
    assert caught.value.diagnostic.code.number == "E0610"
    assert fake.sessions == []


def test_facts_look_into_inner_graphs():
    facts = facts_of(model(kind="If"))
    assert facts.control_flow
    assert not facts.convolutions
    assert facts.nodes == 3
    assert facts_of(onnx.ModelProto()).capturable
