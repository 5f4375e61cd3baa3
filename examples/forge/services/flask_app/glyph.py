"""Weaves a text into an SVG glyph: threads between pegs on a ring, led by the text's SHA-256."""

import hashlib
import math
import unicodedata
import xml.etree.ElementTree as ElementTree

MAX_TEXT = 200
"""The longest text that is woven, in characters."""

SIZES = range(16, 2049)
"""The edges that a glyph may have, in pixels."""

_CANVAS = 100
_RADIUS = 44
_PEGS = 24
_STRANDS = 3


class Unweavable(ValueError):
    """The text or the size is outside what the loom takes; the message says which and why."""


def weave(text: str, size: int) -> str:
    """Return the glyph of `text` as an SVG document of `size` × `size` pixels.

    Equal texts (by Unicode's NFC) give equal glyphs. Raises Unweavable.
    """
    text = unicodedata.normalize("NFC", text)
    if not 0 < len(text) <= MAX_TEXT:
        raise Unweavable(f"expected a text of 1 to {MAX_TEXT} characters, got {len(text)}")
    if size not in SIZES:
        raise Unweavable(f"expected a size from {SIZES.start} to {SIZES.stop - 1} pixels, got {size}")
    if not all(map(_is_xml_character, text)):
        raise Unweavable("expected a text without control characters")

    digest = hashlib.sha256(text.encode()).digest()
    hue, threads = digest[0] * 360 // 256, digest[1:]
    svg = ElementTree.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        width=str(size),
        height=str(size),
        viewBox=f"0 0 {_CANVAS} {_CANVAS}",
        role="img",
    )
    ElementTree.SubElement(svg, "title").text = f"Glyph of “{text}”"
    ElementTree.SubElement(svg, "rect", width="100%", height="100%", rx="12", fill=f"hsl({hue} 35% 10%)")
    centre = str(_CANVAS // 2)
    ElementTree.SubElement(
        svg, "circle", cx=centre, cy=centre, r=str(_RADIUS), fill="none", stroke=f"hsl({hue} 40% 32%)"
    )
    for strand in range(_STRANDS):
        strand_hue = (hue + strand * 360 // (_STRANDS * 2)) % 360
        ElementTree.SubElement(
            svg,
            "path",
            {"d": _strand(threads[strand::_STRANDS]), "stroke-width": "0.9", "stroke-linejoin": "round"},
            fill="none",
            stroke=f"hsl({strand_hue} 80% 66%)",
        )
    return ElementTree.tostring(svg, encoding="unicode")


def _strand(steps: bytes) -> str:
    """Return a closed path from peg to peg; each thread is drawn towards the centre, as if under tension."""
    peg, path = steps[0] % _PEGS, []
    home = peg
    path.append(f"M{_place(home)}")
    for step in steps[1:]:
        # Never zero: a thread that stays on its peg would not be seen.
        peg = (peg + 1 + step % (_PEGS - 1)) % _PEGS
        path.append(f"Q{_CANVAS // 2} {_CANVAS // 2} {_place(peg)}")
    if peg != home:
        path.append(f"Q{_CANVAS // 2} {_CANVAS // 2} {_place(home)}")
    return "".join(path) + "Z"


def _place(peg: int) -> str:
    angle = 2 * math.pi * peg / _PEGS - math.pi / 2
    x, y = (_CANVAS / 2 + _RADIUS * turn(angle) for turn in (math.cos, math.sin))
    return f"{x:.2f} {y:.2f}"


def _is_xml_character(character: str) -> bool:
    """Whether XML 1.0 (§2.2) allows the character at all; escaping does not help the others."""
    code = ord(character)
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
