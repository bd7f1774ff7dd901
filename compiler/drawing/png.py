"""PNG of an SVG. The renderer is optional: `pip install 'dlc[draw]'`."""

from __future__ import annotations

from typing import Final

_DEFAULT_SCALE: Final = 2.0  # 192 dots to the inch: sharp in print
_MOST_PIXELS: Final = 100_000_000
_FAMILIES: Final = (
    *("Helvetica", "Arial", "Liberation Sans", "DejaVu Sans", "Noto Sans", "Segoe UI", "Roboto"),
    *("Open Sans", "Ubuntu", "Cantarell", "Nimbus Sans", "FreeSans", "Verdana", "Tahoma", "Lato"),
)


class TooLarge(ValueError):
    """A picture with more pixels than can be drawn."""


class NoFont(RuntimeError):
    """No font is installed, so that a picture would have no words."""


def write_png(svg: str, width: float, height: float) -> bytes:
    """The bytes of a PNG file of an SVG of this size, at twice its size, or smaller where
    that would be too large.

    Raises `TooLarge` where even its own size is, `NoFont`, and ImportError where the
    renderer is not installed.
    """
    import resvg_py

    scale = _DEFAULT_SCALE
    while width * height * scale * scale > _MOST_PIXELS:
        scale /= 2
        if scale < 1:
            raise TooLarge(f"{width:,.0f} × {height:,.0f} pixels")
    family = _font()
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg, zoom=scale, background="#ffffff", sans_serif_family=family
        )
    )


def _font() -> str:
    """The first of the usual sans-serif fonts that is installed. The renderer asks no font
    service which one stands for `sans-serif`, and drops text without any word where it has
    no font at all. Raises `NoFont`."""
    empty = _drawn("", "")
    fallback = _drawn("M", "")
    for family in _FAMILIES:
        if _drawn("M", family) not in (empty, fallback):
            return family
    if fallback == empty:
        raise NoFont
    return _FAMILIES[0]  # some font is there, and stands in for any


def _drawn(text: str, family: str) -> bytes:
    import resvg_py

    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16">'
        f'<text y="14" font-size="14" font-family="{family}">{text}</text></svg>'
    )
    return bytes(resvg_py.svg_to_bytes(svg_string=svg))
