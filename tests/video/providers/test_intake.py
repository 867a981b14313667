"""What an upstream wrote beside its pictures never reaches a customer; its pictures and sound do."""

from pathlib import Path

import av
import pytest
from upstream import pictures, sample_video

from pilothouse.programs.video.providers.intake import adopt

MARKS = (b"veo-3.0", b"C2PA-manifest", b"Opening scene", b"SomeHandler", b"Lavf", b"x264", b"secret subtitle")


def _signed(folder: Path) -> bytes:
    """The sample with tags, a chapter, a sound stream with a handler, and a provenance box at its end."""
    plain = folder / "plain.mp4"
    sample_video(plain)
    marked = folder / "marked.mp4"
    with av.open(str(plain)) as given, av.open(str(marked), "w", format="mp4") as made:
        made.metadata.update({"comment": "made by google veo-3.0", "encoder": "veo-3.0", "title": "veo-3.0"})
        made.set_chapters(
            [
                {
                    "id": 1,
                    "start": 0,
                    "end": 2,
                    "time_base": given.streams.video[0].time_base,
                    "metadata": {"title": "Opening scene"},
                }
            ]
        )
        copy = made.add_stream_from_template(given.streams.video[0], opaque=True)
        copy.metadata["handler_name"] = "SomeHandler"
        sound = made.add_stream("aac", rate=44_100, layout="mono")
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = copy
                made.mux(packet)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.planes[0].update(bytes(4096))
        frame.rate, frame.pts = 44_100, 0
        made.mux(sound.encode(frame))
        made.mux(sound.encode(None))
    manifest = b"C2PA-manifest by google"
    return marked.read_bytes() + (24 + len(manifest)).to_bytes(4, "big") + b"uuid" + bytes(range(16)) + manifest


def test_the_marks_of_the_maker_are_gone_and_the_pictures_are_not(tmp_path: Path) -> None:
    data = _signed(tmp_path)
    planted = [mark for mark in MARKS if mark in data]
    assert {b"veo-3.0", b"C2PA-manifest", b"Opening scene", b"SomeHandler", b"x264"} <= set(planted)
    part, destination = tmp_path / "part", tmp_path / "out" / "video.mp4"
    destination.parent.mkdir()
    part.write_bytes(data)
    fetched = adopt(part, destination)
    assert fetched.kind == "fetched", fetched
    kept = destination.read_bytes()
    assert [mark for mark in planted if mark in kept] == []
    assert fetched.size_bytes == len(kept)
    assert pictures(kept) == pictures(data)
    assert kept.index(b"moov") < kept.index(b"mdat")
    with av.open(str(destination)) as container:
        assert container.metadata.keys() <= {"major_brand", "minor_version", "compatible_brands"}
        assert container.chapters() == []
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    assert not part.exists()
    assert list(destination.parent.iterdir()) == [destination]
    # The same upstream file gives the same bytes again, and a bare file is left as it is.
    part.write_bytes(data)
    assert adopt(part, destination).kind == "fetched"
    assert destination.read_bytes() == kept


def test_a_tag_that_is_no_text_is_no_reason_to_fail(tmp_path: Path) -> None:
    data = _signed(tmp_path).replace(b"made by google veo-3.0", b"made by google \xff\xfe\xff-3.0")
    part = tmp_path / "part"
    part.write_bytes(data)
    assert adopt(part, tmp_path / "video.mp4").kind == "fetched"


@pytest.mark.parametrize("ours", [False, True])
def test_a_file_cut_short_is_refused_and_leaves_nothing(tmp_path: Path, ours: bool) -> None:
    data = sample_video(tmp_path / "plain.mp4")
    part, folder = tmp_path / "part", tmp_path / "out"
    folder.mkdir()
    for broken in (data[: len(data) // 2], b"not a video", b""):
        part.write_bytes(broken)
        outcome = adopt(part, folder / "video.mp4", ours=ours)
        assert (outcome.kind, getattr(outcome, "code", "")) == ("broken", "truncated")
        assert list(folder.iterdir()) == []


def test_our_own_bytes_stay_as_they_are(tmp_path: Path) -> None:
    data = sample_video(tmp_path / "part")
    assert adopt(tmp_path / "part", tmp_path / "video.mp4", ours=True).kind == "fetched"
    assert (tmp_path / "video.mp4").read_bytes() == data
