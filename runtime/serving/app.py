"""The REST side: what each path answers."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dlc.runtime.serving import openapi, page_files
from dlc.runtime.serving.bodies import body_of
from dlc.runtime.serving.catalogue import Catalogue
from dlc.runtime.serving.form import form_of
from dlc.runtime.serving.guard import Guard, is_loopback
from dlc.runtime.serving.infer_http import (
    HEADER_LENGTH,
    given_outputs,
    read_json,
    read_request,
    write_answer,
)
from dlc.runtime.serving.metrics import CONTENT_TYPE, Metrics
from dlc.runtime.serving.refusals import Refusal, bad
from dlc.runtime.serving.rows import answers, read_rows
from dlc.runtime.serving.served import VERSION, ServedModel

#: A header by which a client says how many milliseconds it waits.
TIMEOUT_HEADER = "request-timeout-ms"

_log = logging.getLogger("dlc.serving")
Handler = Callable[[Request], Awaitable[Response]]


class Application:
    """An ASGI application for the models of a catalogue. `hosts` are names that a request
    without a token may call the server by, besides those of this machine: a page of another
    site that has its name point here is refused."""

    def __init__(
        self,
        catalogue: Catalogue,
        guard: Guard,
        metrics: Metrics,
        hosts: tuple[str, ...] = (),
    ) -> None:
        self.catalogue = catalogue
        self.guard = guard
        self.metrics = metrics
        self.hosts = hosts
        self.active = 0
        self._page = page_files.files()
        self._inner = Router(self._routes(), redirect_slashes=False, default=self._other)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        # Starlette looks for it, and then raises what it does not find.
        scope["app"] = self
        began = time.monotonic()
        self.active += 1
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self.catalogue.draining:
                    # Whoever keeps the connection would find it closed with the next request.
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        try:
            self._admit(scope)
            await self._inner(scope, receive, watched)
        except Refusal as refusal:
            await _error(refusal)(scope, receive, watched)
        except HTTPException as error:
            await _error(_unrouted(error))(scope, receive, watched)
        except Exception:
            _log.exception("a request failed")
            failed = Refusal(500, "the server failed; its log says how")
            await _error(failed)(scope, receive, watched)
        finally:
            self.active -= 1
            model = scope.get("path_params", {}).get("model", "")
            self.metrics.count(model, "http", status, time.monotonic() - began)

    def _admit(self, scope: Scope) -> None:
        path = scope["path"]
        headers = dict(scope["headers"])
        if not self.guard.asks:
            host = headers.get(b"host", b"").decode("latin-1")
            name = host if host.endswith("]") else host.rpartition(":")[0] or host
            if name and not is_loopback(name) and name not in self.hosts:
                raise Refusal(403, "this server is not known by that name")
        elif path.startswith(("/v2", "/metrics")) and not path.startswith("/v2/health/"):
            given = headers.get(b"authorization")
            self.guard.refuse(None if given is None else given.decode("latin-1"))

    def _routes(self) -> list[BaseRoute]:
        model = "/v2/models/{model}"
        routes: list[BaseRoute] = []
        for path, handler, method in (
            ("/infer", self._infer, "POST"),
            ("/rows", self._rows, "POST"),
            ("/form", self._form, "GET"),
            ("/ready", self._model_ready, "GET"),
            ("/stats", self._model_statistics, "GET"),
            ("", self._model_metadata, "GET"),
        ):
            for prefix in (model, model + "/versions/{version}"):
                routes.append(Route(prefix + path, _endpoint(handler), methods=[method]))
        for path, handler in (
            ("/v2/health/live", self._live),
            ("/v2/health/ready", self._ready),
            ("/v2", self._server_metadata),
            ("/v2/", self._server_metadata),
            ("/metrics", self._metrics),
            ("/openapi.json", self._openapi),
        ):
            routes.append(Route(path, _endpoint(handler), methods=["GET"]))
        # Before the models, one of which may be called `stats`.
        routes.insert(0, Route("/v2/models/stats", _endpoint(self._statistics), methods=["GET"]))
        routes.append(Route("/v2/models", _endpoint(self._models), methods=["GET"]))
        return routes

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A file of the page, or nothing."""
        if self._page is None or scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(404)
        await self._page(scope, receive, send)

    def _model(self, request: Request) -> ServedModel:
        parameters = request.path_params
        return self.catalogue.model(parameters["model"], parameters.get("version", ""))

    def _deadline(self, request: Request, asked: float | None = None) -> float:
        """When the answer is no longer waited for, of `time.monotonic`."""
        seconds = self.catalogue.limits.timeout
        header = request.headers.get(TIMEOUT_HEADER)
        if header is not None:
            if not (header.isascii() and header.isdigit() and len(header) < 12 and int(header)):
                raise bad("the header Request-Timeout-Ms is a number of milliseconds")
            seconds = min(seconds, int(header) / 1000)
        if asked is not None:
            seconds = min(seconds, asked)
        return time.monotonic() + seconds

    # ── answers ──────────────────────────────────────────────────────────────

    async def _infer(self, request: Request) -> Response:
        model = self._model(request)
        model.refuse_if_full()
        async with body_of(request, self.catalogue) as body:
            asked = read_request(body, request.headers.get(HEADER_LENGTH))
        wanted = asked.wanted(model.forms)
        deadline = self._deadline(request, asked.timeout)
        outputs = await model.infer(asked.tensors, deadline)
        chosen = given_outputs(wanted, outputs, model.labels)
        content, length = write_answer(model.name, asked.id, chosen)
        if length is None:
            return Response(content, media_type="application/json")
        return Response(
            content,
            media_type="application/octet-stream",
            headers={"inference-header-content-length": str(length)},
        )

    async def _rows(self, request: Request) -> Response:
        model = self._model(request)
        model.refuse_if_full()
        async with body_of(request, self.catalogue) as body:
            given = read_json(body)
        deadline = self._deadline(request)
        outputs = await model.answer_rows(read_rows(model, given), deadline)
        return _json(
            {
                "model_name": model.name,
                "model_version": VERSION,
                "answers": answers(outputs, model.labels),
            }
        )

    async def _form(self, request: Request) -> Response:
        predictor = self._model(request).predictor
        outputs = {
            o.name: (o.type, tuple(o.shape)) for o in predictor.session.session.get_outputs()
        }
        return _json(form_of(predictor.info, predictor.session.inputs, outputs))

    async def _model_metadata(self, request: Request) -> Response:
        return _json(self.catalogue.model_metadata(self._model(request)))

    async def _model_ready(self, request: Request) -> Response:
        self._model(request)
        return self._state({"ready": self.catalogue.ready}, self.catalogue.ready)

    async def _model_statistics(self, request: Request) -> Response:
        return _json({"model_stats": [self.catalogue.statistics(self._model(request))]})

    async def _statistics(self, request: Request) -> Response:
        found = [self.catalogue.statistics(m) for m in self.catalogue.models.values()]
        return _json({"model_stats": found})

    async def _models(self, request: Request) -> Response:
        return _json({"models": list(self.catalogue.models)})

    async def _live(self, request: Request) -> Response:
        return self._state({"live": True}, True)

    async def _ready(self, request: Request) -> Response:
        return self._state({"ready": self.catalogue.ready}, self.catalogue.ready)

    async def _server_metadata(self, request: Request) -> Response:
        return _json(self.catalogue.server_metadata())

    async def _metrics(self, request: Request) -> Response:
        return Response(self.metrics.text(), headers={"content-type": CONTENT_TYPE})

    async def _openapi(self, request: Request) -> Response:
        return _json(openapi.document(self.catalogue, self.guard))

    def _state(self, answer: Mapping[str, bool], good: bool) -> Response:
        return _json(answer, 200 if good else 503)


class _Endpoint:
    """An ASGI application of one handler: less on the way than starlette's wrapper, which
    threads its own handling of exceptions through every request."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._handler(Request(scope, receive, send))
        await response(scope, receive, send)


def _endpoint(handler: Handler) -> ASGIApp:
    return _Endpoint(handler)


def _json(content: Any, status: int = 200) -> Response:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    return Response(text.encode("utf-8", "replace"), status, media_type="application/json")


def _error(refusal: Refusal) -> Response:
    response = _json({"error": refusal.message}, refusal.status)
    response.headers.update(refusal.headers)
    return response


def _unrouted(error: HTTPException) -> Refusal:
    """A path or a method that is not there, as starlette says it."""
    words = {404: "there is nothing at this path", 405: "this path takes another method"}
    message = words.get(error.status_code, "the request cannot be answered")
    return Refusal(error.status_code, message, error.headers)
