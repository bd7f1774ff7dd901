"""A static page that runs the model in the browser: no server, no network at run time.

    index.html, page.css, *.js    the page of `dlc serve`, with the browser as what answers
    form.json                     what the model is asked, and how texts become tokens
    model.onnx                    the model
    ort/                          onnxruntime-web, from the npm package

Any web server of files shows it; the browser computes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dlc.compiler.components.preprocessing.cyclic import Cyclic
from dlc.compiler.components.preprocessing.hashing import Hashing
from dlc.runtime.data.texts import takes_texts
from dlc.runtime.failures import Failure, failure, shown
from dlc.runtime.serving.form import form_of
from dlc.runtime.targets.delivery import Delivered
from dlc.runtime.targets.tokens import NotExact, description

#: The files of onnxruntime-web that the page loads: those of the CPU, of which a browser
#: takes the second and third when a session is made.
RUNTIME_FILES = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)
_PACKAGE = "node_modules/onnxruntime-web/dist"
_FOLDER = "ort"
_TAKEN = frozenset(
    {"float", "double", "int8", "uint8", "int16", "int32", "int64", "bool", "string"}
)


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where onnxruntime-web comes from: files that are copied into the page, or an address."""

    folder: Path | None = None
    address: str = ""
    version: str = ""


def find_runtime(given: str | None, below: Path | None = None) -> Runtime:
    """onnxruntime-web from a folder, from an address, or from where npm puts it, here or above.
    Raises `Failure` E0930."""
    if given is not None and re.match(r"https?://", given):
        return Runtime(address=given if given.endswith("/") else f"{given}/")
    here = (below or Path.cwd()).resolve()
    places = [Path(given)] if given is not None else [p / _PACKAGE for p in (here, *here.parents)]
    for place in places:
        if (place / "dist").is_dir():
            place = place / "dist"
        if all((place / name).is_file() for name in RUNTIME_FILES):
            return Runtime(folder=place, version=_version(place))
    missing = "is not installed here" if given is None else f"is not in `{shown(given)}`"
    raise failure(
        "E0930",
        f"onnxruntime-web {missing}: the page needs `{RUNTIME_FILES[-1]}` and two more files",
        help=f"npm install onnxruntime-web, then `--ort-web {_PACKAGE}`",
        exit_code=2,
    )


def write_site(model: Delivered, folder: Path, runtime: Runtime) -> None:
    """Writes the page beside a model in a folder. Raises `Failure` E0931 for a model that a
    browser cannot run by itself."""
    form = form_of(model.info, model.inputs, model.outputs)
    form["model"] = form["model"] or model.name
    form["browser"] = {
        "runtime": runtime.address or f"{_FOLDER}/",
        "inputs": {
            name: {
                "dtype": _dtype(element),
                "shape": [d if isinstance(d, int) else "" for d in dims],
            }
            for name, (element, dims) in model.inputs.items()
        },
        "tokens": dict(_tokens(model)),
        "steps": dict(_steps(model)),
    }
    _refuse(model)
    text = json.dumps(form, ensure_ascii=False, allow_nan=False)
    (folder / "form.json").write_text(text, encoding="utf-8")
    for entry in files("dlc.runtime.serving").joinpath("page").iterdir():
        content = entry.read_text(encoding="utf-8")
        if entry.name == "index.html":
            content = _for_browser(content, runtime)
        if entry.name != "server.js":
            (folder / entry.name).write_text(content, encoding="utf-8")
    if runtime.folder is not None:
        (folder / _FOLDER).mkdir()
        for name in RUNTIME_FILES:
            shutil.copyfile(runtime.folder / name, folder / _FOLDER / name)


def _for_browser(page: str, runtime: Runtime) -> str:
    changed = page.replace(
        'name="dlc-backend" content="server"', 'name="dlc-backend" content="browser"'
    )
    assert changed != page
    if not runtime.address:
        return changed
    parts = urlsplit(runtime.address)
    origin = f"{parts.scheme}://{parts.netloc}"
    # onnxruntime-web loads what is from elsewhere by way of a blob.
    return changed.replace("script-src 'self'", f"script-src 'self' blob: {origin}").replace(
        "connect-src 'self'", f"connect-src 'self' {origin}"
    )


def _tokens(model: Delivered) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, known in model.info.inputs.items():
        if not known.tokenizer:
            continue
        try:
            yield name, description(known)
        except NotExact as reason:
            raise _unable(
                f"the texts of `{name}` cannot become tokens in a browser: {reason}",
                "cut texts by `word`, `wordpiece`, `character` or `byte`, or serve it: `dlc serve`",
            ) from None


def _refuse(model: Delivered) -> None:
    """Raises `Failure` E0931 for what a browser has no code for."""
    if model.outside:
        raise _unable(
            "its weights are too large for one file, and for the memory of a browser",
            "serve it: `dlc serve`",
        )
    for name, (element, dims) in model.inputs.items():
        dtype = element.removeprefix("tensor(").removesuffix(")")
        if dtype not in _TAKEN:
            raise _unable(f"the input `{name}` is `{element}`", "export it with float inputs")
        if dims and isinstance(dims[0], int) and dims[0] != 1:
            raise _unable(
                f"its batches have {dims[0]} rows, and a page asks about one",
                "leave the batch open: take `N` into `export.dynamic`",
            )


def _steps(model: Delivered) -> Iterator[tuple[str, dict[str, Any]]]:
    """The step of each input that runs before the file, with its arguments."""
    for name, known in model.info.inputs.items():
        if not known.host or known.pictures or (known.tokenizer and takes_texts(known.host)):
            continue
        match known.host:
            case (Hashing() as step,):
                yield name, {"hashing": {"buckets": step.buckets, "seed": step.seed}}
            case (Cyclic() as step,):
                yield name, {"cyclic": {"parts": list(step.parts)}}
            case (*_, step):
                raise _unable(
                    f"`{step.name}` of the input `{name}` runs before the file, and only in Python",
                    "prepare the column before training, or serve it: `dlc serve`",
                )


def _unable(message: str, help: str) -> Failure:
    return failure("E0931", f"this model does not run in a browser: {message}", help=help)


def _dtype(element: str) -> str:
    found = element.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64"}.get(found, found)


def _version(folder: Path) -> str:
    try:
        return str(json.loads((folder.parent / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
