"""Connections: how many, and how long a client may take over its request.

uvicorn sets no deadline before the first response, so that a client that sends nothing, or a
byte now and then, would keep its connection for ever, and no bound to the head of a request.
A connection here has a deadline at any time that the server waits for the client.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dlc.runtime.serving.limits import Limits

#: What is not wanted of a body is read and dropped for so long: closed at once, the connection
#: would be reset, and the client would not see the answer.
_LINGER = 2.0


class _Phase(Enum):
    """What a connection waits for: a request, its head, its body, the answer of ours, or, where
    it was refused, that the client stops sending."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    REFUSED = auto()


class Connection(HttpToolsProtocol):
    """One connection of a server. `limits` are those of the class that `connection_type` makes."""

    limits: ClassVar[Limits] = Limits()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._phase = _Phase.HEAD
        self._timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._lingers = False
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse(503, "too many connections are open", b"retry-after: 1\r\n")
            return
        self._wait(self.limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        if self._write_timer is not None:
            self._write_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing() or self._phase is _Phase.REFUSED:
            return
        if self._phase is _Phase.IDLE:
            # Even of an empty line, which begins no request and would end the wait for one.
            self._begin_head()
        if self._phase is _Phase.HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.head + len(data):
                self._refuse(431, "the head of the request is too large")
                return
        super().data_received(data)
        if self._phase is _Phase.HEAD and self._head_bytes > self.limits.head:
            self._refuse(431, "the head of the request is too large")

    # ── what the parser finds ────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        if self._phase is _Phase.ANSWER:
            self._begin_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._phase = _Phase.BODY
        self._wait(self.limits.body_seconds)
        # Its `close` must wait for what the client still sends.
        self.cycle.transport = cast(asyncio.Transport, _Lingering(self))

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._wait(None)
        self._phase = _Phase.ANSWER
        if self.cycle.response_complete:
            self._phase = _Phase.IDLE
            if self._lingers:
                self._close()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._phase is _Phase.ANSWER:
            self._phase = _Phase.IDLE
        elif self._phase is _Phase.BODY:
            self._unset_keepalive_if_required()
            self._wait(_LINGER)

    # ── deadlines ────────────────────────────────────────────────────────────

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.limits.body_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _begin_head(self) -> None:
        self._phase = _Phase.HEAD
        self._head_bytes = 0
        self._wait(self.limits.header_seconds)

    def _wait(self, seconds: float | None) -> None:
        """Sets the deadline of what the client sends next; None takes it away."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._expired)

    def _expired(self) -> None:
        if self._phase is _Phase.REFUSED:
            self._close()
            return
        answered = self.cycle is not None and (
            self.cycle.response_started if self._phase is _Phase.BODY else False
        )
        silent = self._phase is _Phase.HEAD and not self._head_bytes
        if answered or silent:
            self._close()
        else:
            self._refuse(408, "the request did not come in time")

    def _refuse(self, status: int, message: str, headers: bytes = b"") -> None:
        """Answers without a request that an application could, and closes."""
        words = {408: b"Request Timeout", 431: b"Request Header Fields Too Large"}
        body = b'{"error": "%s"}' % message.encode()
        self.transport.write(
            b"HTTP/1.1 %d %s\r\n" % (status, words.get(status, b"Service Unavailable"))
            + headers
            + b"connection: close\r\ncontent-type: application/json\r\n"
            + b"content-length: %d\r\n\r\n" % len(body)
            + body
        )
        self._phase = _Phase.REFUSED
        if status == 431:
            self._wait(_LINGER)
        else:
            self._close()

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
            # `close` waits until all is written; a client that reads nothing is not waited for.
            self.loop.call_later(self.limits.body_seconds, self.transport.abort)

    def linger(self) -> None:
        """Closes when the client has sent its body, or does not end it."""
        if self._phase is _Phase.BODY:
            self._lingers = True
        else:
            self._close()


class _Lingering:
    """A transport whose `close` lets the client finish."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection.transport, name)

    def close(self) -> None:
        self._connection.linger()


def connection_type(limits: Limits) -> type[Connection]:
    """The protocol of a server with these limits: uvicorn makes its connections itself."""
    return type("LimitedConnection", (Connection,), {"limits": limits})
