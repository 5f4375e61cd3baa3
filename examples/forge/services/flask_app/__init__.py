"""Flask Glyph Weaver: weaves a text into a glyph of its own, the same one every time."""
