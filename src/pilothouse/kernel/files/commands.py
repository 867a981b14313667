"""Verbs on files. Bytes go to the storage first, rows follow in the caller's transaction.

A crash between the two leaves an object without a row, which nobody can see; never a row without its object.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import BinaryIO

import structlog

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.days import SECONDS_PER_DAY
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope, worker_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.commands import apply

from . import limits
from .content import MAX_BYTES, TYPES, FileType, Kind, clean_image, receive
from .errors import FileTooLarge, FileTypeRefused, UploadMissing
from .models import FILE, UPLOAD, File, Upload
from .storage import DirectUpload, ObjectMissing, store

SQL = Statements(__file__)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Bytes that lie in the storage under their own new id and wait for their row (`record_files`)."""

    public_id: str
    tenant: int
    file_type: FileType
    size_bytes: int
    sha256: str
    storage_key: str


def put_object(
    tenant: int, source: BinaryIO | Iterable[bytes] | bytes, accepted: Iterable[FileType], *, clean: bool = False
) -> StoredObject:
    """Check `source` by its content and write it to the storage. Needs no scope, so it may run in any thread.

    With `clean` an image is kept as its pixels only (see `clean_image`); the hash is that of the kept bytes.
    Raises FileTypeRefused, FileTooLarge or ImageRefused.
    """
    with receive(source, accepted, decode=not clean) as received:
        if clean and received.file_type.kind is Kind.IMAGE:
            with clean_image(received.file, received.file_type) as cleaned:
                return _put(tenant, cleaned.file_type, cleaned.size_bytes, cleaned.sha256, cleaned.chunks())
        return _put(tenant, received.file_type, received.size_bytes, received.sha256, received.chunks())


def _put(tenant: int, file_type: FileType, size_bytes: int, sha256: str, chunks: Iterable[bytes]) -> StoredObject:
    public_id = new_id("file")
    key = f"{tenant}/{public_id}.{file_type.extension}"
    store().put(key, chunks, file_type.content_type)
    return StoredObject(public_id, tenant, file_type, size_bytes, sha256, key)


def record_files(
    stored: Sequence[StoredObject],
    *,
    purpose: str,
    kept_days: float | None = None,
    names: Sequence[str] | None = None,
) -> list[Row]:
    """Make the rows of a set of stored objects, in one statement of the caller's transaction.

    `kept_days` of business time from now; None keeps them until deleted. Returns {id, public_id, tenant, expires_at}
    in the given order.
    """
    if not stored:
        return []
    kept_s = None if kept_days is None else kept_days * SECONDS_PER_DAY
    actor = current_scope().actor
    rows = SQL.rows(
        "record_files",
        public_ids=[s.public_id for s in stored],
        tenants=[s.tenant for s in stored],
        kinds=[s.file_type.kind.value for s in stored],
        purposes=[purpose] * len(stored),
        names=[_plain_name(name) for name in names or [""] * len(stored)],
        content_types=[s.file_type.content_type for s in stored],
        sizes=[s.size_bytes for s in stored],
        sha256s=[s.sha256 for s in stored],
        storage_keys=[s.storage_key for s in stored],
        created_bys=[actor] * len(stored),
        kept_s=[kept_s] * len(stored),
    )
    by_id = {row["public_id"]: row for row in rows}
    return [by_id[s.public_id] for s in stored]


def discard_objects(stored: Iterable[StoredObject]) -> None:
    """Delete objects whose rows were never made, for example because the transaction was refused.

    What an unreachable storage keeps, the sweep of orphans deletes a day later.
    """
    keys = [s.storage_key for s in stored]
    try:
        store().delete(keys)
    except Exception:
        log.warning("objects_not_discarded", keys=keys, exc_info=True)


@contextmanager
def discarded_on_error(stored: Sequence[StoredObject]) -> Iterator[None]:
    """Delete these objects when the block, which was to make their rows, fails. `stored` may grow inside it."""
    try:
        yield
    except BaseException:
        discard_objects(stored)
        raise


def store_file(
    source: BinaryIO | Iterable[bytes] | bytes,
    accepted: Iterable[FileType],
    *,
    purpose: str,
    name: str = "",
    clean: bool = False,
    kept_days: float | None = None,
) -> File:
    """Check, store and record one file for the tenant of the open scope. The object is removed when the row fails."""
    tenant = current_scope().tenant
    if tenant is None:
        raise InvalidInput(reason="A file belongs to one tenant; open a tenant's scope.")
    stored = put_object(tenant, source, accepted, clean=clean)
    with discarded_on_error([stored]):
        (row,) = record_files([stored], purpose=purpose, kept_days=kept_days, names=[name])
    return File.objects.get(id=row["id"])


def keep_files(public_ids: Sequence[str], kept_days: float) -> set[str]:
    """Keep stored files of the open scope's tenant for at least `kept_days` of business time from now.

    Returns the ids of those that are stored; they are locked, so the sweep cannot take them before the caller commits.
    """
    rows = SQL.rows("keep_files", public_ids=sorted(set(public_ids)), kept_s=kept_days * SECONDS_PER_DAY)
    return {row["public_id"] for row in rows}


def delete_files(public_ids: Sequence[str], *, role: str = "customer") -> int:
    """Delete files now; returns how many were there. The rows stay as a record without their bytes."""
    rows = list(File.objects.filter(public_id__in=public_ids, state="stored").values("id", "storage_key"))
    _delete(FILE.name, "delete", role, [(row["id"], row["storage_key"]) for row in rows])
    return len(rows)


@dataclass(frozen=True, slots=True)
class NewUpload:
    """An upload that awaits its bytes: by `direct` request to the storage, or else in a POST to our API."""

    public_id: str
    expires_at: datetime
    direct: DirectUpload | None


def create_upload(*, content_type: str, size_bytes: int, purpose: str, accepted: Iterable[FileType]) -> NewUpload:
    """Announce a direct upload for the tenant of the open scope.

    The declared type only refuses early; what counts are the bytes, in `complete_upload`.
    Raises FileTypeRefused or FileTooLarge.
    """
    allowed = tuple(accepted)
    declared = TYPES.get(content_type)
    if declared is None or declared not in allowed:
        raise FileTypeRefused(found="of an unknown type", accepted=", ".join(t.extension for t in allowed))
    if not 0 < size_bytes <= MAX_BYTES[declared.kind]:
        raise FileTooLarge(max_bytes=MAX_BYTES[declared.kind])
    scope = current_scope()
    public_id = new_id("upl")
    key = f"{scope.tenant}/{public_id}.part"
    row = SQL.one(
        "create_upload",
        public_id=public_id,
        tenant=scope.tenant,
        purpose=purpose,
        content_type=content_type,
        size_bytes=size_bytes,
        storage_key=key,
        created_by=scope.actor,
        life_s=limits.UPLOAD_LIFE_S,
    )
    assert row is not None
    return NewUpload(public_id, row["expires_at"], store().direct_upload(key, content_type, size_bytes))


def complete_upload(
    public_id: str,
    accepted: Iterable[FileType],
    *,
    source: BinaryIO | Iterable[bytes] | None = None,
    clean: bool = True,
    kept_days: float | None = None,
) -> File:
    """Turn an upload's bytes into a file: from the storage, or from `source` when they came through our API.

    Completing twice gives the same file. Raises NotFound, UploadMissing or what `store_file` raises.
    """
    if "\0" in public_id:
        raise NotFound(what="upload")
    try:
        upload = Upload.objects.select_for_update().get(public_id=public_id)
    except Upload.DoesNotExist:
        raise NotFound(what="upload") from None
    if upload.state == "completed":
        return File.objects.get(id=upload.file_id or 0)
    if upload.state != "awaited":
        raise NotFound(what="upload")
    try:
        content = store().read(upload.storage_key) if source is None else source
    except ObjectMissing:
        raise UploadMissing() from None
    made = store_file(content, accepted, purpose=upload.purpose, clean=clean, kept_days=kept_days)
    apply(
        UPLOAD, "complete", [upload.id], role="customer", changes={"file_id": made.id, "ended_at": clock.business_now()}
    )
    if source is None:
        store().delete([upload.storage_key])
    return made


def delete_expired(limit: int = limits.EXPIRE_MAX_ROWS) -> int:
    """Delete a set of files and uploads whose time has come, each with a timeline event; returns how many.

    Opens its own worker scope. Objects go before rows are marked: a crash between repeats harmlessly.
    """
    with worker_scope("retention"):
        files = SQL.rows("expired_files", count=limit)
        _delete(FILE.name, "expire", "timer", [(row["id"], row["storage_key"]) for row in files])
        uploads = SQL.rows("expired_uploads", count=limit)
        _delete(UPLOAD.name, "expire", "timer", [(row["id"], row["storage_key"]) for row in uploads])
        return len(files) + len(uploads)


def delete_orphans(age_s: float = limits.ORPHAN_AGE_S) -> int:
    """Delete objects that no row has named for a day: what a crash left between an object and its row.

    Opens its own worker scopes. A database that knows fewer than half of what is stored is not the one that this
    storage belongs to (an old copy, another house): then nothing is deleted, and the log says so. Returns how many.
    """
    keys = store().older_than(age_s)
    orphans: list[str] = []
    known = 0
    while chunk := list(islice(keys, limits.ORPHAN_CHUNK_KEYS)):
        with worker_scope("retention"):
            named = {row["storage_key"] for row in SQL.rows("named_objects", keys=chunk)}
        known += len(named)
        orphans += [key for key in chunk if key not in named][: limits.ORPHANS_MAX_COUNT - len(orphans)]
    if len(orphans) > max(known, limits.ORPHANS_OF_EMPTY_HOUSE_MAX_COUNT):
        log.error("orphans_not_deleted", orphans=len(orphans), known=known)
        return 0
    store().delete(orphans)
    if orphans:
        log.info("orphans_deleted", count=len(orphans), first=orphans[0])
    return len(orphans)


def _delete(kind: str, event: str, role: str, rows: Sequence[tuple[int, str]]) -> None:
    if not rows:
        return
    store().delete([key for _, key in rows])
    lifecycle, column = (FILE, "deleted_at") if kind == FILE.name else (UPLOAD, "ended_at")
    apply(lifecycle, event, [key for key, _ in rows], role=role, changes={column: clock.business_now()})


def _plain_name(name: str) -> str:
    """A person's file name, kept only to be shown and offered again: no path, no control or header characters."""
    base = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[\x00-\x1f\x7f\"%;]", "", base)[: limits.FILE_NAME_MAX_CHARACTERS].strip()
