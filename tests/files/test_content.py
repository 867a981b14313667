"""Files are what their bytes are: sniffing, decoding, bombs, animations, metadata."""

import hashlib
import io
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from pilothouse.kernel.files import commands, limits
from pilothouse.kernel.files import content as content_module
from pilothouse.kernel.files.content import IMAGES, JPEG, MP4, PDF, PNG, WEBP, FileType, clean_image, receive, sniff
from pilothouse.kernel.files.errors import FileTooLarge, FileTypeRefused, ImageRefused
from pilothouse.kernel.files.storage import LocalStore


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 32), mode: str = "RGB", **save: object) -> bytes:
    out = io.BytesIO()
    image = Image.new(mode, size, "red") if mode != "P" else Image.new("RGB", size, "red").convert("P")
    image.putpixel((0, 0), (0, 0, 255) if mode == "RGB" else 1)
    image.save(out, kind, **save)
    return out.getvalue()


def mp4(brand: bytes = b"isom") -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + b"\0\0\2\0isommp41" + b"\0" * 100


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (picture("PNG"), PNG),
        (picture("JPEG"), JPEG),
        (picture("WEBP"), WEBP),
        (mp4(), MP4),
        (mp4(b"avif"), None),
        (mp4(b"heic"), None),
        (mp4(b"qt  "), None),
        (b"%PDF-1.7\n" + b" " * 100, PDF),
        (picture("GIF", mode="P"), None),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>" + b" " * 60, None),
        (b"<html>" + b" " * 100, None),
        (b"RIFF\0\0\0\0WAVE" + b" " * 100, None),
        (b"", None),
    ],
)
def test_sniffing_by_bytes(content: bytes, found: FileType | None) -> None:
    assert sniff(content[: limits.SNIFF_BYTES]) is found


def test_receive_counts_hashes_and_streams() -> None:
    content = picture("PNG")

    def drops() -> Iterator[bytes]:
        for byte in content:
            yield bytes([byte])

    with receive(drops(), IMAGES) as got:
        assert b"".join(got.chunks()) == content
        assert (got.file_type, got.size_bytes) == (PNG, len(content))
        assert got.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("content", [b"", b"hello", mp4(), b"%PDF-1.7" + b" " * 99, picture("GIF", mode="P")])
def test_other_types_are_refused_where_images_are_asked_for(content: bytes) -> None:
    with pytest.raises(FileTypeRefused) as refusal:
        receive(content, IMAGES)
    assert "jpg, png, webp" in str(refusal.value)


def test_too_many_bytes_stop_the_reading() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield picture("PNG")
        while True:
            taken += 1
            yield b"\0" * 1024 * 1024

    with pytest.raises(FileTooLarge) as refusal:
        receive(endless(), IMAGES)
    assert refusal.value.details == {"max_bytes": limits.IMAGE_MAX_BYTES}
    assert taken <= 11


def png_claiming(width: int, height: int) -> bytes:
    """A small PNG whose header claims a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (png_claiming(60_000, 60_000), "pixels"),
        (png_claiming(9_000, 9_000), "pixels"),
        (png_claiming(20_000, 100), "a side is longer"),
        (picture("PNG", (8, 8)), "a side is shorter"),
        (png_claiming(400, 400), "cannot be decoded"),
        (picture("JPEG", (400, 400))[:1200], "cannot be decoded"),
        (picture("PNG", (400, 400))[:200], "cannot be decoded"),
        (picture("WEBP", (400, 400))[:90], "cannot be decoded"),
        (b"\xff\xd8\xff" + b"\0" * 500, "cannot be decoded"),
        (b"RIFF\0\0\0\0WEBP" + b"\0" * 500, "cannot be decoded"),
    ],
)
def test_images_that_cannot_be_shown_are_refused(content: bytes, words: str) -> None:
    with pytest.raises(ImageRefused, match=words):
        receive(content, IMAGES)


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_animations_are_refused(kind: str) -> None:
    out = io.BytesIO()
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(ImageRefused, match="animated"):
        receive(out.getvalue(), IMAGES)


def test_clean_image_keeps_the_picture_and_nothing_else() -> None:
    """A photograph that lies on its side, with GPS, comment, profile and a script behind its end."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = (
        picture("JPEG", (64, 32), exif=exif, comment=b"SECRET-COMMENT", icc_profile=profile) + b"<script>x</script>"
    )
    with receive(source, IMAGES) as got, clean_image(got.file, got.file_type) as cleaned:
        data = b"".join(cleaned.chunks())
        again = Image.open(io.BytesIO(data))
        assert again.size == (32, 64)
        assert not again.getexif()
        assert "icc_profile" not in again.info
        assert b"SECRET" not in data
        assert b"<script>" not in data
        assert cleaned.size_bytes == len(data)
    with receive(source, IMAGES) as got, clean_image(got.file, got.file_type) as twin:
        assert twin.sha256 == cleaned.sha256, "the same input gives the same bytes"


def test_clean_image_keeps_transparency() -> None:
    source = io.BytesIO()
    Image.new("RGBA", (32, 32), (255, 0, 0, 0)).save(source, "PNG")
    with receive(source.getvalue(), IMAGES) as got, clean_image(got.file, PNG) as cleaned:
        assert Image.open(cleaned.file).convert("RGBA").getpixel((5, 5))[3] == 0


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_no_metadata_of_any_format_survives(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRET-CAMERA"
    save: dict[str, Any] = {"exif": exif, "xmp": b"<x>SECRET-XMP</x>", "icc_profile": b"SECRET-PROFILE"}
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", "SECRET-TEXT")
        save["pnginfo"] = text
    source = picture(kind, **save)
    assert b"SECRET" in source
    with receive(source, IMAGES, decode=False) as got, clean_image(got.file, got.file_type) as cleaned:
        data = b"".join(cleaned.chunks())
    again = Image.open(io.BytesIO(data))
    again.load()
    assert b"SECRET" not in data
    assert again.info.keys().isdisjoint({"exif", "xmp", "icc_profile", "Comment"})


def test_more_than_twenty_megapixels_are_refused_before_they_are_decoded() -> None:
    assert limits.IMAGE_MAX_PIXELS == 20_000_000
    for decode in (True, False):
        with (
            pytest.raises(ImageRefused, match="pixels"),
            receive(png_claiming(6_300, 6_300), IMAGES, decode=decode) as got,
        ):
            clean_image(got.file, got.file_type)


def test_the_largest_picture_costs_little_memory() -> None:
    """Measured in a process of its own: the peak over what stood before, for 79 MB of pixels."""
    program = """
import io, resource
from PIL import Image
from pilothouse.kernel.files.content import IMAGES, clean_image, receive
out = io.BytesIO()
Image.new("1", (4_400, 4_500)).save(out, "PNG")
with receive(out.getvalue()[:], IMAGES, decode=False) as small:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with clean_image(small.file, small.file_type):
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    grown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert int(grown.stdout) < 200, f"{grown.stdout.strip()} MB"


def test_an_image_that_is_cleaned_is_decoded_once_and_only_two_at_a_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real, lock = content_module._decoded, threading.Lock()
    calls, running, most = 0, 0, 0

    def slow(file: BinaryIO, file_type: FileType) -> Image.Image:
        nonlocal calls, running, most
        with lock:
            calls, running = calls + 1, running + 1
            most = max(most, running)
        time.sleep(0.05)
        image = real(file, file_type)
        with lock:
            running -= 1
        return image

    monkeypatch.setattr(content_module, "_decoded", slow)
    monkeypatch.setattr(commands, "store", lambda: LocalStore(tmp_path))
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: commands.put_object(1, picture("PNG"), IMAGES, clean=True), range(6)))
    assert (calls, most) == (6, limits.DECODERS_MAX_COUNT)
