"""What the Glyph Weaver vouches for when it calls itself healthy."""

from . import glyph


def self_check() -> None:
    """Raise when the same text no longer gives the same glyph, or two texts give one."""
    first, again, other = (glyph.weave(text, 64) for text in ("pi", "pi", "tau"))
    if first != again:
        raise RuntimeError("the loom is not deterministic")
    if first == other:
        raise RuntimeError("the loom weaves every text alike")
