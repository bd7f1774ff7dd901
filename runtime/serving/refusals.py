"""What ends a request without an answer: a status of HTTP and a sentence without a path."""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """Ends one request. `status` is that of HTTP; gRPC has its own for each."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


def bad(message: str) -> Refusal:
    """What was asked cannot be understood or is no input of the model."""
    return Refusal(400, message)


def missing(message: str) -> Refusal:
    return Refusal(404, message)


def too_large(message: str) -> Refusal:
    """More than the server reads; the connection is closed, as the rest is not wanted."""
    return Refusal(413, message, {"connection": "close"})


def busy(message: str, seconds: float) -> Refusal:
    """There is no room now; in some seconds there may be."""
    return Refusal(503, message, {"retry-after": str(max(1, round(seconds)))})


def late() -> Refusal:
    return Refusal(504, "the request was not answered in time")


def quoted(text: object, most: int = 60) -> str:
    """A word of the client's as messages show it: short, on one line, printable."""
    words = str(text)
    words = words if len(words) <= most else words[: most - 3] + "..."
    return "`" + "".join(c if c.isprintable() else "?" for c in words) + "`"


def whole(value: object, low: int, high: int) -> int | None:
    """A whole number of JSON within bounds, 3.0 as well as 3; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and low <= value <= high else None
