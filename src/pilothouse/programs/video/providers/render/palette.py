"""Colours of a clip, chosen from the words of the prompt, else from its seed."""

import random
import re
from dataclasses import dataclass
from typing import Final

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """`night` is the ground, `lights` four light colours over it, `accent` the small mark beside the caption (sRGB)."""

    night: Colour
    lights: tuple[Colour, Colour, Colour, Colour]
    accent: Colour


def _colour(text: str) -> Colour:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _palette(night: str, lights: str, accent: str) -> Palette:
    first, second, third, fourth = (_colour(part) for part in lights.split())
    return Palette(_colour(night), (first, second, third, fourth), _colour(accent))


PALETTES: Final[dict[str, Palette]] = {
    "ocean": _palette("071a2e", "0f5c8c 1ea7a1 2f6fd0 8fe3d4", "8ff0e0"),
    "ember": _palette("1e0a10", "b3312c f0803c 7a1f4c ffc46b", "ffd08a"),
    "forest": _palette("08180f", "1f6b45 5f9e3f 0f5a5c cfe39a", "d6f0a0"),
    "rose": _palette("210a1d", "b03a6e f08aa0 6a3fb0 ffd2c4", "ffc9d2"),
    "violet": _palette("0f0b26", "4b32b8 8a4fd8 2357c9 d3a8ff", "d9bcff"),
    "gold": _palette("1a1208", "9a6a1c d9a441 6b3d1a ffe2a0", "ffe2a0"),
    "sand": _palette("1d1611", "a6765a d9b48f 7a5a6e f6e3cc", "f6dcc0"),
    "ice": _palette("0a1622", "3a7ca5 8cc6e0 5563a8 e4f6ff", "c8ecff"),
    "dusk": _palette("120b22", "3b2a7a d9577a f2925a 5a4bd0", "ffc1a0"),
    "coffee": _palette("150d09", "6b4028 b47a4a 3f2a2a e8c9a0", "f0d2a8"),
    "citrus": _palette("12180a", "7a9a1c e0c52f e08a2a f7f0a0", "f5ec8f"),
    "graphite": _palette("0c0e13", "3a4356 6c7a94 2a3350 c3cede", "cfd8e6"),
}

_WORDS: Final[dict[str, str]] = {
    "ocean": "ocean sea water wave waves blue beach swim surf aqua marine rain river lake bottle",
    "ember": "fire flame red hot spicy chili lava sunset burn barbecue pepper sauce race sport",
    "forest": "forest green tree trees plant plants leaf leaves garden nature eco organic tea hiking herb",
    "rose": "rose pink flower flowers beauty skin skincare lipstick perfume love wedding blush cosmetic serum",
    "violet": "violet purple neon cyber tech ai music galaxy space star stars club game gaming headphones",
    "gold": "gold golden luxury watch jewel jewelry ring honey champagne premium whisky crown",
    "sand": "sand desert linen cream ceramic clay wood wooden leather bag shoe shoes sneaker sneakers furniture",
    "ice": "ice snow winter cold white silver glass crystal mint fresh clean mountain mountains",
    "dusk": "dusk city night evening street sky travel summer festival dance fashion dress dream",
    "coffee": "coffee espresso chocolate cocoa bakery bread mug cup brown cinnamon caramel",
    "citrus": "citrus lemon lime orange yellow juice fruit fruits sun sunny energy drink soda breakfast",
    "graphite": "black grey gray steel metal metallic minimal car laptop phone camera industrial carbon",
}
_BY_WORD: Final = {word: name for name, words in _WORDS.items() for word in words.split()}


def choose_palette(prompt: str, generator: random.Random) -> Palette:
    """The palette most named by the prompt's words (first named wins a tie), else a drawn one."""
    drawn = PALETTES[generator.choice(sorted(PALETTES))]  # always drawn: the stream of draws stays the same
    votes: dict[str, int] = {}
    for word in re.findall(r"[a-z]+", prompt.lower()):
        name = _BY_WORD.get(word)
        if name is not None:
            votes[name] = votes.get(name, 0) + 1
    return PALETTES[max(votes, key=lambda name: votes[name])] if votes else drawn
