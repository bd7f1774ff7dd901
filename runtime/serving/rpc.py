"""The gRPC side: the same models, by the same path as the REST side."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import grpc
import numpy as np

from dlc.runtime.failures import failure
from dlc.runtime.serving.catalogue import Catalogue
from dlc.runtime.serving.datatypes import (
    Array,
    from_raw,
    from_values,
    name_of,
    size_of,
    to_raw,
)
from dlc.runtime.serving.guard import Guard
from dlc.runtime.serving.infer_http import (
    DATATYPES,
    Request,
    Wanted,
    given_outputs,
    read_classes,
    read_shape,
    read_timeout,
)
from dlc.runtime.serving.messages import Method, protocol
from dlc.runtime.serving.metrics import Metrics
from dlc.runtime.serving.refusals import Refusal, bad, busy, quoted
from dlc.runtime.serving.served import VERSION

_log = logging.getLogger("dlc.serving")

_CODES: Final = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
_OPEN: Final = frozenset({"ServerLive", "ServerReady"})
#: Where a tensor's values stand that come one by one; others are raw.
_CONTENTS: Final = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


class Rpc:
    """The gRPC server of a catalogue. `active` are requests that are not answered yet."""

    def __init__(self, catalogue: Catalogue, guard: Guard, metrics: Metrics) -> None:
        self.catalogue = catalogue
        self.guard = guard
        self.metrics = metrics
        self.active = 0
        self._messages = protocol().messages
        self._server: Any = None

    async def start(self, host: str, port: int) -> int:
        """Listens, and gives the port. Raises `Failure` E0922."""
        limits = self.catalogue.limits
        self._server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", limits.body),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_metadata_size", limits.head),
                ("grpc.max_concurrent_streams", 128),
                ("grpc.max_connection_idle_ms", round(limits.idle_seconds * 1000)),
                # Two servers on one port would share what comes in.
                ("grpc.so_reuseport", 0),
            ),
            maximum_concurrent_rpcs=4 * limits.queue + limits.connections,
        )
        handlers = {method.name: self._handler(method) for method in protocol().methods}
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(protocol().service, handlers),)
        )
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            found: int = self._server.add_insecure_port(place)
        except RuntimeError:
            found = 0
        if not found:
            raise failure(
                "E0922",
                f"cannot listen on {host}, port {port}, for gRPC",
                help="give another `--grpc-port`; 0 takes one that is free, none offers no gRPC",
                exit_code=74,
            )
        await self._server.start()
        return found

    async def stop(self, seconds: float) -> None:
        """Ends; requests that are not answered in so many seconds are given up."""
        if self._server is not None:
            await self._server.stop(seconds)

    def _handler(self, method: Method) -> Any:
        request = self._messages[method.request].FromString
        response = self._messages[method.response].SerializeToString
        if method.streams:
            return grpc.stream_stream_rpc_method_handler(self._streamed, request, response)
        answer = self._guarded(method.name, getattr(self, f"_{method.name}"))
        return grpc.unary_unary_rpc_method_handler(answer, request, response)

    # ── around every request ─────────────────────────────────────────────────

    def _guarded(
        self, name: str, answer: Callable[[Any, Any], Awaitable[Any]]
    ) -> Callable[[Any, Any], Awaitable[Any]]:
        async def handle(request: Any, context: Any) -> Any:
            with self._counted(request) as done:
                try:
                    if name not in _OPEN:
                        self._admit(context)
                    found = await answer(request, context)
                    done(200)
                    return found
                except Refusal as refusal:
                    done(refusal.status)
                    await self._abort(context, refusal)
                except grpc.aio.AbortError:
                    raise
                except Exception:
                    _log.exception("a request failed")
                    await self._abort(context, Refusal(500, "the server failed; its log says how"))

        return handle

    async def _streamed(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """Answers one after the other; a request that fails ends nothing but itself."""
        response = self._messages["ModelStreamInferResponse"]
        try:
            self._admit(context)
        except Refusal as refusal:
            await self._abort(context, refusal)
        async for request in requests:
            with self._counted(request) as done:
                try:
                    found = response(infer_response=await self._ModelInfer(request, None))
                    done(200)
                except Refusal as refusal:
                    done(refusal.status)
                    found = response(error_message=refusal.message)
                    found.infer_response.id = request.id
            yield found

    @contextmanager
    def _counted(self, request: Any) -> Iterator[Callable[[int], None]]:
        began, status = time.monotonic(), 500

        def done(found: int) -> None:
            nonlocal status
            status = found

        self.active += 1
        try:
            yield done
        finally:
            self.active -= 1
            model = getattr(request, "model_name", "") or getattr(request, "name", "")
            self.metrics.count(model, "grpc", status, time.monotonic() - began)

    def _admit(self, context: Any) -> None:
        """Raises `Refusal` 401."""
        if self.guard.asks:
            given = dict(context.invocation_metadata() or ()).get("authorization")
            self.guard.refuse(given if isinstance(given, str) else None)

    async def _abort(self, context: Any, refusal: Refusal) -> None:
        code = _CODES.get(refusal.status, grpc.StatusCode.INTERNAL)
        after = refusal.headers.get("retry-after")
        await context.abort(code, refusal.message, (("retry-after", after),) if after else ())

    # ── the methods ──────────────────────────────────────────────────────────

    async def _ServerLive(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._messages["ServerLiveResponse"](live=True)

    async def _ServerReady(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._messages["ServerReadyResponse"](ready=self.catalogue.ready)

    async def _ModelReady(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.catalogue.model(request.name, request.version)
        return self._messages["ModelReadyResponse"](ready=self.catalogue.ready)

    async def _ServerMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._messages["ServerMetadataResponse"](**self.catalogue.server_metadata())

    async def _ModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        model = self.catalogue.model(request.name, request.version)
        return self._messages["ModelMetadataResponse"](**self.catalogue.model_metadata(model))

    async def _ModelStatistics(self, request: Any, context: Any) -> Any:  # noqa: N802
        models = list(self.catalogue.models.values())
        if request.name:
            models = [self.catalogue.model(request.name, request.version)]
        found = [self.catalogue.statistics(model) for model in models]
        return self._messages["ModelStatisticsResponse"](model_stats=found)

    async def _ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        model = self.catalogue.model(request.model_name, request.model_version)
        model.refuse_if_full()
        held = request.ByteSize()
        self.catalogue.held += held
        try:
            if self.catalogue.held > self.catalogue.limits.held:
                raise busy("too many bytes of requests are held", 1)
            asked = read_message(request)
            wanted = asked.wanted(model.forms)
            outputs = await model.infer(asked.tensors, self._deadline(context, asked.timeout))
        finally:
            self.catalogue.held -= held
        chosen = given_outputs(wanted, outputs, model.labels)
        answer = self._messages["ModelInferResponse"](
            model_name=model.name, model_version=VERSION, id=request.id
        )
        write_message(answer, chosen, raw=bool(request.raw_input_contents))
        return answer

    def _deadline(self, context: Any, asked: float | None) -> float:
        seconds = self.catalogue.limits.timeout
        left = None if context is None else context.time_remaining()
        for bound in (left, asked):
            if bound is not None:
                seconds = min(seconds, bound)
        return time.monotonic() + seconds


# ── tensors in messages ──────────────────────────────────────────────────────


def read_message(request: Any) -> Request:
    """What a message asks. Raises `Refusal` 400."""
    raw = request.raw_input_contents
    if not request.inputs:
        raise bad("there are no inputs")
    if raw and len(raw) != len(request.inputs):
        raise bad(f"{len(request.inputs)} inputs, and {len(raw)} raw contents")
    tensors: dict[str, Array] = {}
    for index, tensor in enumerate(request.inputs):
        name, datatype = tensor.name, tensor.datatype
        if name in tensors:
            raise bad(f"input {quoted(name)} is given twice")
        if datatype not in DATATYPES:
            raise bad(f"input {quoted(name)}: {quoted(datatype)} is no datatype")
        if "shared_memory_region" in tensor.parameters:
            raise bad(f"input {quoted(name)}: shared memory is not offered")
        shape = read_shape(name, list(tensor.shape))
        if raw:
            if tensor.HasField("contents"):
                raise bad(f"input {quoted(name)} has both contents and raw contents")
            tensors[name] = from_raw(name, datatype, shape, memoryview(raw[index]))
        else:
            tensors[name] = _from_contents(name, datatype, shape, tensor.contents)
    parameters = _parameters(request.parameters)
    return Request(
        tensors=tensors,
        outputs=[
            Wanted(
                name=output.name,
                classes=read_classes(
                    output.name, _parameters(output.parameters).get("classification", 0)
                ),
            )
            for output in request.outputs
        ],
        timeout=read_timeout(parameters.get("timeout")),
    )


def _parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, parameter in given.items():
        which = parameter.WhichOneof("parameter_choice")
        found[name] = getattr(parameter, which) if which else None
    return found


def _from_contents(name: str, datatype: str, shape: Sequence[int], contents: Any) -> Array:
    field = _CONTENTS.get(datatype)
    if field is None:
        raise bad(f"input {quoted(name)}: {datatype} is given in raw contents")
    values = getattr(contents, field)
    if any(len(listed) for other, listed in contents.ListFields() if other.name != field):
        raise bad(f"input {quoted(name)}: the values of {datatype} are in `{field}`")
    if size_of(datatype) is None or not datatype.startswith("FP"):
        return from_values(name, datatype, shape, list(values))
    if len(values) != math.prod(shape):
        raise bad(f"input {quoted(name)}: {len(values)} values, and a shape of {list(shape)}")
    return np.array(values, np.float32 if datatype == "FP32" else np.float64).reshape(shape)


def write_message(answer: Any, outputs: Sequence[tuple[Wanted, Array]], *, raw: bool) -> None:
    """Fills an answer: raw where the request was, or where a type has no other form."""
    raw = raw or any(name_of(array) not in _CONTENTS for _, array in outputs)
    for wanted, array in outputs:
        datatype = name_of(array)
        tensor = answer.outputs.add(name=wanted.name, datatype=datatype, shape=array.shape)
        if raw:
            answer.raw_output_contents.append(to_raw(array))
            continue
        values = array.reshape(-1).tolist()
        if datatype == "BYTES":
            values = [v if isinstance(v, bytes) else str(v).encode() for v in values]
        getattr(tensor.contents, _CONTENTS[datatype]).extend(values)
