"""Frames to an MP4 that every browser plays: H.264 4:2:0, index in front, one bit-exact encoder thread."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import av
from av.codec.context import Flags
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.render.planes import Planes

_X264_OPTIONS: Final = {"preset": "superfast", "crf": "21", "threads": "1", "aq-mode": "3", "bf": "2", "g": "48"}


def _padded(channel: Image.Image, line_size: int) -> bytes:
    """The bytes of a plane with each row filled up to the encoder's line size."""
    if channel.width != line_size:
        wide = Image.new("L", (line_size, channel.height))
        wide.paste(channel, (0, 0))
        channel = wide
    return channel.tobytes()


def encode_mp4(
    frames: Iterable[Planes], size: tuple[int, int], path: Path, rate_fps: int = limits.FRAME_RATE_FPS
) -> None:
    """Write `frames` of `size` at `rate_fps` to `path`. Raises OSError or av.FFmpegError."""
    with av.open(
        str(path),
        "w",
        format="mp4",
        options={"movflags": "+faststart", "fflags": "+bitexact", "brand": "mp42"},
    ) as container:
        stream = container.add_stream("libx264", rate=rate_fps, options=dict(_X264_OPTIONS))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.flags |= Flags.bitexact
        context.thread_count = 1
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = 1
        context.color_trc = 1
        for number, picture in enumerate(frames):
            frame = av.VideoFrame(*size, "yuv420p")
            for plane, channel in zip(frame.planes, (picture.luma, picture.blue, picture.red), strict=True):
                plane.update(_padded(channel, plane.line_size))
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
