"""The prompt as a caption: wrapped, balanced and fitted to its box in Pillow's own scalable typeface."""

from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFilter, ImageFont

_CAPTION_LENGTH_MAX_CHARS: Final = 150
MARGIN_PIXELS: Final = 24
_LEADING: Final = 1.24
_BALANCE_STEP_PIXELS: Final = 8
_INK: Final = (252, 252, 250, 255)
_NOT_A_CHARACTER: Final = "\uffff"
_ELLIPSIS: Final = "..."
# Below this share of drawable characters a caption would mislead; the clip then speaks by its picture alone.
_DRAWABLE_RATIO_MIN: Final = 0.8


def _font(size_pixels: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size_pixels)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType, so captions cannot be drawn.")
    # The basic layout engine is in every build; the other one depends on which libraries a machine has.
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


def drawable_text(prompt: str) -> str:
    """The prompt in one line with what the typeface can draw, shortened at a word; empty if too little remains."""
    font = _font(32)
    missing = bytes(font.getmask(_NOT_A_CHARACTER))
    words = " ".join(prompt.split())
    drawn = "".join(char for char in words if char == " " or bytes(font.getmask(char)) != missing)
    if not words or len(drawn) < len(words) * _DRAWABLE_RATIO_MIN:
        return ""
    drawn = " ".join(drawn.split())
    if len(drawn) > _CAPTION_LENGTH_MAX_CHARS:
        head = drawn[: _CAPTION_LENGTH_MAX_CHARS - len(_ELLIPSIS)]
        drawn = (head.rsplit(" ", 1)[0] if " " in head else head).rstrip(" ,;:.-") + _ELLIPSIS
    return drawn


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in text.split():
        candidate = f"{line} {word}".strip()
        if line and font.getlength(candidate) > width:
            lines.append(line)
            line = word
        else:
            line = candidate
    return [*lines, line] if line else lines


def _balance(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Wrap to the narrowest width that needs no more lines, so that the last line is not a lonely word."""
    lines = _wrap(text, font, width)
    low, high = width // 3, width
    while high - low > _BALANCE_STEP_PIXELS:
        middle = (low + high) // 2
        fits = _wrap(text, font, middle)
        if len(fits) <= len(lines) and all(font.getlength(line) <= middle for line in fits):
            high = middle
        else:
            low = middle
    return _wrap(text, font, high)


def _fit(text: str, box: tuple[int, int], sizes: Sequence[int]) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """The largest of `sizes` (pixels, falling) at which the text fits the box; at the smallest, lines are cut."""
    for size in sizes:
        font = _font(size)
        lines = _balance(text, font, box[0])
        if len(lines) * size * _LEADING <= box[1] and all(font.getlength(line) <= box[0] for line in lines):
            return font, lines
    font = _font(sizes[-1])
    lines = _wrap(text, font, box[0])[: max(1, int(box[1] / (sizes[-1] * _LEADING)))]
    for number, line in enumerate(lines):
        kept = line
        while len(kept) > 1 and font.getlength(kept + _ELLIPSIS) > box[0]:
            kept = kept[:-1]
        lines[number] = line if font.getlength(line) <= box[0] else kept + _ELLIPSIS
    return font, lines


def draw_caption(prompt: str, box: tuple[int, int], sizes: Sequence[int]) -> Image.Image | None:
    """An RGBA picture of the caption, at most `box` pixels plus a margin for its shadow; None if nothing can be drawn.

    Width and height are even; the text starts `MARGIN_PIXELS` from the left and top.
    """
    text = drawable_text(prompt)
    if not text:
        return None
    font, lines = _fit(text, box, sizes)
    step = round(font.size * _LEADING)
    width = round(max(font.getlength(line) for line in lines)) + 2 * MARGIN_PIXELS
    height = step * len(lines) + 2 * MARGIN_PIXELS
    ink = Image.new("L", (width + width % 2, height + height % 2))
    pen = ImageDraw.Draw(ink)
    for number, line in enumerate(lines):
        pen.text((MARGIN_PIXELS, MARGIN_PIXELS + number * step), line, fill=255, font=font)
    shadow = ink.filter(ImageFilter.GaussianBlur(MARGIN_PIXELS / 3)).point([v * 6 // 10 for v in range(256)])
    picture = Image.new("RGBA", ink.size, (0, 0, 0, 0))
    picture.putalpha(shadow)
    letters = Image.new("RGBA", ink.size, _INK)
    letters.putalpha(ink)
    return Image.alpha_composite(picture, letters)
