"""PNG of an SVG. The renderer is optional: `pip install 'dlc[draw]'`."""

from __future__ import annotations

from typing import Final

_DEFAULT_SCALE: Final = 2.0  # 192 dots to the inch: sharp in print
_MOST_PIXELS: Final = 100_000_000


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
    if not _has_font(resvg_py.svg_to_bytes(svg_string=_probe("M"))):
        raise NoFont
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=scale, background="#ffffff"))


def _probe(text: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16">'
        f'<text y="14" font-size="14" font-family="Arial, sans-serif">{text}</text></svg>'
    )


def _has_font(drawn: bytes) -> bool:
    """Whether a letter leaves a trace: without any font, text is dropped without a word."""
    import resvg_py

    return bytes(drawn) != bytes(resvg_py.svg_to_bytes(svg_string=_probe("")))
