"""The moving field of light behind every clip.

It is soft everywhere, so it is drawn at one eighth of the size and enlarged; a still grain over it hides the steps that
eight bits leave in a dark gradient.
"""

import math
import random
from dataclasses import dataclass, replace
from typing import Final

from PIL import Image, ImageChops

from pilothouse.programs.video.providers.render.palette import Palette
from pilothouse.programs.video.providers.render.planes import Planes, planes_of

_REDUCTION: Final = 8
_MASK_PIXELS: Final = 256
_MASK_RIM: Final = 181  # the value of Image.radial_gradient where the circle touches the side of its square
_GRAIN_TILE_PIXELS: Final = 360
# Grain is added modulo 256, which is fast; the field therefore stays this far from black and white.
_HEADROOM: Final = 6
_TURN: Final = 2 * math.pi


@dataclass(frozen=True, slots=True)
class _Light:
    """A light on a slow ellipse about a centre. Lengths are fractions of the longer side, speeds turns a second."""

    x: float
    y: float
    radius: float
    swing_x: float
    swing_y: float
    speed: float
    phase: float
    colour: tuple[int, int, int]
    soft: bool


def _mask(soft: bool) -> Image.Image:
    """A radial mask: a bell for lights, a glassy disc (even body, narrow rim) for the shapes that drift over them."""

    def bell(value: int) -> int:
        near = max(0.0, 1 - value / _MASK_RIM)
        return round(255 * near * near * (3 - 2 * near))

    def disc(value: int) -> int:
        near = max(0.0, 1 - value / _MASK_RIM)
        edge = min(1.0, near / 0.10)
        return round(46 * edge * edge * (3 - 2 * edge) * (0.55 + 0.45 * (1 - near)))

    return Image.radial_gradient("L").point([bell(v) if soft else disc(v) for v in range(256)])


def _lights(palette: Palette, generator: random.Random) -> list[_Light]:
    anchors = [(0.18, 0.15), (0.85, 0.30), (0.25, 0.80), (0.80, 0.85)]
    lights = []
    for colour, (x, y) in zip(palette.lights, anchors, strict=True):
        lights.append(
            _Light(
                x=x + generator.uniform(-0.10, 0.10),
                y=y + generator.uniform(-0.10, 0.10),
                radius=generator.uniform(0.55, 0.75) * (0.55 if colour == palette.lights[3] else 1.0),
                swing_x=generator.uniform(0.10, 0.22),
                swing_y=generator.uniform(0.08, 0.18),
                speed=generator.uniform(0.05, 0.09) * generator.choice((-1, 1)),
                phase=generator.uniform(0, 1),
                colour=colour,
                soft=True,
            )
        )
    lights += [
        _Light(
            x=generator.uniform(0.1, 0.9),
            y=generator.uniform(0.1, 0.9),
            radius=generator.uniform(0.07, 0.20),
            swing_x=generator.uniform(0.05, 0.12),
            swing_y=generator.uniform(0.06, 0.14),
            speed=generator.uniform(0.04, 0.08) * generator.choice((-1, 1)),
            phase=generator.uniform(0, 1),
            colour=generator.choice(palette.lights[1:]),
            soft=False,
        )
        for _ in range(3)
    ]
    return lights


def _inside(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = (min(255 - _HEADROOM, max(_HEADROOM, value)) for value in colour)
    return red, green, blue


def _grain(size: tuple[int, int], generator: random.Random) -> Image.Image:
    """Triangular noise of one or two steps as bytes modulo 256, for the luma plane only."""
    side = _GRAIN_TILE_PIXELS
    noise = generator.randbytes(2 * side * side)
    values = bytes(((a & 3) + (b & 3) - 3) // 2 % 256 for a, b in zip(noise[::2], noise[1::2], strict=True))
    tile = Image.frombytes("L", (side, side), values)
    sheet = Image.new("L", size)
    for left in range(0, size[0], side):
        for top in range(0, size[1], side):
            sheet.paste(tile, (left, top))
    return sheet


class Field:
    """The background of one clip; `frame(at)` is the picture at `at` seconds."""

    def __init__(self, size: tuple[int, int], palette: Palette, generator: random.Random) -> None:
        self.size = size
        self._low = (size[0] // _REDUCTION, size[1] // _REDUCTION)
        self._night = _inside(palette.night)
        self._lights = _lights(palette, generator)
        self._masks = {True: _mask(True), False: _mask(False)}
        self._grain = _grain(size, generator)
        self._scrim: Image.Image | None = None

    def darken(self, mask: Image.Image) -> None:
        """Keep the ground dark where `mask` (L, any size) is bright, so that a caption stays readable."""
        self._scrim = mask.resize(self._low, Image.Resampling.BICUBIC)

    def frame(self, at: float, shadow: Image.Image | None = None) -> Planes:
        """The field at `at` seconds; `shadow` is an L mask of the reduced size laid over it as darkness."""
        width, height = self._low
        side = max(width, height)
        low = Image.new("RGB", self._low, self._night)
        for light in self._lights:
            angle = _TURN * (light.speed * at + light.phase)
            radius = light.radius * side
            left = light.x * width + light.swing_x * side * math.cos(angle) - radius
            top = light.y * height + light.swing_y * side * math.sin(angle * 0.8) - radius
            scale = _MASK_PIXELS / (2 * radius)
            mask = self._masks[light.soft].transform(
                self._low,
                Image.Transform.AFFINE,
                (scale, 0, -left * scale, 0, scale, -top * scale),
                Image.Resampling.BILINEAR,
            )
            low.paste(_inside(light.colour), mask=mask)
        if self._scrim is not None:
            low.paste(self._night, mask=self._scrim)
        if shadow is not None:
            low.paste(tuple(max(_HEADROOM, value // 4) for value in self._night), mask=shadow)
        planes = planes_of(low, self.size)
        return replace(planes, luma=ImageChops.add_modulo(planes.luma, self._grain))

    @property
    def reduced_size(self) -> tuple[int, int]:
        """Width and height at which shadows are given."""
        return self._low
