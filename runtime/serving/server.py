"""A server from its start to its end: sockets, signals, and draining.

On SIGTERM or SIGINT it says that it is not ready, answers what comes in and what it has, asks
clients to close their connections, and ends when nothing is left, or after a while. A second
SIGINT ends it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from dlc.runtime.failures import failure
from dlc.runtime.serving.app import Application
from dlc.runtime.serving.catalogue import Catalogue
from dlc.runtime.serving.connections import connection_type
from dlc.runtime.serving.guard import Guard
from dlc.runtime.serving.metrics import Metrics

if TYPE_CHECKING:
    from dlc.runtime.serving.rpc import Rpc

#: How long nothing has been asked when a server that ends takes no more connections.
_QUIET = 0.2
_FILES = 4096


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a server listens; `grpc` is the port of its other side, None where it has none."""

    host: str
    port: int
    grpc: int | None

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class _Uvicorn(uvicorn.Server):
    """uvicorn without signal handlers: signals are ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Server:
    """One server on a socket of `bound`. `grpc_port` 0 takes any that is free, None offers no
    gRPC."""

    def __init__(
        self,
        catalogue: Catalogue,
        guard: Guard,
        listener: socket.socket,
        *,
        host: str = "127.0.0.1",
        grpc_port: int | None = None,
        hosts: tuple[str, ...] = (),
    ) -> None:
        self.catalogue = catalogue
        self.guard = guard
        self.metrics = Metrics(catalogue)
        self.host = host
        self.application = Application(catalogue, guard, self.metrics, hosts)
        self._socket = listener
        self._grpc_port = grpc_port
        self._stop: asyncio.Event | None = None
        self._again = False

    def run(self, announce: Callable[[Address], None]) -> None:
        """Serves until a signal ends it. `announce` is called when it listens."""
        asyncio.run(self.serve(announce))

    async def serve(self, announce: Callable[[Address], None]) -> None:
        self._stop = asyncio.Event()
        web = _Uvicorn(self._config())
        # Without handlers of their own its messages go to standard error, as ours do.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        rpc = self._rpc()
        port = None
        if rpc is not None and self._grpc_port is not None:
            port = await rpc.start(self.host, self._grpc_port)
        with self._signals():
            running = asyncio.create_task(web.serve(sockets=[self._socket]))
            while not web.started and not running.done():
                await asyncio.sleep(0.005)
            announce(Address(host=self.host, port=self._socket.getsockname()[1], grpc=port))
            await self._stop.wait()
            await self._drain(rpc)
            if rpc is not None:
                await rpc.stop(0.0 if self._again else 1.0)
            web.should_exit = True
            web.force_exit = self._again
            await running
        self.catalogue.close()

    def stop(self) -> None:
        """Begins to end. Called in the server's loop."""
        assert self._stop is not None
        self._again = self._stop.is_set()
        self.catalogue.draining = True
        self._stop.set()

    def _rpc(self) -> Rpc | None:
        if self._grpc_port is None:
            return None
        from dlc.runtime.serving.rpc import Rpc

        return Rpc(self.catalogue, self.guard, self.metrics)

    def _config(self) -> uvicorn.Config:
        limits = self.catalogue.limits
        return uvicorn.Config(
            self.application,
            http=connection_type(limits),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=1024,
            timeout_keep_alive=round(limits.idle_seconds),
            timeout_graceful_shutdown=round(limits.drain_seconds),
        )

    async def _drain(self, rpc: Rpc | None) -> None:
        limits = self.catalogue.limits
        began = quiet = time.monotonic()
        while not self._again:
            await asyncio.sleep(0.02)
            now = time.monotonic()
            active = self.application.active + (rpc.active if rpc is not None else 0)
            if active or self.catalogue.busy:
                quiet = now
            if now - began > limits.notice_seconds and now - quiet > _QUIET:
                return
            if now - began > limits.drain_seconds:
                return

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        kinds = [signal.SIGINT, signal.SIGTERM]

        def handle(*_: object) -> None:
            loop.call_soon_threadsafe(self.stop)

        before = {kind: signal.signal(kind, handle) for kind in kinds}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)


def bound(host: str, port: int) -> socket.socket:
    """A socket that has the address. Raises `Failure` E0922."""
    raise_file_limit()
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        try:
            if sys.platform != "win32":
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(place)
        except BaseException:
            found.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise failure(
            "E0922",
            f"cannot listen on {host}, port {port}: {reason}",
            help="give another `--port`; 0 takes one that is free",
            exit_code=74,
        ) from None
    return found


def raise_file_limit() -> None:
    """As many open files as the system allows, up to some thousands: a connection is one."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
