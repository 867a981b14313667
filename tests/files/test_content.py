"""Files are what their bytes are: sniffing, decoding, bombs, animations, metadata."""

import hashlib
import io
import struct
import zlib
from collections.abc import Iterator

import pytest
from PIL import Image, ImageCms

from pilothouse.kernel.files import limits
from pilothouse.kernel.files.content import IMAGES, JPEG, MP4, PDF, PNG, WEBP, FileType, clean_image, receive, sniff
from pilothouse.kernel.files.errors import FileTooLarge, FileTypeRefused, ImageRefused


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
