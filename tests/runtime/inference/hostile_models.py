"""Model files that are made to do harm, each in a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

FLOAT = TensorProto.FLOAT

#: Makes the file `m.onnx` in a folder, and what it needs beside it; gives its path.
Make = Callable[[Path], Path]
HOSTILE: dict[str, Make] = {}


def hostile(make: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """What is made is a model to be written, or a path that stands already."""

    def written(folder: Path) -> Path:
        made = make(folder)
        if isinstance(made, onnx.ModelProto):
            made = made.SerializeToString()
        if isinstance(made, bytes):
            (folder / "m.onnx").write_bytes(made)
            return folder / "m.onnx"
        return Path(made)

    HOSTILE[make.__name__] = written
    return make


def model(*nodes: Any, weights: Any = (), domains: Any = (("", 20),), ir: int = 9) -> Any:
    """x to y, `float[N, 2]` both."""
    graph = helper.make_graph(
        nodes or [helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("y", FLOAT, ["N", 2])],
        list(weights),
    )
    return helper.make_model(
        graph, ir_version=ir, opset_imports=[helper.make_opsetid(*each) for each in domains]
    )


def outside(location: str, dims: Any = (2,), **place: Any) -> TensorProto:
    """A weight `w` whose numbers are elsewhere."""
    tensor = TensorProto(name="w", data_type=FLOAT, dims=list(dims))
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    for key, value in place.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def secret(folder: Path) -> Path:
    path = folder.parent / f"{folder.name}.secret"
    path.write_bytes(b"S" * 64)
    return path


# ── weights that lie elsewhere ───────────────────────────────────────────────


@hostile
def absolute_path(folder: Path) -> Any:
    return model(weights=[outside(str(secret(folder)))])


@hostile
def path_to_the_parent(folder: Path) -> Any:
    return model(weights=[outside(f"../{secret(folder).name}")])


@hostile
def path_through_a_folder(folder: Path) -> Any:
    (folder / "sub").mkdir()
    return model(weights=[outside(f"sub/../../{secret(folder).name}")])


@hostile
def symbolic_link(folder: Path) -> Any:
    (folder / "w.bin").symlink_to(secret(folder))
    return model(weights=[outside("w.bin")])


@hostile
def link_to_a_folder(folder: Path) -> Any:
    (folder / "sub").symlink_to(folder.parent)
    return model(weights=[outside(f"sub/{secret(folder).name}")])


@hostile
def hard_link(folder: Path) -> Any:
    os.link(secret(folder), folder / "w.bin")
    return model(weights=[outside("w.bin")])


@hostile
def pipe(folder: Path) -> Any:
    os.mkfifo(folder / "w.bin")
    return model(weights=[outside("w.bin")])


@hostile
def endless_device(folder: Path) -> Any:
    return model(weights=[outside("/dev/zero")])


@hostile
def link_to_an_endless_device(folder: Path) -> Any:
    (folder / "w.bin").symlink_to("/dev/zero")
    return model(weights=[outside("w.bin")])


@hostile
def past_the_end(folder: Path) -> Any:
    (folder / "w.bin").write_bytes(bytes(16))
    return model(weights=[outside("w.bin", offset=12, length=8)])


@hostile
def past_the_end_without_a_length(folder: Path) -> Any:
    (folder / "w.bin").write_bytes(bytes(16))
    return model(weights=[outside("w.bin", dims=[4096, 4096], offset=8)])


@hostile
def negative_length(folder: Path) -> Any:
    (folder / "w.bin").write_bytes(bytes(16))
    return model(weights=[outside("w.bin", offset=8, length=-8)])


@hostile
def overflowing_offset(folder: Path) -> Any:
    (folder / "w.bin").write_bytes(bytes(16))
    return model(weights=[outside("w.bin", offset=2**63 - 4, length=8)])


@hostile
def length_of_another_size(folder: Path) -> Any:
    (folder / "w.bin").write_bytes(bytes(16))
    return model(weights=[outside("w.bin", offset=0, length=4)])


@hostile
def nothing_in_a_name(folder: Path) -> Any:
    return model(weights=[outside("w.bin\0.txt")])


@hostile
def the_model_as_its_own_weights(folder: Path) -> Any:
    return model(weights=[outside("m.onnx", offset=0, length=8)])


@hostile
def memory_of_the_process(folder: Path) -> Any:
    return model(weights=[outside("*/_ORT_MEM_ADDR_/*", offset=4096, length=8)])


@hostile
def sparse_weights(folder: Path) -> Any:
    made = model(helper.make_node("Identity", ["x"], ["y"]))
    indices = helper.make_tensor("i", TensorProto.INT64, [2], [0, 1])
    made.graph.sparse_initializer.add(
        values=outside(str(secret(folder))), indices=indices, dims=[4]
    )
    return made


@hostile
def sparse_indices(folder: Path) -> Any:
    made = model(helper.make_node("Identity", ["x"], ["y"]))
    indices = outside(str(secret(folder)), dims=[8])
    indices.name, indices.data_type = "i", TensorProto.INT64
    made.graph.sparse_initializer.add(
        values=helper.make_tensor("w", FLOAT, [8], [1.0] * 8), indices=indices, dims=[4]
    )
    return made


@hostile
def constant_of_a_branch(folder: Path) -> Any:
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["z"], value=outside(str(secret(folder))))],
        "inner",
        [],
        [helper.make_tensor_value_info("z", FLOAT, [2])],
    )
    flag = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    return model(
        helper.make_node("If", ["c"], ["b"], then_branch=inner, else_branch=inner),
        helper.make_node("Add", ["x", "b"], ["y"]),
        weights=[flag],
    )


@hostile
def constant_of_a_function(folder: Path) -> Any:
    made = model(helper.make_node("F", ["x"], ["y"], domain="d"), domains=[("", 20), ("d", 1)])
    body = [
        helper.make_node("Constant", [], ["c"], value=outside(str(secret(folder)))),
        helper.make_node("Add", ["a", "c"], ["b"]),
    ]
    made.functions.append(
        helper.make_function("d", "F", ["a"], ["b"], body, [helper.make_opsetid("", 20)])
    )
    return made


# ── graphs ───────────────────────────────────────────────────────────────────


@hostile
def giant_weights(folder: Path) -> Any:
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[2**31, 2**31], raw_data=b"\0" * 8)
    return model(weights=[tensor])


@hostile
def overflowing_dims(folder: Path) -> Any:
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[2**62, 4, 2], raw_data=b"")
    return model(weights=[tensor])


@hostile
def negative_dims(folder: Path) -> Any:
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[-2, -1], raw_data=bytes(8))
    return model(weights=[tensor])


@hostile
def constant_that_fills_memory(folder: Path) -> Any:
    sizes = helper.make_tensor("s", TensorProto.INT64, [2], [2**20, 2**20])
    return model(
        helper.make_node("ConstantOfShape", ["s"], ["big"]),
        helper.make_node("ReduceMax", ["big"], ["m"], keepdims=0),
        helper.make_node("Add", ["x", "m"], ["y"]),
        weights=[sizes],
    )


@hostile
def nested_branches(folder: Path) -> Any:
    value = helper.make_tensor_value_info("z", FLOAT, [2])
    constant = helper.make_tensor("k", FLOAT, [2], [0.0, 0.0])
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["z"], value=constant)], "inner", [], [value]
    ).SerializeToString()
    flag = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    # By bytes: protobuf itself does not write what it does not read.
    for _ in range(2000):
        attribute = _field(1, b"then_branch") + _field(6, inner) + b"\xa0\x01\x05"
        other = _field(1, b"else_branch") + _field(6, inner[:0]) + b"\xa0\x01\x05"
        node = _field(1, b"c") + _field(2, b"z") + _field(4, b"If")
        node += _field(5, attribute) + _field(5, other)
        inner = _field(1, node) + _field(2, b"g") + _field(12, value.SerializeToString())
    made = model(weights=[flag])
    del made.graph.node[:]
    return made.SerializeToString() + _field(7, inner)


def _field(number: int, content: bytes) -> bytes:
    """A field of protobuf of the kind that has a length."""
    size, length = len(content), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


@hostile
def unknown_operator(folder: Path) -> Any:
    return model(helper.make_node("Nothing", ["x"], ["y"]))


@hostile
def operator_of_another_library(folder: Path) -> Any:
    node = helper.make_node("Load", ["x"], ["y"], domain="evil.so", path="/tmp/evil.so")
    return model(node, domains=[("", 20), ("evil.so", 1)])


@hostile
def compiled_engine_of_another_file(folder: Path) -> Any:
    """A provider would load the engine, which is machine code."""
    node = helper.make_node(
        *("EPContext", ["x"], ["y"]),
        domain="com.microsoft",
        embed_mode=0,
        ep_cache_context=str(secret(folder)),
        main_context=1,
        source="TensorrtExecutionProvider",
    )
    return model(node, domains=[("", 20), ("com.microsoft", 1)])


@hostile
def function_that_calls_itself(folder: Path) -> Any:
    made = model(helper.make_node("F", ["x"], ["y"], domain="d"), domains=[("", 20), ("d", 1)])
    body = [helper.make_node("F", ["a"], ["b"], domain="d")]
    made.functions.append(
        helper.make_function("d", "F", ["a"], ["b"], body, [helper.make_opsetid("d", 1)])
    )
    return made


@hostile
def functions_that_call_each_other(folder: Path) -> Any:
    made = model(helper.make_node("F", ["x"], ["y"], domain="d"), domains=[("", 20), ("d", 1)])
    for one, other in (("F", "G"), ("G", "F")):
        body = [helper.make_node(other, ["a"], ["b"], domain="d")]
        made.functions.append(
            helper.make_function("d", one, ["a"], ["b"], body, [helper.make_opsetid("d", 1)])
        )
    return made


@hostile
def functions_that_double(folder: Path) -> Any:
    """Forty functions, each of two calls of the next: 2^40 nodes once they are inlined."""
    made = model(helper.make_node("F0", ["x"], ["y"], domain="d"), domains=[("", 20), ("d", 1)])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("d", 1)]
    for level in range(40):
        body = [
            helper.make_node(f"F{level + 1}", ["a"], ["m"], domain="d"),
            helper.make_node(f"F{level + 1}", ["m"], ["b"], domain="d"),
        ]
        if level == 39:
            body = [helper.make_node("Relu", ["a"], ["b"])]
        made.functions.append(helper.make_function("d", f"F{level}", ["a"], ["b"], body, opsets))
    return made


@hostile
def nodes_in_a_circle(folder: Path) -> Any:
    return model(
        helper.make_node("Add", ["x", "b"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Relu", ["b"], ["y"]),
    )


@hostile
def one_value_made_twice(folder: Path) -> Any:
    return model(helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Neg", ["x"], ["y"]))


@hostile
def later_format(folder: Path) -> Any:
    return model(helper.make_node("Relu", ["x"], ["y"]), ir=99)


@hostile
def later_operators(folder: Path) -> Any:
    return model(helper.make_node("Relu", ["x"], ["y"]), domains=[("", 999)])


# ── files ────────────────────────────────────────────────────────────────────


@hostile
def truncated(folder: Path) -> Any:
    weight = helper.make_tensor("w", FLOAT, [2], [1.0, 2.0])
    return model(weights=[weight]).SerializeToString()[:-9]


@hostile
def empty(folder: Path) -> Any:
    return b""


@hostile
def text(folder: Path) -> Any:
    return b"<html><body>404 Not Found</body></html>"


@hostile
def larger_than_any_model(folder: Path) -> Any:
    with (folder / "m.onnx").open("wb") as file:
        file.truncate(3 << 30)
    return folder / "m.onnx"


@hostile
def pipe_for_a_model(folder: Path) -> Any:
    os.mkfifo(folder / "m.onnx")
    return folder / "m.onnx"


@hostile
def device_for_a_model(folder: Path) -> Any:
    return "/dev/zero"


@hostile
def damaged_metadata(folder: Path) -> Any:
    made = model(helper.make_node("Relu", ["x"], ["y"]))
    made.metadata_props.add(key="dlc.version", value="1")
    made.metadata_props.add(key="dlc.preprocess", value="[" * 100_000)
    return made


@hostile
def metadata_that_names_a_class(folder: Path) -> Any:
    made = model(helper.make_node("Relu", ["x"], ["y"]))
    made.metadata_props.add(key="dlc.version", value="1")
    steps = '{"x": {"columns": ["x"], "steps": [], "host": [{"os.system": {"command": "id"}}]}}'
    made.metadata_props.add(key="dlc.preprocess", value=steps)
    return made
