"""Requests that are wrong, too large, too slow or too many: an answer of 4xx, and little memory."""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from serving_tools import process, row, running, tensor

MEASURES = [1100, 1080, 1130, 1090]
INFER, ROWS = "/v2/models/flowers/infer", "/v2/models/flowers/rows"


def one(**changes):
    """A request whose tensor has some fields changed; None takes one away."""
    found = tensor(MEASURES)
    found["inputs"][0] |= changes
    found["inputs"][0] = {k: v for k, v in found["inputs"][0].items() if v is not None}
    return found


def binary(size, content=b"", **changes):
    """The JSON of a tensor in binary, what follows it, and the header of its length."""
    text = json.dumps(one(data=None, parameters={"binary_data_size": size}, **changes)).encode()
    return text + content, {"Inference-Header-Content-Length": str(len(text))}


BAD = {
    "nothing": (INFER, b""),
    "no json": (INFER, b"{"),
    "not utf-8": (INFER, b'{"a": "\xff\xfe"}'),
    "a list": (INFER, b"[]"),
    "a number": (INFER, b"1"),
    "null": (INFER, b"null"),
    "deep lists": (INFER, b"[" * 100_000 + b"]" * 100_000),
    "deep objects": (INFER, b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "deep data": (
        INFER,
        json.dumps(one(data=0)).replace("0}", "[" * 900 + "]" * 900 + "}").encode(),
    ),
    "NaN": (INFER, json.dumps(one(data=[float("nan"), 1, 1, 1])).encode()),
    "Infinity": (INFER, json.dumps(one(data=[float("inf"), 1, 1, 1])).encode()),
    "1e999": (INFER, json.dumps(one(data=[1, 1, 1, 17])).replace("17", "1e999").encode()),
    "1e39 in FP32": (INFER, one(data=[1, 1, 1, 1e39])),
    "5000 digits": (INFER, json.dumps(one(data=[1, 1, 1, 17])).replace("17", "1" * 5000).encode()),
    "300 digits": (INFER, json.dumps(one(data=[1, 1, 1, 17])).replace("17", "1" * 310).encode()),
    "no inputs": (INFER, {"inputs": []}),
    "inputs that are an object": (INFER, {"inputs": {}}),
    "inputs of numbers": (INFER, {"inputs": [1]}),
    "an input without a name": (INFER, one(name=None)),
    "a name that is a number": (INFER, one(name=7)),
    "another name": (INFER, one(name="measure")),
    "a name of a path": (INFER, one(name="../../etc/passwd")),
    "an input given twice": (INFER, {"inputs": one()["inputs"] * 2}),
    "no shape": (INFER, one(shape=None)),
    "a shape of texts": (INFER, one(shape=["1", "4"])),
    "a shape of flags": (INFER, one(shape=[True, 4])),
    "a negative shape": (INFER, one(shape=[-1, 4])),
    "a huge shape": (INFER, one(shape=[2**40, 4])),
    "a shape whose product overflows": (INFER, one(shape=[2**30] * 32)),
    "another shape": (INFER, one(shape=[4, 1])),
    "too many dims": (INFER, one(shape=[1] * 1000)),
    "no rows": (INFER, one(shape=[0, 4], data=[])),
    "too many rows": (INFER, one(shape=[100_000, 4], data=[0] * 400_000)),
    "no datatype": (INFER, one(datatype=None)),
    "a datatype that is none": (INFER, one(datatype="FP33")),
    "another datatype": (INFER, one(datatype="INT64")),
    "no data": (INFER, one(data=None)),
    "data that is an object": (INFER, one(data={"a": 1})),
    "too little data": (INFER, one(data=[1])),
    "too much data": (INFER, one(data=[1] * 5)),
    "data of texts": (INFER, one(data=["1", "2", "3", "4"])),
    "data of flags": (INFER, one(data=[True, False, True, True])),
    "data of nulls": (INFER, one(data=[None] * 4)),
    "ragged data": (INFER, one(shape=[2, 4], data=[[1, 2, 3], [1, 2, 3, 4, 5]])),
    "parameters that are a list": (INFER, one(parameters=[])),
    "shared memory": (INFER, one(parameters={"shared_memory_region": "x"})),
    "an output that is none": (INFER, {**one(), "outputs": [{"name": "none"}]}),
    "outputs of numbers": (INFER, {**one(), "outputs": [3]}),
    "classes of what has none": (
        INFER,
        {**one(), "outputs": [{"name": "logits_label", "parameters": {"classification": 1}}]},
    ),
    "a timeout that is no number": (INFER, {**one(), "parameters": {"timeout": "soon"}}),
    "an id that is a number": (INFER, {**one(), "id": 3}),
    "rows of nothing": (ROWS, {"rows": []}),
    "no rows at all": (ROWS, {}),
    "rows of lists": (ROWS, {"rows": [[1, 2]]}),
    "a column that is missing": (ROWS, {"rows": [{"m_0": 1}]}),
    "a text for a number": (ROWS, {"rows": [row(m_1="1")]}),
    "a flag for a number": (ROWS, {"rows": [row(m_1=True)]}),
    "a list for a number": (ROWS, {"rows": [row(m_1=[1.0])]}),
    "null for a number": (ROWS, {"rows": [row(m_1=None)]}),
    "1e999 in a row": (ROWS, json.dumps({"rows": [row(m_1=17)]}).replace("17", "1e999").encode()),
    "deep rows": (ROWS, b'{"rows":' + b"[" * 100_000),
    "too many rows of a table": (ROWS, {"rows": [row()] * 5000}),
}


@pytest.mark.parametrize("what", BAD)
def test_a_wrong_request_is_400_and_says_why(what, flowers):
    path, body = BAD[what]
    answer = flowers.ask(path, body, method="POST")
    assert answer.status == 400, answer.body
    assert answer.headers["content-type"] == "application/json"
    message = answer.json["error"]
    assert len(message) < 500
    # No place of the server: neither a file nor a line of code.
    assert ".onnx" not in message
    assert ".py" not in message
    assert "onnxruntime" not in message
    assert "/root" not in message


BINARY = {
    "too few bytes": (16, b"1234"),
    "too many bytes": (16, b"1" * 17),
    "a size that is not that of the shape": (15, b"1" * 15),
    "a negative size": (-1, b""),
    "a huge size": (2**40, b""),
}


@pytest.mark.parametrize("what", BINARY)
def test_wrong_binary_tensors_are_400(what, flowers):
    size, content = BINARY[what]
    body, headers = binary(size, content)
    assert flowers.ask(INFER, body, headers=headers).status == 400


@pytest.mark.parametrize("length", ["x", "-1", "1e3", "99999999", "٣", "1" * 30])
def test_a_wrong_length_of_the_head_is_400(length, flowers):
    body, _ = binary(16, b"1" * 16)
    headers = {"Inference-Header-Content-Length": length.encode().decode("latin-1")}
    assert flowers.ask(INFER, body, headers=headers).status == 400


@pytest.mark.parametrize(
    "content",
    [b"\xff\xff\xff\xff", b"\x04\x00\x00\x00ab", b"\x00\x00\x00\x00" * 3, b""],
    ids=["huge", "cut off", "left over", "nothing"],
)
def test_elements_of_bytes_that_do_not_fit_are_400(content, echo):
    from dlc.runtime.serving.datatypes import from_raw
    from dlc.runtime.serving.refusals import Refusal

    with pytest.raises(Refusal) as caught:
        from_raw("x", "BYTES", (1, 2), memoryview(content))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/v2/models/flowers/infer", "GET", 405),
        ("/v2/models/flowers", "POST", 405),
        ("/v2/models/none/infer", "POST", 404),
        ("/v2/models/flowers/versions/2/infer", "POST", 404),
        ("/v2/models/..%2f..%2fetc/infer", "POST", 404),
        ("/v2/none", "GET", 404),
        ("/%00", "GET", 404),
        ("/v2/models/%ff%fe", "GET", 404),
    ],
)
def test_paths_and_methods_that_are_not_there(path, method, status, flowers):
    answer = flowers.ask(path, method=method, body=b"{}" if method == "POST" else None)
    assert answer.status == status
    assert "error" in answer.json
    assert status != 405 or answer.headers["allow"]


def test_values_that_the_model_does_not_take_are_400_for_their_request_alone(tmp_path):
    """An index past the end fails the batch that it is in: others in it are answered."""
    from onnx import TensorProto, helper, numpy_helper
    from serving_tools import save

    table = numpy_helper.from_array(np.arange(10, dtype=np.float32), "table")
    path = save(
        tmp_path / "pick.onnx",
        [helper.make_node("Gather", ["table", "i"], ["y"])],
        [("i", TensorProto.INT64, ["N", 1])],
        [("y", TensorProto.FLOAT, ["N", 1])],
        [table],
    )

    def ask(index):
        asked = tensor([index], (1, 1), "INT64", "i")
        return server.ask("/v2/models/pick/infer", asked)

    with running({"pick": path}) as server, ThreadPoolExecutor(16) as pool:
        found = list(pool.map(ask, [3, 10**6, 4] * 40))
    assert [answer.status for answer in found] == [200, 400, 200] * 40
    assert {answer.json["outputs"][0]["data"][0] for answer in found[::3]} == {3.0}
    assert "/" not in found[1].json["error"]


def test_sizes_that_requests_decide_are_bounded(sums):
    with running({"sums": sums}, dim=100, rows=8) as server:
        for shape, status in (((1, 100), 200), ((1, 101), 400), ((8, 1), 200), ((9, 1), 400)):
            asked = tensor([0] * (shape[0] * shape[1]), shape, name="x")
            assert server.ask("/v2/models/sums/infer", asked).status == status


def test_a_body_that_says_it_is_too_large_is_413(sums):
    with running({"sums": sums}, body=1000) as server:
        answer = server.ask("/v2/models/sums/infer", b"x" * 1001)
        assert answer.status == 413
        assert answer.headers["connection"] == "close"


def test_a_client_that_sends_all_before_it_reads_sees_its_413(sums):
    """Closed at once, the connection would be reset, and the answer with it."""
    with running({"sums": sums}, body=1000) as server:
        size = 8 << 20
        head = HEAD + f"Content-Length: {size}\r\n\r\n".encode()
        with sent(server, head) as connection:
            connection.sendall(b" " * size)
            assert rest(connection).startswith(b"HTTP/1.1 413 ")


def test_compressed_bodies_are_refused(flowers):
    answer = flowers.ask(INFER, b"x", headers={"Content-Encoding": "gzip"})
    assert answer.status == 415


def test_a_full_queue_is_503_with_the_time_to_wait(slow):
    asked = tensor([0.0] * 64 * 64, (64, 64), name="x")
    with running({"slow": slow}, queue=2, batch=1) as server, ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda _: server.ask("/v2/models/slow/infer", asked), range(200)))
    statuses = {answer.status for answer in found}
    assert statuses == {200, 503}
    full = next(answer for answer in found if answer.status == 503)
    assert int(full.headers["retry-after"]) >= 1


@pytest.mark.parametrize("ms", ["0", "-1", "x", "1" * 20])
def test_a_wrong_timeout_header_is_400(ms, flowers):
    assert flowers.ask(INFER, one(), headers={"Request-Timeout-Ms": ms}).status == 400


# ── slow and many ────────────────────────────────────────────────────────────


def sent(server, content):
    """A connection over which some bytes were sent."""
    found = socket.create_connection(("127.0.0.1", server.address.port), timeout=30)
    found.sendall(content)
    return found


def rest(connection):
    """All that comes until the server closes."""
    found = b""
    while part := connection.recv(65536):
        found += part
    return found


HEAD = b"POST /v2/models/sums/infer HTTP/1.1\r\nHost: localhost\r\n"


def test_slow_clients_are_not_waited_for(sums):
    """Of nothing, of half a head, of empty lines, of half a body, and of a second request."""
    with running({"sums": sums}, header_seconds=0.4, body_seconds=0.6, idle_seconds=1) as server:
        with ExitStack() as stack:
            begun = [
                stack.enter_context(sent(server, content))
                for content in (
                    b"",
                    b"GET /v2 HTTP/1.1\r\nHo",
                    b"\r\n\r\n",
                    HEAD + b"Content-Length: 100\r\n\r\n{",
                    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
                    b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v2 HT",
                )
            ]
            found = [rest(connection) for connection in begun]
        assert found[0] == b""
        assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in found[1:5] if answer)
        assert found[3].startswith(b"HTTP/1.1 408 ")
        assert found[5].startswith(b"HTTP/1.1 200 ")
        assert server.ask("/v2/health/live").status == 200


def test_a_client_that_drips_its_head_is_not_waited_for(sums):
    with running({"sums": sums}, header_seconds=0.5) as server, sent(server, b"GET ") as drip:
        drip.settimeout(0.05)
        began = time.monotonic()
        closed = False
        while not closed and time.monotonic() - began < 20:
            try:
                drip.sendall(b"x")
                closed = drip.recv(1000) != b""
            except TimeoutError:
                continue
            except OSError:
                closed = True
        assert closed


def test_a_head_without_end_is_431(sums):
    with running({"sums": sums}) as server, sent(server, HEAD) as endless:
        for _ in range(200):
            try:
                endless.sendall(b"X-A: " + b"a" * 1000 + b"\r\n")
            except OSError:
                break
        assert rest(endless).startswith(b"HTTP/1.1 431 ")


def test_more_connections_than_allowed_are_told_so(sums):
    with running({"sums": sums}, connections=5) as server, ExitStack() as stack:
        kept = [stack.enter_context(sent(server, b"GET /v2 HT")) for _ in range(5)]
        time.sleep(0.1)
        with sent(server, b"") as another:
            assert rest(another).startswith(b"HTTP/1.1 503 ")
        kept[0].sendall(b"TP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert rest(kept[0]).startswith(b"HTTP/1.1 200 ")


def test_a_request_that_no_parser_takes_is_400(sums):
    with running({"sums": sums}) as server:
        for content in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
            HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            HEAD + b"Content-Length: -5\r\n\r\n",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
            HEAD + b"Bad Header: 1\r\n\r\n",
        ):
            with sent(server, content) as connection:
                assert rest(connection).startswith(b"HTTP/1.1 400 "), content


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_a_chunked_body_without_end_is_413_and_takes_little_memory(sums):
    """200 MiB in chunks: the answer comes, and little is held of what came before it."""
    with process(f"sums={sums}") as (child, said):

        def peak():
            status = Path(f"/proc/{child.pid}/status").read_text()
            return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])

        place = said["url"].removeprefix("http://")
        asked = json.dumps(tensor([1.0] * 1000, (1, 1000), name="x"))
        connection = HTTPConnection(place, timeout=60)
        connection.request("POST", "/v2/models/sums/infer", asked)
        assert connection.getresponse().read()
        before = peak()
        connection.putrequest("POST", "/v2/models/sums/infer")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        plug, chunk = connection.sock, b"10000\r\n" + b" " * 65536 + b"\r\n"

        def send():
            with suppress(OSError):
                for _ in range(200 * 16):
                    plug.sendall(chunk)

        sender = Thread(target=send)
        sender.start()
        answer = connection.getresponse()
        assert answer.status == 413
        assert answer.getheader("connection") == "close"
        answer.read()
        sender.join(60)
        grown = peak() - before
        connection.close()
        assert grown < 20_000, f"{grown} kB"
