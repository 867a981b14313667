"""The content policy of the embedded renderer.

A prompt is refused when it holds one of `REFUSED_WORDS` as a whole word, in any case, in compatibility-normalised
Unicode. The list is short and published on purpose: it makes refusals, and with them refunds, reproducible for anyone.
"""

import re
import unicodedata
from typing import Final

REFUSED_WORDS: Final = frozenset(
    {
        "forbidden",
        "violent",
        "violence",
        "explicit",
        "gore",
        "gory",
        "nude",
        "nudity",
        "porn",
        "pornographic",
        "torture",
        "beheading",
        "terrorist",
        "deepfake",
    }
)


def refused_word(prompt: str) -> str | None:
    """The first refused word of the prompt, or None when the prompt is lawful."""
    words: list[str] = re.findall(r"\w+", unicodedata.normalize("NFKC", prompt).casefold())
    return next((word for word in words if word in REFUSED_WORDS), None)
