"""What a file is, judged by its bytes and never by its name or by what the sender says."""

import hashlib
import io
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Self

from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from . import limits
from .errors import FileTooLarge, FileTypeRefused, ImageRefused


class Kind(StrEnum):
    """The kinds of file that the house keeps."""

    IMAGE = "image"
    VIDEO = "video"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class FileType:
    """One accepted type: its kind, MIME type and the extension that we give it."""

    kind: Kind
    content_type: str
    extension: str


JPEG = FileType(Kind.IMAGE, "image/jpeg", "jpg")
PNG = FileType(Kind.IMAGE, "image/png", "png")
WEBP = FileType(Kind.IMAGE, "image/webp", "webp")
MP4 = FileType(Kind.VIDEO, "video/mp4", "mp4")
PDF = FileType(Kind.DOCUMENT, "application/pdf", "pdf")

IMAGES = (JPEG, PNG, WEBP)
TYPES = {file_type.content_type: file_type for file_type in (*IMAGES, MP4, PDF)}
MAX_BYTES = {
    Kind.IMAGE: limits.IMAGE_MAX_BYTES,
    Kind.VIDEO: limits.VIDEO_MAX_BYTES,
    Kind.DOCUMENT: limits.DOCUMENT_MAX_BYTES,
}
_PILLOW = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP"}
# Brands of ISO base media files that are MP4 video; HEIF and AVIF images share the container but not these.
_MP4_BRANDS = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"dash", b"M4V ", b"MSNV")

# A small file can be a large picture: memory and processor time are bounded for the process, not for each request.
_DECODERS = threading.BoundedSemaphore(limits.DECODERS_MAX_COUNT)


def sniff(head: bytes) -> FileType | None:
    """The type of a file by its first SNIFF_BYTES bytes, or None when it is none of ours."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[4:8] == b"ftyp" and head[8:12] in _MP4_BRANDS:
        return MP4
    if head.startswith(b"%PDF-"):
        return PDF
    return None


@dataclass(slots=True)
class Content:
    """Checked bytes, open at their beginning: close it, or use it as a context manager."""

    file: BinaryIO
    file_type: FileType
    size_bytes: int
    sha256: str

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def chunks(self) -> Iterator[bytes]:
        """The bytes from the beginning, CHUNK_BYTES at a time."""
        self.file.seek(0)
        while chunk := self.file.read(limits.CHUNK_BYTES):
            yield chunk


def receive(
    source: BinaryIO | Iterable[bytes] | bytes, accepted: Iterable[FileType], *, decode: bool = True
) -> Content:
    """Read `source` to its end, at most as many bytes as the kind may have, and say what it is.

    Images are decoded whole, unless the caller does so next (`decode` false). Memory stays below SPOOL_BYTES; the
    rest goes through a temporary file.
    Raises FileTypeRefused, FileTooLarge or ImageRefused.
    """
    allowed = tuple(accepted)
    digest = hashlib.sha256()
    spool: BinaryIO = tempfile.SpooledTemporaryFile(limits.SPOOL_BYTES)  # type: ignore[assignment]  # noqa: SIM115
    try:
        head, size, found = b"", 0, None
        for chunk in _chunks(source):
            size += len(chunk)
            digest.update(chunk)
            spool.write(chunk)
            if found is None:
                head = (head + chunk)[: limits.SNIFF_BYTES]
                if len(head) == limits.SNIFF_BYTES:
                    found = _accept(head, allowed)
            if found is not None and size > MAX_BYTES[found.kind]:
                raise FileTooLarge(max_bytes=MAX_BYTES[found.kind])
        found = found or _accept(head, allowed)
        spool.seek(0)
        if decode and found.kind is Kind.IMAGE:
            check_image(spool, found)
            spool.seek(0)
        return Content(spool, found, size, digest.hexdigest())
    except BaseException:
        spool.close()
        raise


def _chunks(source: BinaryIO | Iterable[bytes] | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield from (source[at : at + limits.CHUNK_BYTES] for at in range(0, len(source), limits.CHUNK_BYTES))
    elif hasattr(source, "read"):
        while chunk := source.read(limits.CHUNK_BYTES):
            yield chunk
    else:
        yield from source


def _accept(head: bytes, allowed: tuple[FileType, ...]) -> FileType:
    found = sniff(head)
    if found is None or found not in allowed:
        raise FileTypeRefused(
            found=found.extension if found else ("empty" if not head else "of an unknown type"),
            accepted=", ".join(file_type.extension for file_type in allowed),
        )
    return found


def check_image(file: BinaryIO, file_type: FileType) -> tuple[int, int]:
    """Decode an image whole and return (width, height) in pixels as a person sees it, EXIF orientation applied.

    Raises ImageRefused with the reason.
    """
    with _DECODERS, _decoded(file, file_type) as image:
        ImageOps.exif_transpose(image, in_place=True)
        return image.size


def clean_image(file: BinaryIO, file_type: FileType) -> Content:
    """The image again with its pixels upright in sRGB and nothing else: no EXIF, GPS, thumbnails or trailing bytes.

    The same input gives the same bytes. Raises ImageRefused.
    """
    out: BinaryIO = tempfile.SpooledTemporaryFile(limits.SPOOL_BYTES)  # type: ignore[assignment]  # noqa: SIM115
    try:
        with _DECODERS:
            _write_clean(file, file_type, out)
        size = out.tell()
        if size > limits.IMAGE_MAX_BYTES:
            raise FileTooLarge(max_bytes=limits.IMAGE_MAX_BYTES)
        out.seek(0)
        digest = hashlib.sha256()
        for chunk in _chunks(out):
            digest.update(chunk)
        out.seek(0)
        return Content(out, file_type, size, digest.hexdigest())
    except BaseException:
        out.close()
        raise


def _write_clean(file: BinaryIO, file_type: FileType, out: BinaryIO) -> None:
    # One name for all of them, so that each step's picture is freed when the next one is there.
    image: Image.Image = _decoded(file, file_type)
    ImageOps.exif_transpose(image, in_place=True)
    image = _plain(_srgb(image), file_type)
    if file_type is JPEG:
        image.save(out, "JPEG", quality=limits.JPEG_QUALITY_PERCENT)
    elif file_type is WEBP:
        image.save(out, "WEBP", quality=limits.JPEG_QUALITY_PERCENT, method=4)
    else:
        image.save(out, "PNG")


def _decoded(file: BinaryIO, file_type: FileType) -> Image.Image:
    """The image with all pixels loaded. Sizes are judged from the header, before memory is spent on pixels."""
    try:
        image = Image.open(file, formats=[_PILLOW[file_type]])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageRefused(reason=_too_many_pixels()) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise ImageRefused(reason="it cannot be decoded") from None
    try:
        _check_size(*image.size)
        # A second frame of a JPEG is a telephone's preview or gain map, not an animation.
        if file_type is not JPEG and getattr(image, "n_frames", 1) > 1:
            raise ImageRefused(reason="it is animated; a still image is needed")
        image.load()
    except (OSError, ValueError, SyntaxError, MemoryError, IndexError, EOFError):
        raise ImageRefused(reason="it cannot be decoded to its end") from None
    return image


def _check_size(width: int, height: int) -> None:
    if width * height > limits.IMAGE_MAX_PIXELS:
        raise ImageRefused(reason=_too_many_pixels())
    if max(width, height) > limits.IMAGE_SIDE_MAX_PIXELS:
        raise ImageRefused(reason=_("a side is longer than %(count)s pixels") % {"count": limits.IMAGE_SIDE_MAX_PIXELS})
    if min(width, height) < limits.IMAGE_SIDE_MIN_PIXELS:
        raise ImageRefused(
            reason=_("a side is shorter than %(count)s pixels") % {"count": limits.IMAGE_SIDE_MIN_PIXELS}
        )


def _too_many_pixels() -> str:
    return _("it has more than %(count)s pixels") % {"count": limits.IMAGE_MAX_PIXELS}


def _srgb(image: Image.Image) -> Image.Image:
    """`image` in sRGB. A profile that cannot be applied is dropped, as browsers do."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image


def _plain(image: Image.Image, file_type: FileType) -> Image.Image:
    """Only the pixels, without any of the metadata that Pillow would write again; `image` itself where it can be."""
    has_alpha = file_type is not JPEG and ("A" in image.getbands() or "transparency" in image.info)
    mode = "RGBA" if has_alpha else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    image.info = {}
    return image
