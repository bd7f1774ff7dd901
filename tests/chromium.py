"""A headless Chromium for tests of pages, driven by its own protocol over two pipes.

Nothing has to be installed beside the browser itself.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 120.0
_KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Tab": ("Tab", 9, ""),
    " ": ("Space", 32, " "),
    "ArrowRight": ("ArrowRight", 39, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
}

found = next(filter(None, map(shutil.which, NAMES)), None)
needed = pytest.mark.skipif(found is None, reason="there is no Chromium on this machine")


class Page:
    """One tab. `said` are the messages and errors of its scripts."""

    def __init__(self) -> None:
        assert found is not None
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-")
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        command = [
            *(found, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-dev-shm-usage", "--disable-background-networking", "--mute-audio"),
            # WebGL without a graphics card.
            "--enable-unsafe-swiftshader",
            *(f"--user-data-dir={self._folder.name}", "--remote-debugging-pipe", "about:blank"),
        ]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", *command],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._out, self._in = ours_out, os.fdopen(ours_in, "rb")
        # A browser that hangs ends, so that reading from it does.
        self._watch = threading.Timer(_SECONDS, self._process.kill)
        self._watch.daemon = True
        self._watch.start()
        self._count, self._session = 0, ""
        self.said: list[str] = []
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its answer."""
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._count:
                assert "error" not in answer, (method, answer["error"])
                return dict(answer["result"])
            self._event(answer)

    def _read(self) -> dict[str, Any]:
        parts = []
        while (byte := self._in.read(1)) != b"\0":
            assert byte, "Chromium ended"
            parts.append(byte)
        return dict(json.loads(b"".join(parts)))

    def _event(self, event: Mapping[str, Any]) -> None:
        given = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = given["exceptionDetails"]
            self.said.append(details.get("exception", {}).get("description") or details["text"])
        elif event.get("method") == "Log.entryAdded":
            self.said.append(given["entry"]["text"])
        elif event.get("method") == "Runtime.consoleAPICalled":
            self.said.append(" ".join(str(a.get("value", "")) for a in given["args"]))

    def close(self) -> None:
        self._watch.cancel()
        with suppress(OSError):
            os.close(self._out)
        self._process.kill()
        self._process.wait()
        self._in.close()
        with suppress(OSError):
            self._folder.cleanup()

    # ── what a person does ───────────────────────────────────────────────────

    def open(self, url: str, *, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        self.look(width=width, height=height, dark=dark)
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def look(self, *, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        """The size of the window and the colours that the person wants."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def run(self, script: str) -> Any:
        """The value of an expression, which may be a promise."""
        found = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str, seconds: float = 60.0) -> Any:
        """The value of an expression, once it is something."""
        end = time.monotonic() + seconds
        while not (value := self.run(script)):
            assert time.monotonic() < end, (script, self.said, self.text())
            time.sleep(0.03)
        return value

    def text(self) -> str:
        return str(self.run("document.body.innerText"))

    def key(self, name: str) -> None:
        code, number, text = _KEYS[name]
        base = {"key": name, "code": code, "windowsVirtualKeyCode": number}
        extra = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **base, **extra)
        self.call("Input.dispatchKeyEvent", type="keyUp", **base)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def drag(self, *points: tuple[float, float]) -> None:
        """The mouse, pressed at the first point and let go at the last."""
        for index, (x, y) in enumerate(points):
            kind = "mouseMoved" if index else "mousePressed"
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        x, y = points[-1]
        self.call(
            "Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1
        )

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Left, top, width and height of an element, scrolled into view."""
        rectangle = self.run(
            f"(() => {{const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            "return [r.x, r.y, r.width, r.height]})()"
        )
        left, top, width, height = map(float, rectangle)
        return left, top, width, height

    def choose_file(self, selector: str, path: Path) -> None:
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    def screenshot(self, path: Path) -> None:
        """The whole page, however long."""
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))


@contextmanager
def page() -> Iterator[Page]:
    opened = Page()
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder behind any web server: the address of it."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def end_headers(self) -> None:
            self.send_header("Access-Control-Allow-Origin", "*")
            super().end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
