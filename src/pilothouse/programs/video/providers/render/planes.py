"""Pictures as the encoder wants them: BT.709 limited-range luma at full size and two chroma planes at half.

Drawing straight into these planes spares a colour conversion of every full frame, which costs more than drawing it.
"""

from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops

_LUMA: Final = (0.182586, 0.614231, 0.062007, 16.0)
_BLUE: Final = (-0.100644, -0.338572, 0.439216, 128.0)
_RED: Final = (0.439216, -0.398942, -0.040274, 128.0)
_TO_BT709: Final = (*_LUMA, *_BLUE, *_RED)


@dataclass(frozen=True, slots=True)
class Planes:
    """`luma` (L, width x height), `blue` and `red` (L, half of both); width and height are even."""

    luma: Image.Image
    blue: Image.Image
    red: Image.Image


def planes_of(picture: Image.Image, size: tuple[int, int] | None = None) -> Planes:
    """The planes of an RGB picture, enlarged to `size` if given: chroma is enlarged to half of it only."""
    width, height = size or picture.size
    luma, blue, red = picture.convert("RGB", _TO_BT709).split()
    half = (width // 2, height // 2)
    if (width, height) == picture.size:
        return Planes(luma, blue.reduce(2), red.reduce(2))
    bicubic = Image.Resampling.BICUBIC
    return Planes(luma.resize((width, height), bicubic), blue.resize(half, bicubic), red.resize(half, bicubic))


@dataclass(frozen=True, slots=True)
class Sprite:
    """A picture with transparency, its colours multiplied by its alpha; `alpha_half` is of the chroma planes' size."""

    planes: Planes
    alpha: Image.Image
    alpha_half: Image.Image

    def zoomed(self, size: tuple[int, int], scale: float, drop: float) -> "Sprite":
        """A sprite of even `size` that shows this one's middle at `scale`, moved down by `drop` luma pixels.

        Raises ValueError when this canvas is too small for the window that `size` needs at that scale.
        """
        half = (size[0] // 2, size[1] // 2)
        return Sprite(
            Planes(
                _window(self.planes.luma, size, scale, drop),
                _window(self.planes.blue, half, scale, drop / 2),
                _window(self.planes.red, half, scale, drop / 2),
            ),
            _window(self.alpha, size, scale, drop),
            _window(self.alpha_half, half, scale, drop / 2),
        )

    def lay_over(self, ground: Planes, at: tuple[int, int]) -> None:
        """Draw this over `ground` with its top left corner at the even position `at`."""
        half = (at[0] // 2, at[1] // 2)
        _lay(ground.luma, self.planes.luma, self.alpha, at)
        _lay(ground.blue, self.planes.blue, self.alpha_half, half)
        _lay(ground.red, self.planes.red, self.alpha_half, half)


def sprite_of(picture: Image.Image) -> Sprite:
    """The sprite of an RGBA picture of even width and height."""
    alpha = picture.getchannel("A")
    planes = planes_of(picture.convert("RGB"))
    half = alpha.reduce(2)
    multiply = ImageChops.multiply
    premultiplied = Planes(multiply(planes.luma, alpha), multiply(planes.blue, half), multiply(planes.red, half))
    return Sprite(premultiplied, alpha, half)


def _window(channel: Image.Image, size: tuple[int, int], scale: float, drop: float) -> Image.Image:
    # A resize of a fractional box costs half of an affine transform and filters better.
    width, height = size[0] / scale, size[1] / scale
    left = (channel.width - width) / 2
    top = (channel.height - height) / 2 - drop / scale
    return channel.resize(size, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))


def _lay(ground: Image.Image, colour: Image.Image, alpha: Image.Image, at: tuple[int, int]) -> None:
    box = (at[0], at[1], at[0] + alpha.width, at[1] + alpha.height)
    behind = ImageChops.multiply(ground.crop(box), ImageChops.invert(alpha))
    ground.paste(ImageChops.add(behind, colour), at)
