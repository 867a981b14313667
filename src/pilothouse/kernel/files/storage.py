"""Where bytes are kept: a folder below DATA, or any S3-compatible bucket named by STORAGE_URL.

`s3://KEY:SECRET@HOST[:PORT]/BUCKET[/PREFIX][?region=auto&tls=0]` fits AWS, R2, MinIO and Supabase Storage.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import structlog
from django.conf import settings

from pilothouse.kernel.base import clock

from . import limits
from .errors import StorageDown

log = structlog.get_logger(__name__)


class ObjectMissing(Exception):
    """There is no object under this key."""


@dataclass(frozen=True, slots=True)
class DirectUpload:
    """A request that a customer's program sends straight to the storage: `method` to `url` with `headers`."""

    method: str
    url: str
    headers: dict[str, str]


class Store(Protocol):
    """What the room needs from a storage. Keys are ours, never a person's words."""

    def put(self, key: str, chunks: Iterable[bytes], content_type: str) -> None:
        """Write an object whole or not at all."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to but without `end`. Raises ObjectMissing before the first chunk."""

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; one that is not there is no error."""

    def older_than(self, age_s: float) -> Iterator[str]:
        """The keys of all objects that were written longer than `age_s` of machine time ago, in no order."""

    def direct_upload(self, key: str, content_type: str, size_bytes: int) -> DirectUpload | None:
        """A presigned request, or None when bytes must come through our own API."""


class LocalStore:
    """A folder of this machine. A file appears under its key only when it is whole and on the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """The file of a key; ValueError for a key that would leave the folder."""
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise ValueError(f"the key {key!r} leaves the folder")
        return path

    def put(self, key: str, chunks: Iterable[bytes], content_type: str) -> None:
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as out:
                for chunk in chunks:
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        try:
            file = self.path(key).open("rb")
        except FileNotFoundError:
            raise ObjectMissing(key) from None

        def chunks() -> Iterator[bytes]:
            with file:
                file.seek(start)
                left = None if end is None else end - start
                while left is None or left > 0:
                    chunk = file.read(limits.CHUNK_BYTES if left is None else min(limits.CHUNK_BYTES, left))
                    if not chunk:
                        return
                    left = None if left is None else left - len(chunk)
                    yield chunk

        return chunks()

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.path(key).unlink(missing_ok=True)

    def older_than(self, age_s: float) -> Iterator[str]:
        newest = clock.now().timestamp() - age_s
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = Path(folder, name)
                try:
                    old = path.stat().st_mtime < newest
                except FileNotFoundError:
                    continue
                if old:
                    yield path.relative_to(self.root).as_posix()

    def direct_upload(self, key: str, content_type: str, size_bytes: int) -> DirectUpload | None:
        return None


@contextmanager
def _reached(key: str = "") -> Iterator[None]:
    """Tell an object that is not there (ObjectMissing) from a bucket that does not serve us (StorageDown)."""
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404 and code != "NoSuchBucket":
            raise ObjectMissing(key) from None
        log.error("storage_refused", key=key, code=code)
        raise StorageDown() from error
    except BotoCoreError as error:
        log.error("storage_unreached", key=key, error=type(error).__name__)
        raise StorageDown() from error


class S3Store:
    """A bucket, through django-storages' configuration of boto3. Every method may raise StorageDown."""

    def __init__(self, url: str) -> None:
        # boto3 costs a second and 40 MB to import; a house on local files does not pay for it.
        from botocore.config import Config  # type: ignore[import-untyped]
        from storages.backends.s3 import S3Storage

        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        bucket, _, prefix = parts.path.strip("/").partition("/")
        if parts.scheme != "s3" or not parts.hostname or not bucket:
            raise ValueError("STORAGE_URL must look like s3://KEY:SECRET@HOST/BUCKET[/PREFIX][?region=auto&tls=0]")
        scheme = "http" if options.get("tls") == "0" else "https"
        self._prefix = f"{prefix}/" if prefix else ""
        self._storage = S3Storage(
            access_key=unquote(parts.username or "") or None,
            secret_key=unquote(parts.password or "") or None,
            bucket_name=bucket,
            endpoint_url=f"{scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}",
            region_name=options.get("region", "auto"),
            default_acl=None,
            # Trailing checksums are refused by R2, MinIO and Supabase; the house keeps its own SHA-256.
            client_config=Config(
                s3={"addressing_style": "path"},
                signature_version="s3v4",
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=10,
                read_timeout=60,
                retries={"max_attempts": 3, "mode": "standard"},
            ),
        )

    @property
    def _bucket(self) -> Any:
        return self._storage.bucket

    def put(self, key: str, chunks: Iterable[bytes], content_type: str) -> None:
        with tempfile.SpooledTemporaryFile(limits.SPOOL_BYTES) as spool:
            for chunk in chunks:
                spool.write(chunk)
            spool.seek(0)
            with _reached(key):
                self._bucket.Object(self._prefix + key).upload_fileobj(spool, ExtraArgs={"ContentType": content_type})

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        wanted = {} if (start, end) == (0, None) else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        with _reached(key):
            body = self._bucket.Object(self._prefix + key).get(**wanted)["Body"]

        def chunks() -> Iterator[bytes]:
            with body:
                yield from body.iter_chunks(limits.CHUNK_BYTES)

        return chunks()

    def delete(self, keys: Iterable[str]) -> None:
        # One request each: the set form needs a checksum that some servers do not know.
        for key in keys:
            with _reached(key):
                self._bucket.Object(self._prefix + key).delete()

    def older_than(self, age_s: float) -> Iterator[str]:
        newest = clock.now() - timedelta(seconds=age_s)
        with _reached():
            for found in self._bucket.objects.filter(Prefix=self._prefix):
                if found.last_modified < newest:
                    yield found.key.removeprefix(self._prefix)

    def direct_upload(self, key: str, content_type: str, size_bytes: int) -> DirectUpload | None:
        url = self._bucket.meta.client.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket.name,
                "Key": self._prefix + key,
                "ContentType": content_type,
                "ContentLength": size_bytes,
            },
            ExpiresIn=limits.UPLOAD_LIFE_S,
        )
        return DirectUpload("PUT", url, {"Content-Type": content_type, "Content-Length": str(size_bytes)})


@lru_cache(maxsize=4)
def _store(url: str, root: Path) -> Store:
    return S3Store(url) if url else LocalStore(root)


_apart: ContextVar[str] = ContextVar("apart", default="")


@contextmanager
def stored_apart(name: str) -> Iterator[None]:
    """For the block all files are stored under a name of their own: a rehearsal's, whose ids another may draw, too."""
    token = _apart.set(name)
    try:
        yield
    finally:
        _apart.reset(token)


def store() -> Store:
    """The storage that the settings name."""
    url, root, apart = settings.STORAGE_URL, Path(settings.DATA) / "files", _apart.get()
    if apart:
        parts = urlsplit(url)
        url = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{apart}")) if url else ""
        root = Path(settings.DATA) / "rehearsals" / apart
    return _store(url, root)
