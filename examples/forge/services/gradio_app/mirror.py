"""What the mirror sees in an English text: its measure, its certainties and its doubts."""

import re
from dataclasses import dataclass

MAX_TEXT = 10_000
"""The longest text that is looked at, in characters; what lies beyond is not seen."""

ABSOLUTES = frozenset("all always certainly definitely every everyone impossible never none nobody obviously".split())
"""Words that leave no room for evidence to the contrary."""

HEDGES = frozenset("could likely may maybe might perhaps possibly probably seems should sometimes unknown".split())
"""Words that leave that room."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SENTENCE_END = re.compile(r"[.!?…]+(?:\s|$)")


@dataclass(frozen=True)
class Reflection:
    """One text as the mirror sees it."""

    mirrored: str
    words: int
    sentences: int
    numbers: int
    absolutes: tuple[str, ...]
    hedges: tuple[str, ...]
    palindrome: bool

    @property
    def verdict(self) -> str:
        """One sentence about how surely the text speaks."""
        if not self.words:
            return "Nothing to see: no data is not truth."
        if len(self.absolutes) > len(self.hedges):
            if self.numbers:
                return "Speaks in absolutes, with figures."
            return "Speaks in absolutes: ask for evidence."
        if self.hedges:
            return "Leaves room for doubt."
        return "Speaks plainly."

    def findings(self) -> dict[str, object]:
        """The counts behind the verdict, ready for JSON."""
        return {
            "words": self.words,
            "sentences": self.sentences,
            "numbers": self.numbers,
            "absolutes": list(self.absolutes),
            "hedges": list(self.hedges),
            "palindrome": self.palindrome,
        }


def reflect(text: str) -> Reflection:
    """Look at the first `MAX_TEXT` characters of a text. Never fails: an empty text has an empty reflection."""
    text = text[:MAX_TEXT]
    words = [word.casefold() for word in _WORD.findall(text)]
    letters = "".join(words)
    ends = len(_SENTENCE_END.findall(text))
    unfinished = bool(words) and not _SENTENCE_END.search(text.rstrip()[-1:])
    return Reflection(
        mirrored=text[::-1],
        words=len(words),
        sentences=ends + unfinished,
        numbers=len(_NUMBER.findall(text)),
        absolutes=tuple(word for word in words if word in ABSOLUTES),
        hedges=tuple(word for word in words if word in HEDGES),
        palindrome=len(letters) > 1 and letters == letters[::-1],
    )
