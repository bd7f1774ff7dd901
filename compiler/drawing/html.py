"""A page that shows a network: blocks fold and unfold, a layer tells all that is known of it.

One file, without network, fonts or libraries. Each scene is laid out once, folded; the
page's script makes room where a block is unfolded, so that a network of any size is sent
once and drawn as far as it is looked at. Everything that comes from a spec is data: JSON
that is shown as text, and shapes whose words were escaped when they were drawn.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from dlc.compiler.drawing.families import FAMILIES
from dlc.compiler.drawing.labels import amount
from dlc.compiler.drawing.layout import Drawing, Layouts, Line, Placed
from dlc.compiler.drawing.shapes import FRAME, Text, frame_head, header_texts
from dlc.compiler.drawing.svg import escape, figure_elements, style_sheet, text_class
from dlc.compiler.drawing.view import BLOCK, INPUT, OUTPUT, Box, Layer, View

_FOLDER: Final = Path(__file__).parent / "viewer"


def write_html(view: View, depth: int = 0) -> str:
    """The text of the page, with `depth` levels of blocks unfolded at first."""
    script = _read("viewer.js")
    style = f"{style_sheet()}\n{_night()}\n{_read('viewer.css')}"
    parts = {
        "TITLE": escape(view.name),
        "POLICY": _policy(script),
        "STYLE": style,
        "CAPTION": escape(view.caption),
        "DATA": _json(_data(view, depth)),
        "SCRIPT": script,
    }
    page = _read("page.html")
    pieces = page.split("%%")
    # Alternately text and names: a value that holds %% is never read as a name.
    filled = (parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))
    return "".join(filled)


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """Nothing is loaded from anywhere, and no script runs but the page's own."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _night() -> str:
    """The colours of families where the reader prefers dark pages."""
    lines = ["@media screen and (prefers-color-scheme:dark){"]
    lines += [f".f-{f.name}{{fill:{f.dark_fill}}}" for f in FAMILIES.values()]
    lines += [f".s-{f.name}{{stroke:{f.dark_stroke}}}" for f in FAMILIES.values()]
    return "\n".join([*lines, "}"])


def _json(data: Any) -> str:
    """JSON that cannot end the element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


# ── data ─────────────────────────────────────────────────────────────────────


def _data(view: View, depth: int) -> dict[str, Any]:
    layouts = Layouts(view)
    names = [*view.scenes, *view.runs]
    families = {
        layer.family for scene in view.scenes.values() for b in scene.boxes for layer in b.layers
    }
    return {
        "main": view.main,
        "depth": depth,
        "frame": FRAME,
        "families": [name for name in FAMILIES if name in families],
        "targets": list(view.targets),
        "openSizes": list(view.open_sizes),
        "scenes": {name: _scene(layouts.drawing(name, 0)) for name in names},
    }


def _scene(drawing: Drawing) -> dict[str, Any]:
    return {
        "w": drawing.width,
        "h": drawing.height,
        "nested": bool(drawing.scene.block),
        "rows": [list(row) for row in drawing.rows],
        "ins": [[name, x] for name, x in drawing.ins.items()],
        "outs": [[name, x] for name, x in drawing.outs.items()],
        "boxes": [_box(placed) for placed in drawing.boxes],
        "lines": [_line(line, drawing) for line in drawing.lines],
        "texts": [_text(text) for text in drawing.texts],
    }


def _line(line: Line, drawing: Drawing) -> list[Any]:
    points = [_number(c) for point in line.points for c in point]
    return [line.source, line.target, int(line.arrow), int(line.branch), points]


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else round(value, 1)


def _text(text: Text) -> list[Any]:
    return [_number(text.x), _number(text.y), text.text, text_class(text.style), text.box]


def _box(placed: Placed) -> dict[str, Any]:
    box, shape = placed.box, placed.figure
    found: dict[str, Any] = {
        "k": box.key,
        "t": box.kind,
        "x": _number(placed.x),
        "y": _number(placed.y),
        "w": _number(shape.width),
        "h": _number(shape.height),
        "a": _number(shape.anchor),
        "r": placed.row,
        "label": _spoken(box),
        "about": list(_about(box)),
    }
    if shape.rects:
        found["svg"] = "".join(figure_elements(placed, moved=False))
    if shape.shadow:
        found["shade"] = shape.shadow
    if box.kind == BLOCK:
        found["g"] = box.run or box.graph
        found["run"] = int(bool(box.run))
        found["head"] = frame_head(box)
        found["words"] = [_word(text) for text in header_texts(box)]
        found["again"] = int(bool(box.reuses))
        found["outs"] = dict(shape.outs)
    return found


def _word(text: Text) -> list[Any]:
    words = [[text.text, text_class(text.style)]]
    words += [[more, text_class(style)] for more, style in text.more]
    return [text.anchor, _number(text.y), words]


def _spoken(box: Box) -> str:
    """What a screen reader says."""
    if box.kind in (INPUT, OUTPUT):
        return f"{box.kind} {box.title}, {box.type}"
    if box.kind == BLOCK:
        times = f", {box.count} times" if box.count > 1 else ""
        notes = ", ".join(box.notes)
        return f"block {box.named or box.title}{times}{', ' + notes if notes else ''}"
    kinds = ", ".join(f"{layer.kind} {' '.join(layer.notes)}".strip() for layer in box.layers)
    return kinds


def _about(box: Box) -> Iterator[dict[str, Any]]:
    """The details that the page lists: one table for each layer."""
    if box.kind in (INPUT, OUTPUT):
        yield {"name": box.title, "kind": box.kind, "rows": [["shape", box.type]]}
    elif box.kind == BLOCK:
        yield _about_block(box)
    for layer in box.layers:
        yield _about_layer(layer)


def _about_block(box: Box) -> dict[str, Any]:
    rows = [[f"{name} =", value] for name, value in box.arguments]
    rows += [[port, type] for port, type in box.types]
    rows.append(["parameters", f"{box.parameters:,}"])
    rows.append(["MACs", "unknown" if box.macs is None else amount(box.macs)])
    if box.count > 1:
        rows.append(["calls", f"{box.calls[0]} … {box.calls[-1]}"])
    if box.reuses:
        rows.append(["layers of", box.reuses])
    return {
        "name": box.calls[0],
        "kind": f"{box.title} × {box.count}" if box.count > 1 else box.title,
        "rows": rows,
        "place": box.place,
        "source": box.source,
    }


def _about_layer(layer: Layer) -> dict[str, Any]:
    rows = [[f"{name} =", value] for name, value in layer.arguments]
    rows += [[f"→ {port}", f"{type} ({value})"] for port, value, type in layer.inputs]
    rows += [["result →", type] for _, type in layer.results]
    rows += [
        [t.name, f"{t.shape} = {t.elements:,}" + (f", {t.start}" if t.start else "")]
        for t in layer.tensors
    ]
    rows += [[own, f"that of {path}"] for own, path, _ in layer.lent]
    rows.append(["parameters", f"{layer.parameters:,}"])
    rows.append(["MACs", "unknown" if layer.macs is None else amount(layer.macs)])
    return {
        "name": layer.name,
        "kind": layer.kind,
        "family": layer.family,
        "rows": rows,
        "place": layer.place,
        "source": layer.source,
    }
