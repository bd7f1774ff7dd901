"""Headers of safetensors files: what is read, and that nothing hostile gets through."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlc.compiler.ir.types import DType
from dlc.compiler.transfer.header import (
    MAX_HEADER,
    MAX_TENSORS,
    HeaderError,
    header_length,
    read_header,
)


def entry(dtype: str = "F32", shape: Any = (2, 3), at: Any = (0, 24)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": at}


def read(header: Any, data: int = 24) -> Any:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return read_header(text, data)


def test_a_header_gives_names_types_and_shapes() -> None:
    found = read(
        {
            "__metadata__": {"format": "pt"},
            "b": entry("BF16", [4], [24, 32]),
            "a": entry(),
            "n": entry("I64", [], [32, 40]),
            "q": entry("F8_E4M3", [8], [40, 48]),
            "none": entry("F32", [0, 7], [40, 40]),
        },
        48,
    )
    assert [*found] == ["b", "a", "n", "q", "none"]
    assert (found["b"].dtype, found["b"].shape) == (DType.BFLOAT16, (4,))
    assert (found["n"].shape, found["n"].elements) == ((), 1)
    assert found["q"].dtype is None
    assert found["none"].elements == 0
    assert str(found["a"]) == "float32[2, 3]"


def test_the_header_of_the_library_is_read(tmp_path: Any) -> None:
    numpy = pytest.importorskip("numpy")
    from safetensors.numpy import save

    content = save({"w": numpy.zeros((3, 4), "f4"), "n": numpy.zeros((), "i8")}, {"a": "b"})
    length = header_length(content, len(content))
    found = read_header(content[8 : 8 + length], len(content) - 8 - length)
    assert {name: str(stored) for name, stored in found.items()} == {
        "w": "float32[3, 4]",
        "n": "int64[]",
    }


@pytest.mark.parametrize(
    ("start", "size", "message"),
    [
        (b"", 0, "it has 0 bytes"),
        (b"abc", 3, "it has 3 bytes"),
        ((1 << 63).to_bytes(8, "little"), 100, "its header would take"),
        (b"\xff" * 8, 1 << 20, "its header would take"),
        ((93).to_bytes(8, "little"), 100, "its header would take 93 bytes"),
        ((MAX_HEADER + 1).to_bytes(8, "little"), 1 << 40, "over the limit"),
    ],
)
def test_a_length_that_cannot_be_is_refused(start: bytes, size: int, message: str) -> None:
    with pytest.raises(HeaderError, match=message):
        header_length(start, size)


A = entry()
DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe{}", "no JSON"),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (DEEP, "no JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "no JSON"),
        (b'{"a": NaN}', "holds NaN"),
        (b'{"a": {"dtype": "F32", "shape": [Infinity], "data_offsets": [0, 0]}}', "holds Infin"),
        ({"a": 1}, "not given by"),
        ({"a": []}, "not given by"),
        ({"a": {"dtype": "F32", "shape": []}}, "not given by"),
        ({"a": {**A, "more": 1}}, "not given by"),
        ({"a": entry("F31")}, "unknown element type `F31`"),
        ({"a": entry("f32")}, "unknown element type"),
        ({"a": {**A, "dtype": ["F32"]}}, "unknown element type"),
        ({"a": entry(shape=6)}, "no list of sizes"),
        ({"a": entry(shape=[2, -3])}, "no list of sizes"),
        ({"a": entry(shape=[2, 3.0])}, "no list of sizes"),
        ({"a": entry(shape=[2, True])}, "no list of sizes"),
        ({"a": entry(shape=["2", "3"])}, "no list of sizes"),
        ({"a": entry(shape=[1] * 65, at=[0, 4])}, "no list of sizes"),
        ({"a": entry(shape=[1 << 63])}, "no list of sizes"),
        ({"a": entry(shape=[1 << 62] * 60)}, "larger than any file"),
        ({"a": entry(shape=[1 << 40])}, "takes 4,398,046,511,104 bytes"),
        ({"a": entry(at=[0])}, "no pair of offsets"),
        ({"a": entry(at=[0, 24, 48])}, "no pair of offsets"),
        ({"a": entry(at=[-24, 0])}, "no pair of offsets"),
        ({"a": entry(at=[24, 0])}, "and it has 0"),
        ({"a": entry(at=[0, 23])}, "takes 24 bytes, and it has 23"),
        ({"a": entry("F4", [3], [0, 2])}, "takes"),
        ({"a": entry(at=[1, 25])}, "nothing is said of the first 1 bytes"),
        ({"a": A, "b": entry(at=[12, 36])}, "`a` and `b` overlap"),
        ({"a": A, "b": A}, "`a` and `b` overlap"),
        ({"a": A, "b": entry(at=[28, 52])}, "gap between `a` and `b`"),
        ({"a": A, "b": entry(at=[24, 48])}, "cut off: 24 bytes are missing"),
        ({}, "24 bytes at its end belong to no tensor"),
        ({"a": entry(shape=[5], at=[0, 20])}, "4 bytes at its end"),
        ({"__metadata__": [], "a": A}, "metadata"),
        ({"__metadata__": {"a": 1}, "a": A}, "metadata"),
        (b'{"a": %b, "a": %b}' % ((json.dumps(A).encode(),) * 2), "lists `a` twice"),
        (b'{"a": {"dtype": "F32", "dtype": "F32", "shape": [], "data_offsets": [0, 4]}}', "twice"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_header_that_lies_is_refused(header: Any, message: str) -> None:
    with pytest.raises(HeaderError, match=message):
        read(header)


def test_a_name_of_any_length_makes_a_short_message() -> None:
    with pytest.raises(HeaderError) as caught:
        read({"x" * 1_000_000: 1})
    assert len(str(caught.value)) < 300


def test_a_header_of_brackets_costs_neither_time_nor_memory() -> None:
    text = b'{"a":[' + b"{}," * (MAX_HEADER // 3 - 4) + b"{}]}"
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(HeaderError, match=f"more than {MAX_TENSORS:,} tensors"):
        read(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    assert time.monotonic() - began < 20  # a hang guard


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["F32", "BF16", "I64"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["dtype", "shape", "data_offsets", "__metadata__", "a"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON, st.integers(0, 64))
def test_whatever_the_header_it_is_read_or_refused(header: Any, data: int) -> None:
    try:
        found = read(header, data)
    except HeaderError:
        return
    assert sum(stored.end - stored.begin for stored in found.values()) == data


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_whatever_the_bytes_they_are_read_or_refused(text: bytes) -> None:
    try:
        read(text, 0)
    except HeaderError:
        return
