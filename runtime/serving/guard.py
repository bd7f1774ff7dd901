"""Who may ask: nobody from outside, or whoever has the token."""

from __future__ import annotations

import hmac
import ipaddress
import stat
from pathlib import Path

from dlc.runtime.failures import failure, io_failure, shown
from dlc.runtime.serving.refusals import Refusal

VARIABLE = "DLC_SERVE_TOKEN"
_LEAST = 16
_MOST_BYTES = 4096


class Guard:
    """Compares the token of a request with that of the server, in a time that tells nothing.
    Without a token everyone may ask."""

    def __init__(self, token: str | None = None) -> None:
        self._token = token.encode() if token is not None else None

    @property
    def asks(self) -> bool:
        """Whether a token is needed."""
        return self._token is not None

    def refuse(self, authorization: str | None) -> None:
        """Raises `Refusal` 401 for the value of an `Authorization` header that does not fit."""
        if self._token is None:
            return
        scheme, _, given = (authorization or "").partition(" ")
        # Bytes, as the function takes no texts outside ASCII.
        same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._token)
        if scheme.lower() != "bearer" or not same:
            raise Refusal(
                401,
                "a token is needed: `Authorization: Bearer ...`",
                {"www-authenticate": "Bearer"},
            )


def read_token(file: Path | None, variable: str | None) -> str | None:
    """The token in a file, or else in the environment. Raises `Failure` E0920."""
    if file is None:
        return None if variable is None else _checked(variable.strip(), f"`${VARIABLE}`")
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise failure("E0920", f"`{shown(file)}` is no regular file", exit_code=2)
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES)
    except OSError as error:
        raise io_failure("cannot read", file, error) from None
    return _checked(content.decode("utf-8", "replace").strip(), f"`{shown(file)}`")


def _checked(token: str, where: str) -> str:
    if len(token) < _LEAST or not token.isascii() or not token.isprintable() or " " in token:
        raise failure(
            "E0920",
            f"the token in {where} is no word of {_LEAST} ASCII characters or more",
            help="make one: `python -c 'import secrets; print(secrets.token_urlsafe())'`",
            exit_code=2,
        )
    return token


def refuse_open(host: str, guard: Guard) -> None:
    """Raises `Failure` E0921 where others could ask without a token."""
    if guard.asks or is_loopback(host):
        return
    raise failure(
        "E0921",
        f"`--host {host}` is open to other machines, and no token is set",
        help=f"give `--token-file FILE`, or set `{VARIABLE}`",
        exit_code=2,
    )


def is_loopback(host: str) -> bool:
    """Whether an address is that of this machine alone. Other names than `localhost` are not
    looked up: what they mean may change."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
