"""The last step of every fetch: a part becomes the file only when it is a whole video, without its maker's marks."""

from pathlib import Path
from typing import Any, Final

import av
from av.bitstream import BitStreamFilterContext

from pilothouse.programs.video.providers.media import BrokenVideo, part_path, video_facts
from pilothouse.programs.video.providers.protocol import Broken, Fetched, FetchOutcome, file_hash

# Units of supplemental information inside the picture stream, by codec: encoders sign there, and no picture needs them.
_SIGNED_UNITS: Final = {"h264": "6", "hevc": "39|40"}


def adopt(part: Path, destination: Path, *, ours: bool = False) -> FetchOutcome:
    """Check the whole file `part`, take every mark of its maker out and move it to `destination`. Raises OSError.

    A customer must not learn from a file who made it (tags, chapters, provenance boxes), so it is written anew unless
    it is `ours`: what our own encoder wrote carries nothing, and its bytes stay as they are.
    """
    if ours:
        return _adopt(part, destination)
    bare = part_path(destination)
    try:
        facts = video_facts(part)
        _write_bare(part, bare)
        outcome = _adopt(bare, destination, frames=facts.frames)
    except (BrokenVideo, av.FFmpegError, ValueError) as error:
        return Broken("truncated", str(error) if isinstance(error, BrokenVideo) else "The file cannot be copied whole.")
    finally:
        bare.unlink(missing_ok=True)
    part.unlink(missing_ok=True)
    return outcome


def _adopt(part: Path, destination: Path, *, frames: int | None = None) -> FetchOutcome:
    try:
        facts = video_facts(part)
    except BrokenVideo as error:
        return Broken("truncated", str(error))
    if frames is not None and facts.frames != frames:
        return Broken("truncated", f"Of {frames} frames {facts.frames} could be copied.")
    size_bytes, sha256 = file_hash(part)
    part.replace(destination)
    return Fetched(destination, size_bytes, sha256, facts)


def _write_bare(source: Path, target: Path) -> None:
    """Copy the first picture stream and all sound of `source`, not encoded anew, and nothing else."""
    with (
        av.open(str(source), metadata_errors="ignore") as given,
        av.open(
            str(target),
            "w",
            format="mp4",
            options={"movflags": "+faststart", "fflags": "+bitexact", "brand": "mp42"},
        ) as made,
    ):
        picture = given.streams.video[0]
        kept: dict[int, tuple[Any, BitStreamFilterContext | None]] = {}
        for stream in (picture, *given.streams.audio):
            copy = made.add_stream_from_template(stream, opaque=True)
            units = _SIGNED_UNITS.get(stream.codec_context.name) if stream is picture else None
            kept[stream.index] = (
                copy,
                BitStreamFilterContext(f"filter_units=remove_types={units}", stream, copy) if units else None,
            )
        for packet in given.demux([picture, *given.streams.audio]):
            copy, unsigned = kept[packet.stream.index]
            # An empty packet marks the end of its stream, which the filter wants to hear of.
            for out in unsigned.filter(packet if packet.size else None) if unsigned else [packet] * bool(packet.size):
                out.stream = copy
                made.mux(out)
