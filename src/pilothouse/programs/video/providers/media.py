"""Checks by content: that a product picture decodes, that a fetched file is a whole video."""

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

from pilothouse.programs.video.providers import limits

_FORMATS: Final[Mapping[str, str]] = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


class BrokenImage(ValueError):
    """The picture cannot be used; `code` is one of `image_too_large`, `image_undecodable`, `image_size`."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class BrokenVideo(ValueError):
    """The file is no whole video."""

    code = "broken_video"


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a file really holds: pixels, frames, and seconds of its picture stream."""

    width: int
    height: int
    frames: int
    seconds: float


def check_image(data: bytes, content_type: str) -> None:
    """Decode the whole picture once. Raises BrokenImage when it is too large, no such format or damaged."""
    if len(data) > limits.IMAGE_SIZE_MAX_BYTES:
        raise BrokenImage("image_too_large", f"The image is larger than {limits.IMAGE_SIZE_MAX_BYTES} bytes.")
    try:
        with Image.open(io.BytesIO(data), formats=(_FORMATS[content_type],)) as picture:
            width, height = picture.size
            if width * height > limits.IMAGE_AREA_MAX_PIXELS or min(width, height) < limits.IMAGE_SIDE_MIN_PIXELS:
                raise BrokenImage("image_size", f"The image of {width} x {height} pixels is out of bounds.")
            picture.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, KeyError, EOFError) as error:
        raise BrokenImage("image_undecodable", "The image does not decode as its content type says.") from error


def video_facts(path: Path) -> VideoFacts:
    """Read every packet of the picture stream, without decoding. Raises BrokenVideo when any of them is missing."""
    # FFmpeg's libraries are loaded by who looks into a video; this module is imported by every command there is.
    import av

    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.video:
                raise BrokenVideo("The file holds no picture stream.")
            stream = container.streams.video[0]
            packets = [packet for packet in container.demux(stream) if packet.size]
            base = stream.time_base or Fraction(1, 1)
            ticks = sum(packet.duration or 0 for packet in packets)
            whole = bool(packets) and not any(packet.is_corrupt for packet in packets)
            if not whole or (stream.frames and len(packets) < stream.frames):
                raise BrokenVideo(f"The file holds {len(packets)} of {stream.frames} frames.")
            # One decoded picture proves that the codec's own header is there.
            container.seek(0)
            first = next(container.decode(stream), None)
            if first is None:
                raise BrokenVideo("No picture of the file decodes.")
            return VideoFacts(stream.width, stream.height, len(packets), float(ticks * base))
    except (av.FFmpegError, OSError) as error:
        raise BrokenVideo("The file is no readable video.") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file or none: a reader never sees a part. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_path(path)
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def part_path(path: Path) -> Path:
    """Where a file is written before it is moved to `path`; unique to this process and call."""
    return path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.part")
