"""One clip: field, product card, caption and progress mark, laid out for its aspect."""

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.render.caption import MARGIN_PIXELS, draw_caption
from pilothouse.programs.video.providers.render.encode import encode_mp4
from pilothouse.programs.video.providers.render.field import Field
from pilothouse.programs.video.providers.render.palette import Colour, choose_palette
from pilothouse.programs.video.providers.render.planes import Planes, Sprite, sprite_of

_PUSH_IN: Final = 1.07
_FLOAT_PIXELS: Final = 7.0
_CARD_MARGIN_PIXELS: Final = 16
_OPAQUE_ALPHA_MIN: Final = 250
_CORNER_RATIO: Final = 0.045
_SHADOW_STRENGTH: Final = 0.62
_SCRIM_STRENGTH: Final = 176
_MARK_HEIGHT_PIXELS: Final = 6
_MARK_WIDTH_PIXELS: Final = 120
_MARK_GAP_PIXELS: Final = 26


@dataclass(frozen=True, slots=True)
class Clip:
    """What to draw: `size` in even pixels, `seconds` whole, `seed` a hex text, `image` an encoded picture or None."""

    prompt: str
    size: tuple[int, int]
    seconds: int
    seed: str
    image: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things are, as fractions: the card's centre and largest box, the caption's left, bottom and box."""

    card_centre: tuple[float, float]
    card_box: tuple[float, float]
    caption_left: float
    caption_bottom: float
    caption_box: tuple[float, float]
    caption_sizes: tuple[int, ...]


_BIG: Final = (84, 76, 68, 60, 52, 46, 40, 34)
_SMALL: Final = (52, 46, 42, 38, 34, 30, 26)
_WITH_IMAGE: Final = {
    "tall": _Layout((0.5, 0.40), (0.78, 0.50), 0.09, 0.92, (0.82, 0.17), _SMALL),
    "wide": _Layout((0.70, 0.50), (0.44, 0.76), 0.065, 0.66, (0.38, 0.46), _SMALL),
    "square": _Layout((0.5, 0.385), (0.70, 0.56), 0.085, 0.935, (0.83, 0.18), _SMALL[2:]),
}
_ALONE: Final = {
    "tall": _Layout((0.5, 0.5), (0, 0), 0.10, 0.88, (0.80, 0.46), _BIG),
    "wide": _Layout((0.5, 0.5), (0, 0), 0.065, 0.86, (0.66, 0.52), _BIG),
    "square": _Layout((0.5, 0.5), (0, 0), 0.095, 0.88, (0.81, 0.56), _BIG[1:]),
}


def _shape(size: tuple[int, int]) -> str:
    width, height = size
    return "square" if width == height else "wide" if width > height else "tall"


def _even(value: float) -> int:
    return round(value / 2) * 2


def _product(image: bytes, box: tuple[int, int]) -> Image.Image:
    """The product picture fitted into `box`, RGBA. An opaque one gets rounded corners; a cut-out keeps its outline."""
    with Image.open(io.BytesIO(image)) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGBA")
    lowest, _ = picture.getchannel("A").getextrema()
    opaque = isinstance(lowest, int | float) and lowest >= _OPAQUE_ALPHA_MIN
    if not opaque and (outline := picture.getchannel("A").getbbox()) is not None:
        picture = picture.crop(outline)
    scale = min(box[0] / picture.width, box[1] / picture.height)
    size = (max(2, _even(picture.width * scale)), max(2, _even(picture.height * scale)))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    if opaque:
        large = Image.new("L", (size[0] * 4, size[1] * 4))
        radius = round(_CORNER_RATIO * 4 * max(size))
        ImageDraw.Draw(large).rounded_rectangle((0, 0, large.width - 1, large.height - 1), radius, fill=255)
        picture.putalpha(large.reduce(4))
    return picture


class _Card:
    """The product with its shadow on the reduced field; `size` is what it covers at most, margin included."""

    def __init__(self, image: bytes, size: tuple[int, int], layout: _Layout, reduced: tuple[int, int]) -> None:
        box = (round(size[0] * layout.card_box[0]), round(size[1] * layout.card_box[1]))
        product = _product(image, box)
        self.size = (product.width + 2 * _CARD_MARGIN_PIXELS, product.height + 2 * _CARD_MARGIN_PIXELS)
        # The canvas is large enough for the widest window of the push-in and the float.
        room = (_even(self.size[0] * _PUSH_IN + 4), _even(self.size[1] * _PUSH_IN + 4 * _FLOAT_PIXELS))
        canvas = Image.new("RGBA", room, (0, 0, 0, 0))
        canvas.paste(product, ((room[0] - product.width) // 2, (room[1] - product.height) // 2))
        self._sprite = sprite_of(canvas)
        self._at = (
            _even(size[0] * layout.card_centre[0] - self.size[0] / 2),
            _even(size[1] * layout.card_centre[1] - self.size[1] / 2),
        )
        whole = Image.new("L", size)
        whole.paste(product.getchannel("A"), (self._at[0] + _CARD_MARGIN_PIXELS, self._at[1] + _CARD_MARGIN_PIXELS))
        shadow = whole.resize(reduced, Image.Resampling.BOX)
        near = shadow.filter(ImageFilter.GaussianBlur(min(reduced) / 28))
        far = shadow.filter(ImageFilter.GaussianBlur(min(reduced) / 9))
        self._shadow = Image.blend(near, far, 0.6).point([round(v * _SHADOW_STRENGTH) for v in range(256)])

    def draw(self, ground: Planes, eased: float, drop: float) -> None:
        """Lay the card over `ground`, pushed in by `eased` 0..1."""
        scale = (1 + (_PUSH_IN - 1) * eased) / _PUSH_IN
        self._sprite.zoomed(self.size, scale, drop).lay_over(ground, self._at)

    def shadow(self, drop: float) -> Image.Image:
        """The shadow as an L mask of the reduced size, a little below the card."""
        return self._shadow.transform(
            self._shadow.size, Image.Transform.AFFINE, (1, 0, 0, 0, 1, -3 - drop / 8), Image.Resampling.BILINEAR
        )


def _scrim(size: tuple[int, int], start: float, full: float, *, sideways: bool) -> Image.Image:
    """Darkness rising along the height from fraction `start` to its strength at `full`; `sideways`, along the width
    from the right to the left, for a caption that stands beside the product."""
    length = size[0] if sideways else size[1]
    values = bytearray()
    for step in range(length):
        rise = min(1.0, max(0.0, (step / length - start) / (full - start)))
        values.append(round(_SCRIM_STRENGTH * rise * rise * (3 - 2 * rise)))
    if sideways:
        values.reverse()
        return Image.frombytes("L", (length, 1), bytes(values)).resize(size)
    return Image.frombytes("L", (1, length), bytes(values)).resize(size)


class _Mark:
    """A short bar over the caption: a faint track that fills in the accent colour as the clip plays."""

    def __init__(self, accent: Colour) -> None:
        self._track = self._bar((255, 255, 255), 70)
        self._fill = self._bar(accent, 255)

    @staticmethod
    def _bar(colour: Colour, alpha: int) -> Image.Image:
        width, height = _MARK_WIDTH_PIXELS, _MARK_HEIGHT_PIXELS
        large = Image.new("L", (width * 4, height * 4))
        ImageDraw.Draw(large).rounded_rectangle((0, 0, width * 4 - 1, height * 4 - 1), height * 2, fill=alpha)
        bar = Image.new("RGBA", (width, height), (*colour, 0))
        bar.putalpha(large.reduce(4))
        return bar

    def sprite(self, progress: float) -> Sprite:
        bar = self._track.copy()
        filled = max(_MARK_HEIGHT_PIXELS, round(_MARK_WIDTH_PIXELS * progress))
        # The end of the fill is the bar's own rounded end, moved to where the fill stops.
        fill = Image.new("RGBA", bar.size, (0, 0, 0, 0))
        fill.paste(self._fill.crop((0, 0, filled - _MARK_HEIGHT_PIXELS // 2, bar.height)), (0, 0))
        end = self._fill.crop((bar.width - _MARK_HEIGHT_PIXELS // 2, 0, bar.width, bar.height))
        fill.paste(end, (filled - _MARK_HEIGHT_PIXELS // 2, 0))
        return sprite_of(Image.alpha_composite(bar, fill))


def _frames(clip: Clip) -> Iterator[Planes]:
    generator = random.Random(clip.seed)  # noqa: S311  # nosec B311 - a drawing, not a secret
    palette = choose_palette(clip.prompt, generator)
    field = Field(clip.size, palette, generator)
    width, height = clip.size
    layouts = _ALONE if clip.image is None else _WITH_IMAGE
    layout = layouts[_shape(clip.size)]
    card = None if clip.image is None else _Card(clip.image, clip.size, layout, field.reduced_size)
    box = (round(width * layout.caption_box[0]), round(height * layout.caption_box[1]))
    caption = draw_caption(clip.prompt, box, layout.caption_sizes)
    if caption is not None:
        letters = sprite_of(caption)
        left = _even(width * layout.caption_left)
        top = _even(height * layout.caption_bottom) - caption.height + 2 * MARGIN_PIXELS
        mark = _Mark(palette.accent)
        if card is not None and width > height:
            field.darken(_scrim(clip.size, 0.40, 1.0, sideways=True))
        else:
            field.darken(_scrim(clip.size, top / height - 0.22, top / height + 0.12, sideways=False))
    total = clip.seconds * limits.FRAME_RATE_FPS
    for number in range(total):
        progress = number / max(1, total - 1)
        eased = progress * progress * (3 - 2 * progress)
        drop = _FLOAT_PIXELS * (1 - 2 * eased)
        planes = field.frame(number / limits.FRAME_RATE_FPS, card.shadow(drop) if card else None)
        if card is not None:
            card.draw(planes, eased, drop)
        if caption is not None:
            letters.lay_over(planes, (left - MARGIN_PIXELS, top - MARGIN_PIXELS))
            mark.sprite(progress).lay_over(planes, (left, _even(top - _MARK_GAP_PIXELS)))
        yield planes


def render_clip(clip: Clip, path: Path) -> None:
    """Draw `clip` and write its MP4 to `path`. Raises OSError, or PIL.UnidentifiedImageError for a broken picture."""
    encode_mp4(_frames(clip), clip.size, path)
