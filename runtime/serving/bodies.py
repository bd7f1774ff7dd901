"""Bodies of requests, counted while they come in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from dlc.runtime.serving.catalogue import Catalogue
from dlc.runtime.serving.refusals import Refusal, bad, busy, too_large


@asynccontextmanager
async def body_of(request: Request, catalogue: Catalogue) -> AsyncIterator[bytes]:
    """The body, which counts among those that are held until the context is left. Raises
    `Refusal`: 413 for more than the server reads, 415 for a compressed one, 503 where all
    bodies together are too many bytes."""
    limits = catalogue.limits
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise Refusal(415, "compressed bodies are not taken", {"connection": "close"})
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > limits.body:
        raise _large(limits.body)
    held = 0
    try:
        chunks: list[bytes] = []
        async for chunk in request.stream():
            held += len(chunk)
            catalogue.held += len(chunk)
            if held > limits.body:
                raise _large(limits.body)
            if catalogue.held > limits.held:
                refusal = busy("too many bytes of requests are held", 1)
                refusal.headers["connection"] = "close"
                raise refusal
            chunks.append(chunk)
        yield chunks[0] if len(chunks) == 1 else b"".join(chunks)
    except ClientDisconnect:
        raise bad("the body is cut off") from None
    finally:
        catalogue.held -= held


def _large(most: int) -> Refusal:
    return too_large(f"the body is larger than {most} bytes")
