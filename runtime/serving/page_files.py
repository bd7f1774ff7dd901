"""The files of the page at `/`, where they are installed."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "page"
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class _Page(StaticFiles):
    """Files that take nothing from elsewhere and run no script that is not theirs."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if Path(path).suffix in (".py", ".pyc"):
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response


def files() -> StaticFiles | None:
    """An application for the files beside `index.html`; None where they are not installed."""
    return _Page(directory=FOLDER, html=True) if (FOLDER / "index.html").is_file() else None
