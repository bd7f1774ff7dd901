"""What the tests of servers share: servers in a thread, small models, requests."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from dlc.runtime.serving.catalogue import Catalogue
from dlc.runtime.serving.guard import Guard
from dlc.runtime.serving.limits import Limits
from dlc.runtime.serving.server import Address, Server, bound

#: The types of a tensor that the protocol has a name for and a model can hold.
TYPES = {
    "BOOL": (TensorProto.BOOL, np.bool_),
    "UINT8": (TensorProto.UINT8, np.uint8),
    "INT8": (TensorProto.INT8, np.int8),
    "INT16": (TensorProto.INT16, np.int16),
    "INT32": (TensorProto.INT32, np.int32),
    "INT64": (TensorProto.INT64, np.int64),
    "FP16": (TensorProto.FLOAT16, np.float16),
    "FP32": (TensorProto.FLOAT, np.float32),
    "FP64": (TensorProto.DOUBLE, np.float64),
    "BYTES": (TensorProto.STRING, object),
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Running:
    """A server that runs."""

    address: Address
    server: Server
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return self.address.url

    @property
    def place(self) -> str:
        """As tritonclient wants it."""
        return self.url.removeprefix("http://")

    def ask(
        self,
        path: str,
        body: Any = None,
        *,
        method: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request; a body that is no bytes is written as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data=body, headers=headers or {}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as found:
                return Answer(found.status, dict(found.headers), found.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())


@contextmanager
def running(
    models: dict[str, Path], *, token: str | None = None, grpc: bool = False, **limits: Any
) -> Iterator[Running]:
    """A server of models in a thread."""
    catalogue = Catalogue.open(models, Limits(**limits), "cpu")
    listener = bound("127.0.0.1", 0)
    server = Server(catalogue, Guard(token), listener, grpc_port=0 if grpc else None)
    found: list[Running] = []
    listens = threading.Event()
    failed: list[BaseException] = []

    async def serve() -> None:
        def announce(address: Address) -> None:
            found.append(Running(address, server, asyncio.get_running_loop()))
            listens.set()

        await server.serve(announce)

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failed.append(error)
            listens.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert listens.wait(60)
    if failed:
        raise failed[0]
    try:
        yield found[0]
    finally:
        found[0].loop.call_soon_threadsafe(server.stop)
        thread.join(60)
        assert not thread.is_alive()
        assert not failed


def save(path: Path, nodes: list[Any], inputs: Any, outputs: Any, weights: Any = ()) -> Path:
    """A model of some nodes; inputs and outputs are (name, type, shape)."""
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(*given) for given in inputs],
        [helper.make_tensor_value_info(*given) for given in outputs],
        list(weights),
    )
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])
    onnx.save(model, path)
    return path


def row(**values: float) -> dict[str, float]:
    """A row of flowers."""
    return {"m_0": 1100.0, "m_1": 1080.0, "m_2": 1130.0, "m_3": 1090.0, **values}


def tensor(data: Any, shape: Any = (1, 4), datatype: str = "FP32", name: str = "measures") -> Any:
    """A request with one tensor."""
    return {"inputs": [{"name": name, "shape": list(shape), "datatype": datatype, "data": data}]}


_PLACE = ("--port", "0", "--grpc-port", "none", "--format", "json")


@contextmanager
def process(*words):
    """A server of its own; gives it and what it said when it listened."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "dlc.compiler.cli.main", "serve", *map(str, words), *_PLACE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as child:
        try:
            yield child, json.loads(child.stdout.readline())
        finally:
            child.kill()
